"""An arena with eighty targets that read nothing, `t0` to `t79`, and `b`, which reads `a`; and runs that fight in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from arena import Arena, Fleet

TARGETS = {"a": (), "b": ("a",), **{f"t{number}": () for number in range(80)}}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the races, said once and for all of them, where the tasks' lock is not to be had."""
    if shutil.which("flock") is not None:
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="the tasks need the program flock (util-linux)"))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that has the Python environment of the arenas, so that no race is decided by who makes it."""
    folder = tmp_path_factory.mktemp("races")
    arena = Arena(folder / "first", {"a": ()}, folder / "cache")
    arena.traintrack("run", ":a")
    return folder / "cache"


@pytest.fixture
def arena(tmp_path: Path, cache: Path) -> Arena:
    return Arena(tmp_path / "arena", TARGETS, cache)


@pytest.fixture
def fleet(arena: Arena) -> Iterator[Fleet]:
    with arena.fleet() as fleet:
        yield fleet
