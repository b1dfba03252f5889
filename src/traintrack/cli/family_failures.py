"""Members that failed, told as one block for each family: which, why the first, how to repeat them, how to go on without."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from traintrack.action.plan import Outcome
from traintrack.app.answers import RanTarget, RunReport
from traintrack.app.except_edit import ExceptEdit, LeftOut
from traintrack.app.flow_yaml import flow_text, flow_value
from traintrack.cli.asked import AS_IT_IS, Asked
from traintrack.cli.line import Line, bad, strong
from traintrack.cli.shell_word import shell_word
from traintrack.family_name import by_row, coordinates_text, family_of

_COORDINATES = 10
_REPEATED = 20
_COLUMNS = 100
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?\Z", re.ASCII)


def family_failure_lines(report: RunReport, asked: Asked = AS_IT_IS) -> list[Line]:
    """Return a block for each family of which members failed, and what may be left out; empty if none did."""
    lines: list[Line] = []
    told: set[int] = set()
    for name, rows in by_row(report.targets, lambda row: row.label).items():
        failed = [row for row in rows if row.outcome is Outcome.FAILED]
        family = family_of(rows[0].label)
        if not failed or family is None:
            continue
        lines += _block(family, name, failed, len(rows), asked)
        edits = [n for n, edit in enumerate(report.excepts) if name in edit.because and n not in told]
        told.update(edits)
        lines += _edit_lines(report.excepts[n] for n in edits)
    left = [edit for n, edit in enumerate(report.excepts) if n not in told]
    return [*lines, *_edit_lines(left)]


def _block(family: str, name: str, failed: Sequence[RanTarget], count: int, asked: Asked) -> list[Line]:
    shown = " · ".join(coordinates_text(row.label) for row in failed[:_COORDINATES])
    more = f" and {len(failed) - _COORDINATES} more" if len(failed) > _COORDINATES else ""
    lines: list[Line] = [(bad(f"{len(failed)} of {count} of {family} failed:"), f" {shown}{more}")]
    if failed[0].message:
        lines.append(("  ", failed[0].message))
    again = " ".join(shell_word(row.label) for row in failed[:_REPEATED])
    lines.append(("  ", strong("run them again    "), asked.again(f"traintrack run {again}")))
    if len(failed) > _REPEATED:
        command = asked.again(f"traintrack status --members {shell_word(name)}")
        lines.append(("  ", strong("see the rest      "), command))
    return lines


def _edit_lines(edits: Iterable[ExceptEdit]) -> list[Line]:
    lines: list[Line] = []
    for edit in edits:
        field = "overrides" if edit.parts[0].match else "except"
        what = f"let `{field}` be" if edit.is_there else "add"
        lines.append(("  ", strong("go on without them:"), f" in {edit.path}, in target `{edit.target}`, {what}"))
        lines += [("      ", text) for text in except_yaml(edit.parts)]
    return lines


def except_yaml(parts: Sequence[LeftOut]) -> list[str]:
    """Return the field `except`, or `overrides` for some members, as YAML: one line where there is room."""
    if parts[0].match:
        every = [f"{{match: {_match(one)}, except: {_flow(one)}}}" for one in parts]
        return _spread("overrides", every) if _is_wide(every) else [f"overrides: [{', '.join(every)}]"]
    [part] = parts
    if not _is_wide([_flow(part)]):
        return [f"except: {_flow(part)}"]
    lines = ["except:"]
    for name, some in part.arguments.items():
        lines += [f"  {line}" for line in _spread(flow_text(name), map(flow_value, some))]
    return lines


def _flow(part: LeftOut) -> str:
    return flow_value({name: list(some) for name, some in part.arguments.items()})


def _match(part: LeftOut) -> str:
    """The coordinates of a member as its label spells them, numbers as numbers."""
    pairs = (
        f"{flow_text(axis)}: {text if _NUMBER.match(text) else flow_text(text)}" for axis, text in part.match.items()
    )
    return f"{{{', '.join(pairs)}}}"


def _is_wide(texts: Sequence[str]) -> bool:
    return len(", ".join(texts)) > _COLUMNS


def _spread(name: str, items: Iterable[str]) -> list[str]:
    return [f"{name}:", *(f"  - {item}" for item in items)]
