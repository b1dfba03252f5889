"""The engines, images and registries of `engines.py` as fixtures; each is started by the first test that asks for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import engines
import pytest
from base_images import MINIMAL, SHELL
from container_maker import Containers
from services import CannotServeError, Session

from traintrack.runners.container.docker import DockerCli
from traintrack.runners.container.engine import Engine
from traintrack.runners.container.podman import PodmanCli

T = TypeVar("T")


@pytest.fixture(scope="session")
def engine_session() -> Iterator[Session]:
    """What the workers of this session share; see `services.py`."""
    session = Session(os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid()))
    session.join()
    yield session
    session.leave()


@pytest.fixture(scope="session")
def docker_variables(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """What leads a `docker` in another process to the tests' daemon."""
    _skip_without("dockerd", "docker", "mmdebstrap")
    return _started(engines.docker_variables, request)


@pytest.fixture(scope="session")
def podman_variables(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """What leads a `podman` in another process to the tests' storage."""
    _skip_without("podman", "catatonit", "mmdebstrap")
    return _started(engines.podman_variables, request)


@pytest.fixture(scope="session")
def docker_engine(docker_variables: Mapping[str, str]) -> Engine:
    """Docker, with the images."""
    return DockerCli(docker_variables["DOCKER_HOST"])


@pytest.fixture(scope="session")
def podman_engine(podman_variables: Mapping[str, str]) -> Engine:
    """Podman, with the images."""
    return PodmanCli(variables=podman_variables)


@pytest.fixture(scope="session", params=["docker", "podman"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    found: Engine = request.getfixturevalue(f"{request.param}_engine")
    return found


@pytest.fixture(scope="session")
def shell_image() -> str:
    """An image with a shell, coreutils, jq and `python3.11`."""
    return SHELL.ref


@pytest.fixture(scope="session")
def minimal_image() -> str:
    """An image with nothing but `/bin/busybox`."""
    return MINIMAL.ref


@pytest.fixture
def containers(engine: Engine, shell_image: str, tmp_path: Path) -> Iterator[Containers]:
    """Makes containers on each engine, and removes them after the test."""
    maker = Containers(engine, shell_image, tmp_path)
    yield maker
    maker.clear()


@pytest.fixture(scope="session")
def registry(request: pytest.FixtureRequest) -> str:
    """`host:port` of an empty registry that takes everything."""
    _skip_without("docker-registry")
    return _started(engines.registry, request)


@pytest.fixture(scope="session")
def guarded_registry(request: pytest.FixtureRequest) -> str:
    """`host:port` of a registry that lets only `engines.USER` with `engines.PASSWORD` in."""
    _skip_without("docker-registry")
    return _started(engines.guarded_registry, request)


def _skip_without(*programs: str) -> None:
    reason = engines.lacking(*programs)
    if reason is not None:
        pytest.skip(reason)


def _started(start: Callable[[Session], T], request: pytest.FixtureRequest) -> T:
    """Start something; where this machine cannot, skip, but not in CI, where the tests are meant to run."""
    try:
        return start(request.getfixturevalue("engine_session"))
    except CannotServeError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
