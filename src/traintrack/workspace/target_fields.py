"""The fields of a target (DESIGN 3.2): which there are, what each may hold, and where each may stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from traintrack.workspace import checks, field_checks
from traintrack.workspace.checks import Check
from traintrack.workspace.document import REMOVE
from traintrack.workspace.findings import Findings
from traintrack.workspace.interpolate import has_holes
from traintrack.workspace.model import KeyPath

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


CHECKS: Final[Mapping[str, Check]] = {
    "use": field_checks.use,
    "with": checks.mapping,
    "each": field_checks.each,
    "overrides": _overrides,
    "max_members": field_checks.at_least_one,
    "except": field_checks.left_out,
    "task": checks.optional(field_checks.task),
    "image": checks.optional(field_checks.image),
    "commit": checks.optional(field_checks.commit),
    "paths": field_checks.paths,
    "code": checks.optional(checks.choice("baked")),
    "args": checks.mapping,
    "env": checks.map_of(field_checks.env_value, field_checks.variable),
    "secrets": checks.map_of(field_checks.secret, field_checks.variable),
    "cache_version": checks.count,
    "unhashed": field_checks.unhashed,
    "resources": checks.record_of(
        {
            "cpu": checks.positive,
            "memory": checks.size,
            "gpu": checks.count,
            "gpu_type": checks.optional(checks.line),
            "disk": checks.size,
            "shm": checks.size,
            "nodes": field_checks.nodes,
        },
        "`resources`",
    ),
    "retries": field_checks.retries,
    "timeout": checks.optional(checks.duration),
    "network": checks.boolean,
    "outputs": checks.map_of(checks.relative_path, checks.segment_key),
    "needs": checks.list_of(field_checks.need),
    "source": checks.optional(field_checks.source),
    "pin": checks.optional(checks.choice("content", "listing")),
    "import": checks.optional(checks.boolean),
    "max_age": checks.optional(checks.duration),
    "deliver": checks.optional(field_checks.deliver),
    "keep": checks.optional(field_checks.keep),
    "layout": checks.optional(checks.choice("plain")),
    "max_parallel": checks.optional(field_checks.at_least_one),
    "description": checks.optional(checks.text),
    "tags": checks.list_of(checks.line),
    "args_schema": checks.optional(checks.relative_path),
}
