"""`traintrack lock`: pins that IDs need."""

from __future__ import annotations

from msgspec import Struct

from traintrack.app.answers import LockedPin, LockReport, MovedTag
from traintrack.app.lock import lock
from traintrack.app.project import open_project
from traintrack.cli.call import Call, JsonValue
from traintrack.cli.line import Line, faint, good, warn
from traintrack.cli.render import error_lines, one_error, workspace_root
from traintrack.errors import GateError


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    patterns: tuple[str, ...]
    update: str | None
    check: bool
    profile: str | None


def run(call: Call, options: Options) -> int:
    """Print a line for each pin that was added or moved; tell those that cannot be had."""
    project = open_project(call.start, profile=options.profile)
    # `--update` names what is meant; without any word the whole workspace is.
    patterns = options.patterns or (() if options.update else ("//...",))
    report = lock(
        project, patterns, update=options.update, check_only=options.check, tell=lambda text: call.terminal.say((text,))
    )
    code = _exit_code(report, options)
    if call.json:
        call.document("lock/1", _fields(report, written=not options.check))
        return code
    call.terminal.say(*((f"the ID of {label} changes",) for label in report.changed))
    call.terminal.result(*(_line(pin) for pin in report.added))
    call.terminal.say(*(line for tag in report.moved for line in _moved_lines(tag)))
    if report.missing:
        call.terminal.tell(*error_lines([one.error for one in report.missing], workspace_root(call.start)))
    elif options.check and report.added:
        gate = GateError("pins are missing", code="not-locked", hint="traintrack lock")
        call.terminal.tell(*error_lines([gate], None))
    elif not report.added:
        call.terminal.say((good("✓"), " nothing to add"))
    return code


def _exit_code(report: LockReport, options: Options) -> int:
    if report.missing:
        # What the user has to mend comes before what may mend itself.
        return min(one.error.exit_code for one in report.missing)
    return GateError.exit_code if options.check and report.added else 0


def _line(pin: LockedPin) -> Line:
    value = pin.value if pin.old is None else f"{pin.old} → {pin.value}"
    return (good("+ " if pin.old is None else "~ "), f"{pin.kind} {pin.name}  {value}  ", faint(pin.lock_path))


def _moved_lines(tag: MovedTag) -> list[Line]:
    where = faint(tag.lock_path)
    if tag.error is not None:
        return [(warn("? "), f"{tag.kind} {tag.name}  {tag.error.message}  ", where)]
    return [
        (warn("! "), f"{tag.kind} {tag.name} points elsewhere now  ", where),
        (faint(f"    pinned {tag.pinned}"),),
        (faint(f"    now    {tag.now}"),),
    ]


def _fields(report: LockReport, *, written: bool) -> dict[str, JsonValue]:
    pins = [
        {"lock": pin.lock_path, "kind": pin.kind, "name": pin.name, "value": pin.value, "old": pin.old}
        for pin in report.added
    ]
    missing: list[JsonValue] = [
        {"lock": one.lock_path, "kind": one.kind, "name": one.name, "error": one_error(one.error)}
        for one in report.missing
    ]
    moved: list[JsonValue] = [
        {
            "lock": tag.lock_path,
            "kind": tag.kind,
            "name": tag.name,
            "pinned": tag.pinned,
            "now": tag.now,
            "error": None if tag.error is None else one_error(tag.error),
        }
        for tag in report.moved
    ]
    return {"written": written, "pins": pins, "missing": missing, "changed": list(report.changed), "moved": moved}
