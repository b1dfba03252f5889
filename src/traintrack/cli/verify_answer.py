"""What `verify` answers, as lines and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

from traintrack.action.file_difference import FileDifference
from traintrack.action.manifest import Entry, EntryType
from traintrack.app.verify import VerifyAnswer
from traintrack.app.verify_rebuild import RebuildAnswer
from traintrack.cli.call import JsonValue
from traintrack.cli.line import Line, bad, faint, good, warn
from traintrack.cli.quantity import count_text, size_text
from traintrack.ports.verify import Cost, Finding, Looked

_SHOWN_FILES = 10


def finding_lines(answer: VerifyAnswer) -> Iterator[Line]:
    """Yield a line for each finding, and for each thing that was done about one."""
    for finding in answer.survey.findings:
        yield (bad("✗ "), finding.path, f"  {finding.words}  ", faint(finding.label or finding.kind.value))
    for mended in answer.mended:
        yield (good("→ "), mended.path, f"  {mended.words}")


def closing_lines(answer: VerifyAnswer, *, repaired: bool) -> Iterator[Line]:
    """Yield what it comes to, and the next step."""
    for remark in answer.survey.remarks:
        yield (faint("note: "), remark)
    looked = looked_text(answer.survey.looked)
    if not answer.survey.findings:
        yield (good("✓"), f" {looked}: nothing is wrong")
    elif not answer.left:
        yield (good("✓"), f" {looked}: {count_text(len(answer.survey.findings), 'finding')}, all repaired")
    else:
        yield (bad("✗"), f" {looked}: {count_text(len(answer.left), 'finding')}" + (" left" if repaired else ""))
    if answer.remake:
        yield (warn("  next"), "  traintrack run " + " ".join(answer.remake))
    elif answer.left and not repaired:
        yield (warn("  next"), "  traintrack verify --repair")


def looked_text(looked: Looked) -> str:
    """Spell how far a look has come."""
    return (
        f"{count_text(looked.results, 'result')} and {count_text(looked.objects, 'other file')} looked at,"
        f" {size_text(looked.hashed_bytes)} hashed"
    )


def cost_text(cost: Cost) -> str:
    """Spell what is about to be read."""
    return f"about {count_text(cost.requests, 'request')} and {size_text(cost.size_bytes)} will be read from the bucket"


def verify_fields(answer: VerifyAnswer) -> dict[str, JsonValue]:
    """Return the answer as JSON."""
    looked = answer.survey.looked
    return {
        "environment": answer.environment,
        "storage": answer.storage,
        "depth": answer.depth.value,
        "results": looked.results,
        "objects": looked.objects,
        "hashed_bytes": looked.hashed_bytes,
        "findings": [_finding_fields(one) for one in answer.survey.findings],
        "remarks": list(answer.survey.remarks),
        "mended": [{"path": one.path, "done": one.words} for one in answer.mended],
        "left": [_finding_fields(one) for one in answer.left],
        "remake": list(answer.remake),
    }


def rebuild_lines(answer: RebuildAnswer) -> Iterator[Line]:
    """Yield whether the bytes are equal, and else the first files that differ."""
    if not answer.differing:
        yield (good("✓"), f" {answer.label} came out the same: {count_text(answer.files, 'file')}, equal bytes")
        return
    count = count_text(len(answer.differing), "file")
    yield (bad("✗"), f" {answer.label} is not deterministic: {count} of {answer.files} came out different")
    for one in answer.differing[:_SHOWN_FILES]:
        yield (f"  {one.path}  ", faint(f"{_told(one.before)} → {_told(one.after)}"))
    if len(answer.differing) > _SHOWN_FILES:
        yield (f"  and {len(answer.differing) - _SHOWN_FILES} more",)


def rebuild_fields(answer: RebuildAnswer) -> dict[str, JsonValue]:
    """Return the comparison as JSON; a size is null where there is no such file."""
    return {
        "label": answer.label,
        "id": answer.id,
        "files": answer.files,
        "equal": not answer.differing,
        "differing": [_difference_fields(one) for one in answer.differing],
    }


def _finding_fields(finding: Finding) -> dict[str, JsonValue]:
    return {
        "kind": finding.kind.value,
        "path": finding.path,
        "words": finding.words,
        "id": finding.id,
        "label": finding.label,
    }


def _difference_fields(one: FileDifference) -> dict[str, JsonValue]:
    return {"path": one.path, "size_before": _size(one.before), "size_after": _size(one.after)}


def _size(entry: Entry | None) -> int | None:
    return entry.size if entry is not None and entry.type is EntryType.FILE else None


def _told(entry: Entry | None) -> str:
    if entry is None:
        return "not there"
    return size_text(entry.size) if entry.type is EntryType.FILE else entry.type.value
