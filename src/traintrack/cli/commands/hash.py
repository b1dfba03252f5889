"""`traintrack hash`: IDs, offline."""

from __future__ import annotations

import json

from msgspec import Struct

from traintrack.app.answers import HashedTarget
from traintrack.app.hash_targets import hash_targets
from traintrack.app.project import open_project
from traintrack.cli.call import Call
from traintrack.errors import UsageError


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    patterns: tuple[str, ...]
    preimage: str | None
    worktree: bool
    sets: tuple[str, ...]
    profile: str | None


def run(call: Call, options: Options) -> int:
    """Print `ID  LABEL` a line, or the bytes that one ID is the hash of."""
    if options.preimage is not None and options.patterns:
        raise UsageError("`--preimage` takes one label and no patterns", hint="traintrack hash --preimage LABEL")
    project = open_project(call.start, sets=options.sets, worktree=options.worktree, profile=options.profile)
    if options.preimage is not None:
        return _preimage(call, hash_targets(project, (options.preimage,)), options.preimage)
    hashed = hash_targets(project, options.patterns)
    if call.json:
        call.document("hash/1", {"targets": [{"label": one.label, "id": one.id} for one in hashed]})
        return 0
    call.terminal.result(*((f"{one.id}  {one.label}",) for one in hashed))
    return 0


def _preimage(call: Call, hashed: tuple[HashedTarget, ...], text: str) -> int:
    if len(hashed) != 1:
        raise UsageError(f"`{text}` names {len(hashed)} targets", hint="give `--preimage` the label of one target")
    [one] = hashed
    if call.json:
        call.document("preimage/1", {"label": one.label, "id": one.id, "preimage": json.loads(one.preimage)})
    else:
        # The very bytes, without a newline, so that `| sha256sum` shows the ID.
        call.terminal.raw(one.preimage)
    return 0
