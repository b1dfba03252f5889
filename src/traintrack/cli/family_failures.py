"""Members that failed, told as one block for each family: which, why the first, how to repeat them, how to go on without."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from traintrack.action.plan import Outcome
from traintrack.app.answers import ExceptEdit, RanTarget, RunReport
from traintrack.app.flow_yaml import flow_text, flow_value
from traintrack.cli.line import Line, bad, strong
from traintrack.cli.shell_word import shell_word
from traintrack.digest import JsonValue
from traintrack.family_name import by_row, coordinates_text, family_of

_COORDINATES = 10
_REPEATED = 20
_COLUMNS = 100


def family_failure_lines(report: RunReport) -> list[Line]:
    """Return a block for each family of which members failed, and what may be left out; empty if none did."""
    lines: list[Line] = []
    told: set[int] = set()
    for name, rows in by_row(report.targets, lambda row: row.label).items():
        failed = [row for row in rows if row.outcome is Outcome.FAILED]
        family = family_of(rows[0].label)
        if not failed or family is None:
            continue
        lines += _block(family, name, failed, len(rows))
        edits = [n for n, edit in enumerate(report.excepts) if name in edit.because and n not in told]
        told.update(edits)
        lines += _edit_lines(report.excepts[n] for n in edits)
    left = [edit for n, edit in enumerate(report.excepts) if n not in told]
    return [*lines, *_edit_lines(left)]


def _block(family: str, name: str, failed: Sequence[RanTarget], count: int) -> list[Line]:
    shown = " · ".join(coordinates_text(row.label) for row in failed[:_COORDINATES])
    more = f" and {len(failed) - _COORDINATES} more" if len(failed) > _COORDINATES else ""
    lines: list[Line] = [(bad(f"{len(failed)} of {count} of {family} failed:"), f" {shown}{more}")]
    if failed[0].message:
        lines.append(("  ", failed[0].message))
    again = " ".join(shell_word(row.label) for row in failed[:_REPEATED])
    lines.append(("  ", strong("run them again    "), f"traintrack run {again}"))
    if len(failed) > _REPEATED:
        lines.append(("  ", strong("see the rest      "), f"traintrack status --members {shell_word(name)}"))
    return lines


def _edit_lines(edits: Iterable[ExceptEdit]) -> list[Line]:
    lines: list[Line] = []
    for edit in edits:
        lines.append(("  ", strong("go on without them:"), f" in {edit.path}, in target `{edit.target}`, add"))
        lines += [("      ", text) for text in except_yaml(edit.arguments)]
    return lines


def except_yaml(arguments: Mapping[str, Sequence[Mapping[str, JsonValue]]]) -> list[str]:
    """Return the field `except` as YAML: one line where there is room, else one for each coordinates."""
    spelled = {flow_text(name): [flow_value(at) for at in some] for name, some in arguments.items()}
    whole = ", ".join(f"{name}: [{', '.join(some)}]" for name, some in spelled.items())
    if len(whole) <= _COLUMNS:
        return [f"except: {{{whole}}}"]
    lines = ["except:"]
    for name, some in spelled.items():
        lines += [f"  {name}:", *(f"    - {at}" for at in some)]
    return lines
