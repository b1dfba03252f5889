"""Benches for the tests of the process runner."""

from __future__ import annotations

import sys
from collections.abc import Callable, Container
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bench_maker import make_bench

from traintrack.testing.runner_bench import Bench


@pytest.fixture(scope="session")
def env_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of Python environments for all tests of a worker: making one takes a second."""
    return tmp_path_factory.mktemp("envs")


@pytest.fixture
def make_runner(tmp_path: Path, env_cache: Path) -> Callable[..., Bench]:
    def make(*, env_cache: Path = env_cache, secret_sources: Container[str] | None = None) -> Bench:
        return make_bench(tmp_path, env_cache, secret_sources)

    return make


@pytest.fixture
def bench(make_runner: Callable[..., Bench]) -> Bench:
    return make_runner()
