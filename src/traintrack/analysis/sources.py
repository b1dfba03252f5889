"""External data: what a `source` is pinned to, and the ID that follows."""

from __future__ import annotations

from traintrack.action.action import Deliver, ExternalData, Provenance
from traintrack.analysis.images import missing_pin
from traintrack.analysis.preimage import source_preimage
from traintrack.analysis.terms import keep_of, placing_of
from traintrack.digest import ArtifactDigest, canonical_json, target_id
from traintrack.errors import InputError
from traintrack.workspace.model import Experiment, SourcePin, Target

CONTENT = "content"
LISTING = "listing"
_LISTED = ("s3://",)
_LEFT_WHERE_THEY_ARE = ("s3://", "efs://")
_NO_FOLDERS = ("s3://", "https://")


def pin_kind(target: Target) -> str:
    """Return `content` or `listing`: as declared, else `listing` for `s3://`, which reads no byte of the data."""
    return target.spec.pin or (LISTING if (target.spec.source or "").startswith(_LISTED) else CONTENT)


def source_pin(target: Target, experiment: Experiment) -> SourcePin | None:
    """Return what the lock says about a source in the kind that is asked for, None where it is silent."""
    pin = experiment.lock.sources.get(target.spec.source or "")
    if pin is None:
        return None
    kind = pin_kind(target)
    value = pin.content if kind == CONTENT else pin.listing
    if value is None:
        return None
    # Beside a content the listing says what was seen then; it is no pin.
    return pin if kind == CONTENT else SourcePin(listing=value, at=pin.at)


def external_data(target: Target, experiment: Experiment, provenance: Provenance) -> ExternalData:
    """Return the source with its ID.

    Raises:
        InputError: it has no pin.
    """
    uri = target.spec.source or ""
    pin = source_pin(target, experiment)
    if pin is None:
        raise missing_pin(f"the {pin_kind(target)} of `{uri}`", target.place_of("source"))
    deliver = Deliver(target.spec.deliver) if isinstance(target.spec.deliver, str) else Deliver.COPY
    # A task that is given the URI sees it; one that is given a folder does not.
    seen_uri = uri if pin.content is None or deliver is Deliver.URI else None
    listing = pin.listing if pin.content is None else None
    preimage = canonical_json(source_preimage(content=pin.content, listing=listing, uri=seen_uri))
    imported = target.spec.import_
    return ExternalData(
        id=target_id(preimage),
        preimage=preimage,
        uri=uri,
        content=None if pin.content is None else ArtifactDigest(pin.content),
        listing=listing,
        imported=not uri.startswith(_LEFT_WHERE_THEY_ARE) if imported is None else imported,
        deliver=deliver,
        provenance=provenance,
        looks=None if pin.content is None else pin.listing,
        keep=keep_of(target),
        placing=placing_of(target),
    )


def demand_mountable(source: ExternalData, deliver: Deliver, target: Target) -> None:
    """Say early that a store without folders cannot be mounted.

    Raises:
        InputError: the target asks for it.
    """
    if source.origin is None or deliver is not Deliver.MOUNT or not source.uri.startswith(_NO_FOLDERS):
        return
    own = target.spec.deliver is not None
    raise InputError(
        f"`{source.uri}` cannot be mounted: it is no folder of a machine",
        code="cannot-mount",
        location=target.place_of("deliver") if own else target.place,
        hint="write `deliver: copy` or `deliver: uri`, or `import: true` in the source",
    )
