"""The container runner passes the suite of every runner, over docker and over podman."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from container_bench import make_bench, ours, pushed

from traintrack.action.image import ContainerImage
from traintrack.runners.container.engine import Engine
from traintrack.testing.runner_bench import Bench
from traintrack.testing.runner_suite import RunnerSuite


class ContainerSuite(RunnerSuite):
    """The suite over one engine; after each test none of its containers may be left."""

    engine: Engine
    image: ContainerImage

    def make_bench(self, folder: Path) -> Bench:
        return make_bench(folder, self.engine, self.image)

    @pytest.fixture(autouse=True)
    def _nothing_is_left(self, tmp_path: Path) -> Iterator[None]:
        yield
        assert self.engine.find(ours(tmp_path)) == []


class TestDocker(ContainerSuite):
    @pytest.fixture(autouse=True)
    def _use(self, docker_engine: Engine, registry: str, shell_image: str) -> None:
        self.engine, self.image = docker_engine, pushed(docker_engine, registry, shell_image)


class TestPodman(ContainerSuite):
    @pytest.fixture(autouse=True)
    def _use(self, podman_engine: Engine, registry: str, shell_image: str) -> None:
        self.engine, self.image = podman_engine, pushed(podman_engine, registry, shell_image)
