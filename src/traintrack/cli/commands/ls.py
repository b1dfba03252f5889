"""`traintrack ls`: targets and what they run."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from traintrack.app.answers import ListedTarget
from traintrack.app.list_targets import list_targets
from traintrack.app.project import open_project
from traintrack.cli.call import Call, JsonValue
from traintrack.cli.named_families import named
from traintrack.cli.quantity import count_text, names_text
from traintrack.cli.render import place_fields
from traintrack.cli.terminal import aligned
from traintrack.family_name import axes_text, by_row, family_of


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    patterns: tuple[str, ...]
    members: bool
    profile: str | None


def run(call: Call, options: Options) -> int:
    """Print a row for each target: label, task, image, description; a family that no pattern names is one row."""
    project = open_project(call.start, profile=options.profile)
    listed = list_targets(project, options.patterns)
    if call.json:
        call.document("ls/1", {"targets": [_fields(row) for row in listed]})
        return 0
    if options.members:
        call.terminal.result(*aligned(_cells(row) for row in listed))
        return 0
    call.terminal.result(*aligned(listed_rows(listed, named(options.patterns, project.current_package))))
    return 0


def listed_rows(listed: Sequence[ListedTarget], spread: frozenset[str]) -> list[tuple[str, str, str, str]]:
    """Return the cells of each row; the members of a family that is not in `spread` are one row."""
    rows = []
    for name, some in by_row(listed, lambda row: row.label).items():
        if len(some) == 1 or family_of(some[0].label) in spread:
            rows += [_cells(row) for row in some]
        else:
            rows.append(_family_cells(name, some))
    return rows


def _cells(row: ListedTarget) -> tuple[str, str, str, str]:
    return (row.label, row.kind, row.image, row.description)


def _family_cells(name: str, members: Sequence[ListedTarget]) -> tuple[str, str, str, str]:
    kinds, images, about = (
        list(dict.fromkeys(column))
        for column in zip(*((row.kind, row.image, row.description) for row in members), strict=True)
    )
    words = f"{count_text(len(members), 'member')}: {axes_text([row.label for row in members])}"
    if len(about) == 1 and about[0]:
        words += f" · {about[0]}"
    return (name, names_text(kinds), names_text(images), words)


def _fields(row: ListedTarget) -> dict[str, JsonValue]:
    return {
        "label": row.label,
        "family": family_of(row.label),
        "kind": row.kind,
        "image": row.image,
        "where": place_fields(row.place),
        "description": row.description,
        "tags": list(row.tags),
    }
