"""The pins of images and of the bases of Dockerfiles: looked up at registries, and compared with what stands there now."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, MutableMapping
from typing import Protocol

from msgspec.structs import replace

from traintrack.analysis.pins import NeededPin, pins_needed
from traintrack.app.answers import LockedPin, MovedTag
from traintrack.app.project import Project
from traintrack.errors import HostError, InputError
from traintrack.graph.target_graph import TargetGraph
from traintrack.workspace.model import Experiment, Lock

IMAGE = "image"
BASE = "base"
IMAGE_KINDS = (IMAGE, BASE)

Names = Collection[tuple[str, str]]
"""Kind (`image` or `base`) and ref."""


class ImageDigests(Protocol):
    """Knows what the names of images point at, such as a registry."""

    def digest(self, ref: str) -> str:
        """Return `sha256:…` of the multi-platform index.

        Raises:
            InputError: this is not the name of an image.
            HostError: the registry cannot be reached, refuses, or has no such image.
        """


def pin_image(
    needed: NeededPin, lock_path: str, pins: MutableMapping[str, str], digests: ImageDigests
) -> tuple[LockedPin, ...]:
    """Put what an image's name points at into `pins`, in place, and return the row that tells of it, if it is new.

    Raises:
        InputError: this is not the name of an image.
        HostError: the registry cannot be reached, refuses, or has no such image.
    """
    digest, old = digests.digest(needed.name), pins.get(needed.name)
    pins[needed.name] = digest
    return () if digest == old else (LockedPin(lock_path, needed.kind, needed.name, digest, old),)


def image_names(project: Project, graph: TargetGraph) -> Mapping[str, Names]:
    """Return which names of images the locks of a graph's experiments have to pin, pinned or not, by package."""
    packages = {node.experiment.package: node.experiment for node in graph.nodes.values()}
    bare = {
        package: replace(experiment, lock=replace(experiment.lock, images={}, bases={}))
        for package, experiment in packages.items()
    }
    nodes = {
        label: replace(node, experiment=bare[node.experiment.package], inputs=(), needs=())
        for label, node in graph.nodes.items()
    }
    needed = pins_needed(replace(graph, nodes=nodes), project.workspace, project.source)
    return {
        package: {(pin.kind, pin.name) for pin in lacking.needed if pin.kind in IMAGE_KINDS}
        for package, lacking in needed.packages.items()
    }


def without_images(lock: Lock, names: Names) -> Lock:
    """Return a lock without the pins of these images and bases."""
    return replace(
        lock,
        images={ref: digest for ref, digest in lock.images.items() if (IMAGE, ref) not in names},
        bases={ref: digest for ref, digest in lock.bases.items() if (BASE, ref) not in names},
    )


def moved_tags(project: Project, graph: TargetGraph, digests: ImageDigests) -> Iterator[MovedTag]:
    """Yield the pins in use whose tags point elsewhere now, and those of which no registry tells."""
    experiments = {node.experiment.package: node.experiment for node in graph.nodes.values()}
    for package, names in sorted(image_names(project, graph).items()):
        for kind, ref in sorted(names):
            tag = _moved(experiments[package], kind, ref, digests)
            if tag is not None:
                yield tag


def _moved(experiment: Experiment, kind: str, ref: str, digests: ImageDigests) -> MovedTag | None:
    pinned = (experiment.lock.images if kind == IMAGE else experiment.lock.bases).get(ref)
    if pinned is None:
        return None  # It is told as a missing pin.
    try:
        now = digests.digest(ref)
    except (InputError, HostError) as error:
        return MovedTag(experiment.lock_path, kind, ref, pinned, None, error)
    return None if now == pinned else MovedTag(experiment.lock_path, kind, ref, pinned, now)
