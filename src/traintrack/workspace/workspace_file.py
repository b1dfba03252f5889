"""TTWORKSPACE.yaml: finding it, and from its text to a Workspace."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from traintrack.errors import HostError, InputError, Location, raise_all
from traintrack.label import is_segment
from traintrack.version import VERSION
from traintrack.workspace import checks
from traintrack.workspace.document import Document
from traintrack.workspace.environments import read_environments
from traintrack.workspace.findings import Findings, shown
from traintrack.workspace.fingerprint import fingerprint
from traintrack.workspace.images import check_platform, read_images
from traintrack.workspace.lost_holes import refuse_holes_in_keys
from traintrack.workspace.model import EnvironmentSpec, Layer, Workspace
from traintrack.workspace.parse_cache import load_document
from traintrack.workspace.profiles import read_workspace_profiles
from traintrack.workspace.requirement import RequirementError, satisfies
from traintrack.workspace.small_file import read_small
from traintrack.workspace.suggest import did_you_mean, one_of
from traintrack.workspace.target_fields import CHECKS, SHAPE, check_fields

FILE: Final = "TTWORKSPACE.yaml"
SECTIONS: Final = (
    *("workspace", "requires", "platform", "defaults", "images", "tasks"),
    *("environments", "default_env", "profiles"),
)

_LAW_9: Final = "write `commit` in TTCONFIG.yaml: here, moving it would change the past of every experiment"
_REFUSED_IN_DEFAULTS: Final = {
    "commit": _LAW_9,
    "use": "write `use` in a target: defaults lie below it",
    "source": "write `source` in a target",
    "task": "write `task` in a target, or below `defaults` in TTCONFIG.yaml",
    **dict.fromkeys((*sorted(SHAPE - {"use"}), "except"), "write it in a target: defaults lie below it"),
}
_REFUSED_IN_TASKS: Final = {**_REFUSED_IN_DEFAULTS, "task": "the key above it names the task"}


def find_workspace(start: Path) -> Path:
    """Return the folder with the nearest TTWORKSPACE.yaml, from `start` upwards.

    Raises:
        InputError: there is none.
    """
    folder = Path(os.path.abspath(start))
    for candidate in (folder, *folder.parents):
        if os.path.isfile(candidate / FILE):
            return candidate
    raise InputError(
        f"no {FILE} in `{shown(folder.name or '/')}` or above it",
        code="no-workspace",
        hint="go to the workspace, name it with `-C DIR`, or make one with `traintrack init`",
    )


def load_workspace(root: Path) -> Workspace:
    """Read the TTWORKSPACE.yaml in `root`.

    Raises:
        InputError: all that is wrong with it; only the version, if the workspace needs another traintrack.
        HostError: it cannot be read.
    """
    root = Path(os.path.abspath(root))
    data = read_file(root, FILE)
    document = load_document(data, FILE)
    errors: list[InputError] = []
    findings = Findings(document.places, errors)
    sections = findings.section(document.value, ())
    _check_version(sections.get("requires"), findings)
    findings.refuse_marks(document.marks, ("defaults", "tasks", "profiles"))
    findings.refuse_long_keys(document.long_keys)
    for section in ("defaults", "tasks", "profiles") if document.has_holes else ():
        refuse_holes_in_keys(sections.get(section) or {}, (section,), findings)
    workspace = _read(sections, root, document, findings)
    raise_all(errors)
    return replace(workspace, digest=fingerprint(data))


def read_file(root: Path, path: str) -> bytes:
    """Return the bytes of a file of the workspace; `path` is relative to the root.

    Raises:
        InputError: there is no such file.
        HostError: it cannot be read.
    """
    try:
        return read_small(f"{root}/{path}")
    except (FileNotFoundError, NotADirectoryError) as error:
        message = f"there is no file `{shown(path)}`"
        raise InputError(message, code="no-file", location=Location(path, 1, 1), hint="create it") from error
    except OSError as error:
        message = f"`{shown(path)}` cannot be read: {error.strerror}"
        raise HostError(message, code="unreadable", location=Location(path, 1, 1), hint="check its rights") from error


def _check_version(requires: Any, findings: Findings) -> None:
    """Refuse another version before a newer file's fields are taken for mistakes."""
    if requires is None:
        return
    errors: list[InputError] = []
    text = checks.line(requires, ("requires",), Findings(findings.places, errors))
    raise_all(errors)
    place = findings.places.value(("requires",))
    try:
        met = satisfies(VERSION, text)
    except RequirementError as error:
        raise InputError(str(error), code="requires", location=place, hint='write `requires: ">=0.1"`') from error
    if not met:
        message = f"this workspace needs traintrack {shown(text)}, this is {VERSION}"
        raise InputError(
            message, code="requires", location=place, hint="run `uv tool install 'traintrack" + text + "'`"
        )


