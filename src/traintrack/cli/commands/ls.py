"""`traintrack ls`: targets and what they run."""

from __future__ import annotations

from msgspec import Struct

from traintrack.app.list_targets import list_targets
from traintrack.app.project import open_project
from traintrack.cli.call import Call
from traintrack.cli.render import place_fields
from traintrack.cli.terminal import aligned


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    patterns: tuple[str, ...]


def run(call: Call, options: Options) -> int:
    """Print a row for each target: label, task, image, description."""
    listed = list_targets(open_project(call.start), options.patterns)
    if not call.json:
        call.terminal.result(*aligned((row.label, row.kind, row.image, row.description) for row in listed))
        return 0
    rows = [
        {
            "label": row.label,
            "kind": row.kind,
            "image": row.image,
            "where": place_fields(row.place),
            "description": row.description,
            "tags": list(row.tags),
        }
        for row in listed
    ]
    call.document("ls/1", {"targets": rows})
    return 0
