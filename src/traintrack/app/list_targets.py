"""`ls`: the targets that patterns name, as they are declared."""

from __future__ import annotations

from collections.abc import Sequence

from traintrack.app.answers import ListedTarget
from traintrack.app.one_target import declared
from traintrack.app.project import Project, select_labels
from traintrack.errors import Location
from traintrack.workspace.model import Target, TargetSpec

_IMAGE_KINDS = ("ref", "build", "python")


def list_targets(project: Project, texts: Sequence[str]) -> tuple[ListedTarget, ...]:
    """Return a row per target, in the order of the patterns; computes no ID and asks no storage.

    A frozen target that is not declared any more is of kind `frozen`, at its lock file.

    Raises:
        InputError: an experiment cannot be read.
        NotFoundError: nothing matched.
    """
    rows = []
    for label in select_labels(project, texts):
        target = declared(project, label)
        lock_path = project.loader.experiment(label.package).lock_path
        rows.append(_row(target) if target else ListedTarget(str(label), "frozen", "", Location(lock_path, 1)))
    return tuple(rows)


def _row(target: Target) -> ListedTarget:
    spec = target.spec
    return ListedTarget(
        label=str(target.label),
        kind=spec.task or "source",
        image=_image(spec),
        place=target.place,
        description=spec.description or "",
        tags=spec.tags,
    )


def _image(spec: TargetSpec) -> str:
    """The image's name, or what an image written out in the target is made of; empty for a source."""
    if spec.image is None or isinstance(spec.image, str):
        return spec.image or ""
    kind = next((kind for kind in _IMAGE_KINDS if kind in spec.image), "")
    value = spec.image.get(kind, "")
    return f"{kind} {value}" if isinstance(value, str) else kind
