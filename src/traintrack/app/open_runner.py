"""Opens the runner of an environment over its storage."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from traintrack.app.open_storage import OpenStorage, cache_folder
from traintrack.ports.runner import Runner
from traintrack.workspace.model import EnvironmentSpec

if TYPE_CHECKING:
    from traintrack.runners.container.engine import Engine
    from traintrack.runners.container.runner import ContainerRunner
    from traintrack.runners.contract.failed_attempts import FailedAttempts
    from traintrack.storages.sources.opened import Sources


def open_runner(spec: EnvironmentSpec, opened: OpenStorage, attempts: FailedAttempts, origins: Sources) -> Runner:
    """Open the runner of this machine; what containers need is loaded with the first of them."""
    from traintrack.runners.contract.job_table import JobTable  # noqa: PLC0415  adapters are loaded late
    from traintrack.runners.local import LocalRunner  # noqa: PLC0415
    from traintrack.runners.process.runner import ProcessRunner  # noqa: PLC0415

    storage, table = opened.storage, JobTable()
    processes = ProcessRunner(
        staging=opened.staging,
        artifacts=storage.artifacts,
        kept=storage.kept,
        ledger=storage.ledger,
        env_cache=cache_folder() / "environments",
        root=opened.root / "runner",
        secret_sources=os.environ,
        attempts=attempts,
        origins=origins,
        table=table,
    )

    def containers() -> ContainerRunner:
        from traintrack.runners.container.runner import ContainerRunner  # noqa: PLC0415

        return ContainerRunner(
            staging=opened.staging,
            artifacts=storage.artifacts,
            kept=storage.kept,
            ledger=storage.ledger,
            engine=partial(find_engine_of, spec),
            root=opened.root / "runner",
            registry=spec.options.get("registry"),
            secret_sources=os.environ,
            attempts=attempts,
            origins=origins,
            table=table,
        )

    return LocalRunner(processes, containers, opened.root / "runner" / "containers", table)


def find_engine_of(spec: EnvironmentSpec | None) -> Engine:
    """The engine that the environment names, else the first that answers.

    Raises:
        HostError: none answers, or not the one that the environment names.
    """
    from traintrack.runners.container.detect import find_engine  # noqa: PLC0415

    return find_engine(spec.options.get("engine") if spec else None)
