"""What `why` answers, as lines and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from traintrack.app.answers import Cause, WhyAnswer
from traintrack.cli.call import JsonValue
from traintrack.cli.line import Line, faint, strong
from traintrack.cli.quantity import names_text
from traintrack.cli.render import place_fields
from traintrack.cli.shell_word import shell_word
from traintrack.cli.value_text import short_value
from traintrack.cli.why_roots import roots_lines

_NAMED_UNCHANGED = 8
_SHOWN_CAUSES = 50

_READABLE = 15
"""A tree of causes with more lines is told by its roots."""


def why_lines(answer: WhyAnswer, *, tree: bool = False) -> Iterator[Line]:
    """Yield the answer in one line, then a line for each difference, those of an input below it.

    Where these are too many to be read, and `tree` does not ask for them, only those that come from no other.
    """
    yield (strong(answer.label), "  ", answer.now)
    if answer.origin:
        yield (answer.origin,)
    if answer.compared_with and answer.old_id:
        yield (faint(f"compared with {answer.compared_with}: {answer.old_id[:12]} → {answer.id[:12]}"),)
    lines = list(_causes_lines(answer.causes, "  "))
    if tree or len(lines) <= _READABLE:
        yield from lines
    else:
        yield from roots_lines(answer.label, answer.causes)
        whole = f"traintrack why {shell_word(answer.label)} --tree"
        yield (faint(f"the way from there to here, {len(lines)} lines: {whole}"),)
    if answer.unchanged:
        yield (faint(f"unchanged: {names_text(answer.unchanged, _NAMED_UNCHANGED)}"),)
    if answer.last_reason:
        yield (faint(f"it ran last because: {answer.last_reason}"),)


def _causes_lines(causes: Sequence[Cause], indent: str) -> Iterator[Line]:
    """The differences of one target: all that a person can read, and how many there are besides."""
    for cause in causes[:_SHOWN_CAUSES]:
        yield from _cause_lines(cause, indent)
    if len(causes) > _SHOWN_CAUSES:
        yield (indent, faint(f"… and {len(causes) - _SHOWN_CAUSES:,} more: `traintrack why --json` has them all"))


def _cause_lines(cause: Cause, indent: str) -> Iterator[Line]:
    through = f" ({cause.input_label})" if cause.input_label else ""
    facts = "   ".join(str(fact) for fact in (cause.place, cause.change) if fact)
    yield (indent, f"{cause.field}{through}  {short_value(cause.old)} → {short_value(cause.new)}   ", faint(facts))
    if cause.note:
        yield (indent, "  ", faint(cause.note))
    yield from _causes_lines(cause.causes, f"{indent}  ")


def why_fields(answer: WhyAnswer) -> dict[str, JsonValue]:
    """Return the answer as JSON."""
    return {
        "label": answer.label,
        "id": answer.id,
        "now": answer.now,
        "old_id": answer.old_id,
        "compared_with": answer.compared_with,
        "causes": [_cause_fields(cause) for cause in answer.causes],
        "unchanged": list(answer.unchanged),
        "last_reason": answer.last_reason,
        "origin": answer.origin,
    }


def _cause_fields(cause: Cause) -> dict[str, JsonValue]:
    return {
        "field": cause.field,
        "old": cause.old,
        "new": cause.new,
        "where": place_fields(cause.place),
        "change": cause.change,
        "note": cause.note,
        "input_label": cause.input_label,
        "causes": [_cause_fields(inner) for inner in cause.causes],
    }
