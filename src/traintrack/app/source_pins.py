"""What a pin that is not in git would be: found here for data on this disk, told by hand for all else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from traintrack.analysis.pins import NeededPin
from traintrack.app.source_scan import scan_source
from traintrack.errors import InputError
from traintrack.workspace.model import SourcePin

_FILE = "file://"
_BY_HAND = {
    "image": (
        "this version asks no registry for the digest of `{name}`",
        "write `ref: {bare}@sha256:…` with what `docker buildx imagetools inspect {name}` prints",
    ),
    "base": (
        "this version asks no registry for the digest of `{name}`",
        "write `FROM {bare}@sha256:…` with what `docker buildx imagetools inspect {name}` prints",
    ),
    "listing": (
        "this version cannot list `{name}`",
        "write the pin into TTLOCK.yaml: under `sources`, `{name}: {{listing: <sha256>}}`",
    ),
    "content": (
        "this version cannot read `{name}`",
        "write the pin into TTLOCK.yaml: under `sources`, `{name}: {{content: <artifact digest>}}`",
    ),
}
_BY_HAND_ELSE = (
    "this version does not look up `{name}`",
    "write what it stands for into TTLOCK.yaml: under `refs`, `{name}: {{id: …, artifact: …}}`",
)


def pin_source(root: Path, needed: NeededPin) -> SourcePin:
    """Return the pin of external data on a local disk, by its content; a relative path is from the workspace root.

    Raises:
        InputError: the pin cannot be found here; the hint says how to write it.
        HostError: the data cannot be read.
    """
    path = _local_path(root, needed) if needed.kind == "content" else None
    if path is None:
        fact, hint = _BY_HAND.get(needed.kind, _BY_HAND_ELSE)
        names = {"name": needed.name, "bare": _without_tag(needed.name)}
        raise InputError(fact.format(**names), code="cannot-pin", location=needed.place, hint=hint.format(**names))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return SourcePin(content=scan_source(path).digest(), at=now)


def _local_path(root: Path, needed: NeededPin) -> Path | None:
    text = needed.name.removeprefix(_FILE)
    if "://" in text:
        return None
    return root / Path(text).expanduser()


def _without_tag(ref: str) -> str:
    """A ref less its tag; the colon of a port stands before the last `/` and stays."""
    folder, slash, last = ref.rpartition("/")
    return folder + slash + last.partition(":")[0]
