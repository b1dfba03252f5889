"""Makes a bench in a folder; also for other processes, which know of no fixtures."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from traintrack.action.image import PythonImage
from traintrack.digest import sha256_hex
from traintrack.runners.process import ProcessRunner
from traintrack.storages.local.store import open_local
from traintrack.testing.runner_bench import Bench

EMPTY_LOCK = sha256_hex(b"")


def make_bench(folder: Path, env_cache: Path, secret_sources: Container[str] | None = None) -> Bench:
    """Return a process runner over a local storage in `folder`, with an image that holds no package."""
    store = open_local(folder / "store")
    store.kept.put_named(f"lock/{EMPTY_LOCK}", b"")
    runner = ProcessRunner(
        store.staging,
        store.artifacts,
        store.kept,
        store.ledger,
        env_cache=env_cache,
        root=folder / "runner",
        secret_sources=secret_sources,
        grace_s=1,
    )
    image = PythonImage("3.11", "requirements.lock", EMPTY_LOCK)
    return Bench(runner, store.staging, store.artifacts, store.kept, store.ledger, image)
