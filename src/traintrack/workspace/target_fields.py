"""The fields of a target (DESIGN 3.2): which there are, what each may hold, and where each may stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from traintrack.action.keep import FOREVER
from traintrack.label import LabelError, looks_like_reference, parse_reference
from traintrack.workspace import checks
from traintrack.workspace.checks import Check
from traintrack.workspace.document import REMOVE
from traintrack.workspace.findings import Findings, shown
from traintrack.workspace.images import check_image
from traintrack.workspace.interpolate import has_holes
from traintrack.workspace.model import KeyPath
from traintrack.workspace.suggest import did_you_mean, one_of

SHAPE: Final = frozenset({"use", "with", "each", "overrides", "max_members"})
"""Fields that say how many targets there are and where their fields come from; a target itself has none of them."""

OF_INSTANCES: Final = SHAPE | {"description", "tags"}
"""Fields of a target that uses a graph of targets which are for the whole; all others are shared by its parts."""

UNSUPPORTED: Final = frozenset({"checks", "baseline"})
"""Fields of later versions."""

OF_TASKS_ONLY: Final = (
    *("args", "unhashed", "env", "secrets", "image", "code", "paths", "commit", "cache_version"),
    *("resources", "retries", "outputs", "args_schema", "needs", "max_parallel", "except"),
)
OF_SOURCES_ONLY: Final = ("pin", "import", "max_age")

SCHEMES: Final = ("s3", "https", "efs", "file")

_HASH = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_SHORT_HASH = re.compile(r"[0-9a-fA-F]{4,63}\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
_USER_INFO = re.compile(r"[A-Za-z0-9+.-]+://[^/?#]*@")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/{1,2}")


def check_fields(
    fields: Mapping[str, Any], base: KeyPath, findings: Findings, where: str, refused: Mapping[str, str]
) -> Mapping[str, Any]:
    """Check one layer of a target's fields and return it as its fields keep it.

    `base` is where the fields stand; `where` names the layer. `refused` maps fields that cannot stand in
    this layer to the hint that says where they can.
    """
    changed: dict[str, Any] | None = None
    for key, value in fields.items():
        check = CHECKS.get(key)
        if check is None or key in refused:
            _refuse((*base, key), findings, where, refused)
            continue
        if value is REMOVE:
            continue
        kept = check(value, (*base, key), findings)
        if kept is not value:
            changed = changed or dict(fields)
            changed[key] = kept
    return fields if changed is None else changed


def check_declared(
    fields: Mapping[str, Any], base: KeyPath, findings: Findings, where: str, refused: Mapping[str, str]
) -> Mapping[str, Any]:
    """Check a layer as `check_fields`, but for values with holes: these are checked when they are filled."""
    open_ = {key for key, value in fields.items() if key not in SHAPE and has_holes(value)}
    if not open_:
        return check_fields(fields, base, findings, where, refused)
    for key in open_:
        if key not in CHECKS or key in refused:
            _refuse((*base, key), findings, where, refused)
    closed = {key: value for key, value in fields.items() if key not in open_}
    kept = check_fields(closed, base, findings, where, refused)
    return {key: kept.get(key, value) for key, value in fields.items()}


def _refuse(path: KeyPath, findings: Findings, where: str, refused: Mapping[str, str]) -> None:
    name = str(path[-1])
    if name in refused:
        findings.at_key(path, f"`{name}` cannot stand in {where}", "misplaced-field", refused[name])
    elif name in UNSUPPORTED:
        unsupported(path, findings)
    else:
        findings.unknown(path, (known for known in CHECKS if known not in refused), where)


def unsupported(path: KeyPath, findings: Findings) -> None:
    """Note a field of a later version."""
    message = f"`{path[-1]}` is not supported by traintrack 0.1"
    findings.at_key(path, message, "unsupported", "remove it")


def _task(value: Any, path: KeyPath, findings: Findings) -> Any:
    value = checks.line(value, path, findings)
    if type(value) is str and (" " in value or value.startswith("-")):
        findings.at_value(
            path, f"`{shown(value)}` is not one command", "field-value", "name the program; options go into `args`"
        )
    return value


def _image(value: Any, path: KeyPath, findings: Findings) -> Any:
    if type(value) is dict:
        return check_image(value, path, findings)
    return checks.line(value, path, findings)


def _commit(value: Any, path: KeyPath, findings: Findings) -> Any:
    value = checks.text(value, path, findings)
    if type(value) is not str or value in {"HEAD", "worktree"} or _HASH.match(value):
        return value
    if _HASH.match(value.lower()):
        hint = f"write `{value.lower()}`"
        findings.at_value(path, "a commit hash is written in lower case", "bad-commit", hint)
    elif _SHORT_HASH.match(value):
        message = f"`{shown(value)}` is not a full commit hash"
        findings.at_value(path, message, "bad-commit", f"write what `git rev-parse {shown(value)}` prints")
    else:
        message = f"`{shown(value)}` is not a full commit hash, `HEAD` or `worktree`"
        otherwise = "write what `git rev-parse BRANCH` prints: branches move, results must not"
        findings.at_value(path, message, "bad-commit", did_you_mean(value, ["HEAD", "worktree"], otherwise))
    return value


_path_list = checks.list_of(checks.relative_path)


def _paths(value: Any, path: KeyPath, findings: Findings) -> Any:
    if value is None:
        return None
    kept = _path_list(value, path, findings)
    if kept == []:
        findings.at_value(path, "`paths` is empty", "field-value", "name folders, or write `code: baked`")
    if type(kept) is list:
        for i, entry in enumerate(kept):
            if entry in kept[:i]:
                findings.at_value((*path, i), f"path `{shown(str(entry))}` is there twice", "field-value", "remove it")
    return kept


def _variable(value: Any, path: KeyPath, findings: Findings) -> Any:
    if not _VARIABLE.match(value):
        findings.at_key(path, f"`{shown(value)}` cannot be a variable", "bad-name", "use letters, digits and `_`")
    elif value.startswith("TRAINTRACK_"):
        findings.at_key(path, f"`{shown(value)}` is set by traintrack", "bad-name", "choose another name")
    return value


def _env_value(value: Any, path: KeyPath, findings: Findings) -> Any:
    if type(value) is str:
        if "\x00" in value:
            findings.at_value(path, f"variable `{path[-1]}` holds U+0000", "field-value", "remove the character")
        return value
    source = findings.places.text(path)
    hint = f'quote it: `"{source}"`' if source else 'write text in quotes, such as `"1"`'
    findings.wrong_type(value, path, "a string", hint)
    return value


def _secret(value: Any, path: KeyPath, findings: Findings) -> Any:
    if type(value) is not dict or len(value) != 1 or not {"env", "file"} & value.keys():
        hint = f"write `{path[-1]}: {{env: NAME}}` or `{path[-1]}: {{file: NAME}}`"
        findings.wrong_type(value, path, "a map with `env` or `file`", hint)
        return value
    ((key, source),) = value.items()
    return {key: checks.line(source, (*path, key), findings)}


def _unhashed(value: Any, path: KeyPath, findings: Findings) -> Any:
    value = checks.mapping(value, path, findings)
    for where, found in _strings(value, path):
        if looks_like_reference(found):
            findings.at_value(
                where,
                f"`unhashed` holds the label `{shown(found)}`",
                "unhashed-label",
                f'move it to `args`, or write `!literal "{shown(found)}"` for text',
            )
    return value


def _strings(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if type(value) is str:
        yield path, value
    elif type(value) is dict:
        for key, item in value.items():
            yield from _strings(item, (*path, key))
    elif type(value) is list:
        for i, item in enumerate(value):
            yield from _strings(item, (*path, i))


def _nodes(value: Any, path: KeyPath, findings: Findings) -> Any:
    if value != 1 or type(value) is not int:
        findings.at_value(path, "`nodes` above 1 is not supported by traintrack 0.1", "unsupported", "remove it")
    return value


def _retries(value: Any, path: KeyPath, findings: Findings) -> Any:
    return _retries_map(value, path, findings) if type(value) is dict else checks.count(value, path, findings)


_retries_map = checks.record_of(
    {"task": checks.count, "out_of_memory": checks.count, "timeout": checks.count}, "`retries`"
)


def _need(value: Any, path: KeyPath, findings: Findings) -> Any:
    if type(value) is not str:
        findings.wrong_type(value, path, "a label", 'write `":target"` or `"//path:target"`')
        return value
    if value.startswith(".") and path[0] == "templates" and path[2:3] == ("targets",):
        return value  # a sibling, which is looked up where the template is used
    try:
        reference = parse_reference(value, "")
    except LabelError as error:
        findings.at_value(path, str(error), "bad-label", 'write `":target"` or `"//path:target"`')
        return value
    if reference.path or reference.output or reference.ref or reference.alias:
        message = f"`{shown(value)}` is more than a label"
        findings.at_value(path, message, "bad-label", 'name the target alone: `":target"` or `"//path:target"`')
    return value


def _each(value: Any, path: KeyPath, findings: Findings) -> Any:
    if type(value) not in (dict, list, str):
        findings.wrong_type(value, path, "a map of axes", "write `each: {lr: [0.1, 0.01]}`")
    return value


def _overrides(value: Any, path: KeyPath, findings: Findings) -> Any:
    if type(value) is not list:
        findings.wrong_type(value, path, "a list", "write `- {match: {depth: 50}, resources: {gpu: 4}}` below it")
        return value
    return [_override(entry, (*path, i), findings) for i, entry in enumerate(value)]


def _override(entry: Any, path: KeyPath, findings: Findings) -> Any:
    if type(entry) is not dict or type(entry.get("match")) is not dict or not entry["match"]:
        findings.wrong_type(entry, path, "a map with `match`", "write `match: {depth: 50}` and the fields")
        return {}
    fields = {key: value for key, value in entry.items() if key != "match"}
    refused = dict.fromkeys(SHAPE, "an override gives fields to members, it does not shape the family")
    return {"match": entry["match"], **check_declared(fields, path, findings, "an override", refused)}


def _except(value: Any, path: KeyPath, findings: Findings) -> Any:
    """Coordinates left out, by the dotted path of the argument that holds the fan-in."""
    if type(value) is not dict:
        findings.wrong_type(value, path, "a map", "write `evals: [{lr: 0.1, fold: 3}]`, an argument with coordinates")
        return value
    for argument, left_out in value.items():
        if type(left_out) is not list or not all(type(one) is dict and one for one in left_out):
            hint = f"write `{shown(argument)}: [{{lr: 0.1, fold: 3}}]`"
            findings.wrong_type(left_out, (*path, argument), "a list of coordinates", hint)
    return value


def _source(value: Any, path: KeyPath, findings: Findings) -> Any:
    value = checks.line(value, path, findings)
    scheme = _SCHEME.match(value) if type(value) is str else None
    if scheme is not None and scheme[1] not in SCHEMES:
        message = f"sources of kind `{shown(scheme[1])}` are not supported"
        findings.at_value(path, message, "field-value", did_you_mean(scheme[1], SCHEMES, one_of(SCHEMES)))
    elif scheme is not None and _USER_INFO.match(value):
        hint = (
            "take it out: the environment has credentials for `s3://`, and files are for the public behind `https://`"
        )
        # The secret itself must not stand in a log of the message.
        findings.at_value(path, f"`source` holds a name or password before `@` ({scheme[1]})", "secret-in-uri", hint)
    return value


def _keep(value: Any, path: KeyPath, findings: Findings) -> Any:
    if type(value) is dict:
        message = "`keep` for parts of a result is not supported by traintrack 0.1"
        findings.at_value(path, message, "unsupported", "write one time for the whole result, such as `30d`")
        return value
    return value if value == FOREVER else checks.duration(value, path, findings)


def _at_least_one(value: Any, path: KeyPath, findings: Findings) -> Any:
    if type(value) is not int or value < 1:
        findings.wrong_type(value, path, "a whole number from 1 on", "write a number, such as `4`")
    return value


_DELIVER = checks.choice("copy", "mount", "uri")
_deliver_map = checks.map_of(_DELIVER)


def _deliver(value: Any, path: KeyPath, findings: Findings) -> Any:
    return _deliver_map(value, path, findings) if type(value) is dict else _DELIVER(value, path, findings)


def _use(value: Any, path: KeyPath, findings: Findings) -> Any:
    return _use_list(value, path, findings) if type(value) is list else checks.line(value, path, findings)


_use_list = checks.list_of(checks.line)

CHECKS: Final[Mapping[str, Check]] = {
    "use": _use,
    "with": checks.mapping,
    "each": _each,
    "overrides": _overrides,
    "max_members": _at_least_one,
    "except": _except,
    "task": checks.optional(_task),
    "image": checks.optional(_image),
    "commit": checks.optional(_commit),
    "paths": _paths,
    "code": checks.optional(checks.choice("baked")),
    "args": checks.mapping,
    "env": checks.map_of(_env_value, _variable),
    "secrets": checks.map_of(_secret, _variable),
    "cache_version": checks.count,
    "unhashed": _unhashed,
    "resources": checks.record_of(
        {
            "cpu": checks.positive,
            "memory": checks.size,
            "gpu": checks.count,
            "gpu_type": checks.optional(checks.line),
            "disk": checks.size,
            "shm": checks.size,
            "nodes": _nodes,
        },
        "`resources`",
    ),
    "retries": _retries,
    "timeout": checks.optional(checks.duration),
    "network": checks.boolean,
    "outputs": checks.map_of(checks.relative_path, checks.segment_key),
    "needs": checks.list_of(_need),
    "source": checks.optional(_source),
    "pin": checks.optional(checks.choice("content", "listing")),
    "import": checks.optional(checks.boolean),
    "max_age": checks.optional(checks.duration),
    "deliver": checks.optional(_deliver),
    "keep": checks.optional(_keep),
    "layout": checks.optional(checks.choice("plain")),
    "max_parallel": checks.optional(_at_least_one),
    "description": checks.optional(checks.text),
    "tags": checks.list_of(checks.line),
    "args_schema": checks.optional(checks.relative_path),
}
