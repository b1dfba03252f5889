"""A container runner over a local storage, with an image that a registry has."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from traintrack.action.image import ContainerImage
from traintrack.runners.container.engine import Engine
from traintrack.runners.container.jobs import ContainerJobs
from traintrack.runners.container.runner import ContainerRunner
from traintrack.storages.local.store import open_local
from traintrack.testing.runner_bench import Bench


def pushed(engine: Engine, registry: str, image: str) -> ContainerImage:
    """Push a local image and return it as one that is pinned."""
    ref = f"{registry}/suite/{image.rpartition('/')[2]}"
    return ContainerImage(ref, engine.push(image, ref))


def ours(folder: Path) -> dict[str, str]:
    """Return the labels of the containers of the storage in `folder`: other tests share the engine."""
    return ContainerJobs(folder / "store" / "runner" / "containers").labels


def make_bench(
    folder: Path, engine: Engine, image: ContainerImage, secret_sources: Container[str] | None = None
) -> Bench:
    """Return a container runner over a local storage in `folder`, which a later one may be opened over too."""
    store = open_local(folder / "store")
    runner = ContainerRunner(
        store.staging,
        store.artifacts,
        store.kept,
        store.ledger,
        engine=lambda: engine,
        root=store.root / "runner",
        secret_sources=secret_sources,
        grace_s=1,
    )
    return Bench(runner, store.staging, store.artifacts, store.kept, store.ledger, image, python="python3.11")
