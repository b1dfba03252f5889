"""A failed target, told so that the next step can be taken: what ran, where it is declared, how its log ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from traintrack.action.action import Action
from traintrack.action.event import TargetFinished
from traintrack.action.failure import FailureClass
from traintrack.action.image import BuiltImage, ContainerImage, Image
from traintrack.action.plan import Outcome
from traintrack.cli.asked import AS_IT_IS, Asked
from traintrack.cli.line import Line, bad, faint, strong
from traintrack.cli.quantity import count_text, duration_text, names_text
from traintrack.cli.shell_word import shell_word
from traintrack.family_name import by_row, coordinates_text

_SHOWN_LOG_LINES = 20
_RULE_COLUMNS = 72
_HINTS = {
    FailureClass.OUT_OF_MEMORY: "raise `resources: {memory: …}` of the target; resources are not in its ID",
    FailureClass.TIMEOUT: "raise `timeout` of the target; it is not in its ID",
    FailureClass.LOST: "run it again; results and checkpoints of before are kept",
}


def failure_block(
    failed: TargetFinished,
    action: Action | None,
    blocked: Sequence[str],
    others: Sequence[str] = (),
    asked: Asked = AS_IT_IS,
) -> list[Line]:
    """Return the lines that tell a failure.

    Args:
        failed: the event; its log tail may hold any text.
        action: what ran, None if the plan does not know it.
        blocked: labels that could not run because of it or the others, sorted.
        others: labels of further members of its family that failed.
        asked: the options that commands to copy must repeat.
    """
    label = shell_word(failed.label)
    lines: list[Line] = [(bad("✗ FAILED "), strong(failed.label), faint(f"   {_facts(failed, action)}"))]
    if failed.message:
        lines.append(("  ", failed.message))
    if action is not None:
        lines += _origin(action)
    lines += _log_tail(failed.log_tail[-_SHOWN_LOG_LINES:])
    if others:
        lines.append(_field("others", f"{count_text(len(others), 'more member')} failed: {_coordinates(others)}"))
    if blocked:
        lines.append(_field("blocks", f"{count_text(len(blocked), 'target')}: {names_text(_rows(blocked))}"))
    if failed.log:
        lines.append(_field("log", asked.again(f"traintrack log {label}")))
    if failed.exit_code is not None:
        lines.append(_field("look", asked.again(f"traintrack shell {label} --attempt last")))
    lines.append(_field("again", asked.again(f"traintrack run {label}")))
    hint = failed.hint or _class_hint(failed.failure)
    if hint:
        lines.append(_field("hint", asked.again(hint)))
    return lines


def _coordinates(labels: Sequence[str]) -> str:
    return names_text([coordinates_text(label) for label in labels])


def _rows(labels: Sequence[str]) -> list[str]:
    """The labels, several members of a family as its row with their count."""
    groups = by_row(labels, str).items()
    return [f"{name} ({len(some)})" if len(some) > 1 else some[0] for name, some in groups]


def blocked_by(finished: Mapping[str, TargetFinished]) -> dict[str, list[str]]:
    """Map each failed label to the labels that it blocks, directly or through others, sorted."""
    found: dict[str, list[str]] = {}
    roots: dict[str, frozenset[str]] = {}
    for label, event in finished.items():
        if event.outcome is Outcome.BLOCKED:
            for root in _roots(label, finished, roots):
                found.setdefault(root, []).append(label)
    return {root: sorted(labels) for root, labels in found.items()}


def _roots(label: str, finished: Mapping[str, TargetFinished], known: dict[str, frozenset[str]]) -> frozenset[str]:
    """Return the labels that failed and are the reason for a blocked one; iterative, as chains may be long."""
    stack = [label]
    while stack:
        current = stack[-1]
        event = finished.get(current)
        if current in known or event is None or event.outcome is not Outcome.BLOCKED:
            known.setdefault(current, frozenset((current,)))
            stack.pop()
            continue
        unknown = [before for before in event.because if before not in known and before not in stack]
        if unknown:
            stack += unknown
            continue
        known[current] = frozenset().union(*(known.get(before, frozenset()) for before in event.because))
        stack.pop()
    return known[label]


def _facts(failed: TargetFinished, action: Action | None) -> str:
    facts = [f"task {action.task}"] if action is not None else []
    if failed.failure and failed.failure != FailureClass.TASK.value:
        facts.append(_class_words(failed.failure))
    if failed.exit_code is not None:
        facts.append(f"exit {failed.exit_code}")
    facts.append(duration_text(failed.duration_s))
    if failed.attempts:
        facts.append(f"attempt {failed.attempts}")
    return " · ".join(facts)


def _origin(action: Action) -> list[Line]:
    code = ", ".join(action.code)
    commit = f"{(action.provenance.commit or '')[:12]}{f' ({code})' if code else ''}".strip()
    lines = [_field("image", image_text(action.image) + (f"      commit {commit}" if commit else ""))]
    if action.provenance.place:
        lines.append(_field("defined", action.provenance.place))
    return lines


def image_text(image: Image) -> str:
    """Spell an image in one short phrase."""
    if isinstance(image, ContainerImage):
        return f"{image.ref.partition('@')[0]}@{image.digest[:19]}…"
    if isinstance(image, BuiltImage):
        return f"built from {image.dockerfile}"
    return f"python {image.python} ({image.lock_path})"


def _log_tail(tail: Sequence[str]) -> list[Line]:
    if not tail:
        return []
    title = f"── last {count_text(len(tail), 'log line')} "
    lines: list[Line] = [("  ", faint(title + "─" * (_RULE_COLUMNS - len(title))))]
    # What a carriage return overwrote is a progress bar's past; the last piece is what one would have seen.
    lines += [("  ", line.rstrip("\r\n").rpartition("\r")[2].expandtabs(8)) for line in tail]
    lines.append(("  ", faint("─" * _RULE_COLUMNS)))
    return lines


def _field(name: str, text: str) -> Line:
    return ("  ", strong(f"{name:<8}"), text)


def _class_words(failure: str) -> str:
    try:
        return FailureClass(failure).words
    except ValueError:
        return failure


def _class_hint(failure: str | None) -> str | None:
    try:
        return _HINTS.get(FailureClass(failure))
    except ValueError:
        return None
