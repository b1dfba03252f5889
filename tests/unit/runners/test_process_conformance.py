"""The process runner passes the suite of every runner."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench_maker import make_bench

from traintrack.testing.runner_bench import Bench
from traintrack.testing.runner_suite import RunnerSuite


class TestProcessRunner(RunnerSuite):
    @pytest.fixture(autouse=True)
    def _share_environments(self, env_cache: Path) -> None:
        self.env_cache = env_cache

    def make_bench(self, folder: Path) -> Bench:
        return make_bench(folder, self.env_cache)