def _read(sections: Mapping[str, Any], root: Path, document: Document, findings: Findings) -> Workspace:
    for key in sections:
        if key not in SECTIONS:
            _unknown(key, findings)
    environments = read_environments(sections.get("environments"), findings)
    platform = sections.get("platform")
    return Workspace(
        name=_name(sections, findings),
        root=root,
        prefix=prefix_of(root),
        images=read_images(sections.get("images"), ("images",), findings),
        environments=environments,
        default_env=_default_env(sections.get("default_env"), environments, findings),
        platform="linux/amd64" if platform is None else check_platform(platform, ("platform",), findings),
        requires=sections.get("requires"),
        defaults=_defaults(sections.get("defaults"), document, findings),
        tasks=_tasks(sections.get("tasks"), document, findings),
        profiles=read_workspace_profiles(sections.get("profiles"), findings),
    )


def _unknown(key: str, findings: Findings) -> None:
    if key in CHECKS:
        hint = "write it below `defaults`, or in a target of a TTCONFIG.yaml"
        findings.at_key((key,), f"`{key}` is a field of targets", "misplaced-field", hint)
    elif key in {"targets", "templates"}:
        findings.at_key((key,), f"`{key}` belongs into a TTCONFIG.yaml", "misplaced-field", "move it there")
    else:
        findings.unknown((key,), SECTIONS, FILE)


def _name(sections: Mapping[str, Any], findings: Findings) -> str:
    name = sections.get("workspace")
    if name is None:
        findings.at_value((), "the workspace has no name", "missing-field", "add `workspace: NAME` at the top")
        return ""
    name = checks.line(name, ("workspace",), findings)
    if isinstance(name, str) and name and not is_segment(name):
        hint = "names are of `A-Z a-z 0-9 _ . + -`"
        findings.at_value(("workspace",), f"`{shown(name)}` cannot be the name of a workspace", "bad-name", hint)
    return str(name)


def _defaults(section: Any, document: Document, findings: Findings) -> Layer:
    base = ("defaults",)
    fields = findings.section(section, base)
    kept = check_fields(fields, base, findings, "`defaults` of the workspace", _REFUSED_IN_DEFAULTS)
    return Layer("defaults of the workspace", kept, base, document.places)


def _tasks(section: Any, document: Document, findings: Findings) -> dict[str, Layer]:
    found: dict[str, Layer] = {}
    for task, value in findings.section(section, ("tasks",)).items():
        base = ("tasks", task)
        fields = findings.section(value, base)
        kept = check_fields(fields, base, findings, f"`tasks.{shown(task)}`", _REFUSED_IN_TASKS)
        found[task] = Layer(f"tasks.{task}", kept, base, document.places)
    return found


def _default_env(value: Any, environments: Mapping[str, EnvironmentSpec], findings: Findings) -> str:
    """The declared one; without a word the only one, or `local`."""
    if value is None:
        return next(iter(environments)) if len(environments) == 1 else "local"
    value = checks.line(value, ("default_env",), findings)
    if isinstance(value, str) and value not in environments:
        otherwise = one_of(environments) if environments else "declare it below `environments`"
        message = f"no environment `{shown(value)}`"
        hint = did_you_mean(value, environments, otherwise)
        findings.at_value(("default_env",), message, "unknown-environment", hint)
    return str(value)


def prefix_of(root: Path) -> str:
    """Return the workspace folder inside its git repository, with `/`; empty at the top, and outside of git."""
    for folder in (root, *root.parents):
        if os.path.exists(folder / ".git"):
            return root.relative_to(folder).as_posix() if folder != root else ""
    return ""
