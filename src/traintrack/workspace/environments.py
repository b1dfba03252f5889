"""The environments of TTWORKSPACE.yaml: where tasks run and where results stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from traintrack.action.image_ref import parse_image_ref
from traintrack.errors import InputError
from traintrack.label import is_segment
from traintrack.workspace import checks
from traintrack.workspace.findings import Findings, shown
from traintrack.workspace.model import EnvironmentSpec, KeyPath


def read_environments(section: Any, findings: Findings) -> dict[str, EnvironmentSpec]:
    """Return the environments of TTWORKSPACE.yaml; what is wrong with them is found."""
    found: dict[str, EnvironmentSpec] = {}
    for name, fields in findings.section(section, ("environments",)).items():
        path = ("environments", name)
        checks.segment_key(name, path, findings)
        if type(fields) is not dict:
            checks.mapping(fields, path, findings)
            continue
        found[name] = _environment(name, fields, findings)
    return found


def _environment(name: str, fields: dict[str, Any], findings: Findings) -> EnvironmentSpec:
    path = ("environments", name)
    named: dict[str, str] = {}
    for key, example in (("runner", "local"), ("storage", '"~/.local/share/traintrack/NAME"')):
        if fields.get(key) is None:
            message = f"environment `{shown(name)}` has no `{key}`"
            findings.at_key(path, message, "missing-field", f"add `{key}: {example}`")
        else:
            named[key] = checks.line(fields[key], (*path, key), findings)
    reads = _names(fields.get("reads", []), (*path, "reads"), findings)
    options = {key: value for key, value in fields.items() if key not in {"runner", "storage", "reads"}}
    if named.get("runner") == "local":
        in_bucket = str(named.get("storage")).startswith("s3://")
        known = {**_LOCAL_OPTIONS, **_BUCKET_OPTIONS} if in_bucket else _LOCAL_OPTIONS
        options = _local_options(options, known, path, findings)
    return EnvironmentSpec(
        name,
        named.get("runner", ""),
        named.get("storage", ""),
        findings.places.key(path),
        tuple(reads) if isinstance(reads, list) else (),
        options,
    )


def _repository(value: Any, path: KeyPath, findings: Findings) -> Any:
    """Where built images are pushed to: the name of an image without tag and digest."""
    value = checks.line(value, path, findings)
    if type(value) is str:
        try:
            ref = parse_image_ref(value)
        except InputError as error:
            findings.at_value(path, error.message, "field-value", "write `registry.example/team/built`")
            return value
        if ref.tag or ref.digest:
            findings.at_value(path, f"`{shown(value)}` has a tag or digest", "field-value", f"write `{ref.name}`")
    return value


def _namespace(value: Any, path: KeyPath, findings: Findings) -> Any:
    """Which results of a bucket are read and written: names with `/` between them, such as `dev/ann`."""
    value = checks.line(value, path, findings)
    if type(value) is str and not all(is_segment(part) for part in value.split("/")):
        hint = "write `default`, or names of `A-Z a-z 0-9 _ . + -` with `/` between them"
        findings.at_value(path, f"`{shown(value)}` cannot be a namespace", "field-value", hint)
    return value


def _local_options(
    options: Mapping[str, Any], known: Mapping[str, checks.Check], path: tuple[str, str], findings: Findings
) -> dict[str, Any]:
    """What may run at once on this machine, and how a bucket is used; other runners check theirs when they are opened."""
    read: dict[str, Any] = {}
    for key, value in options.items():
        check = known.get(key)
        if check is not None:
            read[key] = check(value, (*path, key), findings)
        elif key in _BUCKET_OPTIONS:
            hint = "leave it out, or write `storage: s3://BUCKET/PREFIX`"
            findings.at_key((*path, key), f"`{key}` goes with a bucket as storage", "misplaced-field", hint)
        else:
            findings.unknown((*path, key), ("runner", "storage", "reads", *known), "a local environment")
    return read


_names = checks.list_of(checks.line)
_LOCAL_OPTIONS: Final[dict[str, checks.Check]] = {
    "cpu": checks.positive,
    "memory": checks.size,
    "jobs": checks.count,
    "gpus": checks.count,
    "failed_attempts": checks.size,
    "engine": checks.choice("docker", "podman"),
    "registry": _repository,
    "mounts": checks.map_of(checks.line, checks.segment_key),
    "push": checks.choice("never", "clean"),
}
_BUCKET_OPTIONS: Final[dict[str, checks.Check]] = {
    "endpoint": checks.line,
    "region": checks.line,
    "profile": checks.line,
    "namespace": _namespace,
    "cache_limit": checks.size,
    "heartbeat": checks.duration,
}
ENVIRONMENT_FIELDS: Final = ("runner", "storage", "reads", *_LOCAL_OPTIONS, *_BUCKET_OPTIONS)
"""Fields of an environment with a local runner."""
