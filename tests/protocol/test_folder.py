"""The promises over random interleavings of the real code, in a real folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from driver import Scenario, numbers_of, played
from folder import FolderWorld

from traintrack.storages.local.cells import LocalCells
from traintrack.storages.local.files import Files
from traintrack.testing.schedule import Faults

SCENARIOS = {
    "two workers": Scenario(faults=Faults(crashes=1)),
    "three workers, two die": Scenario((0, 0, 0), faults=Faults(crashes=2)),
    "two that take from each other, and a reader that evicts": Scenario((0, 1, 1), quarantines=2, outputs=1),
}
QUICK = 40
LONG = 1000


@pytest.fixture(autouse=True)
def _without_syncing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Power cuts are another test's: a sync of the whole disk at each commit would be all that is measured here."""
    monkeypatch.setattr(Files, "settle", lambda _self: None)


def play(name: str, seed: int, root: Path) -> FolderWorld:
    numbers = numbers_of(seed, 120)
    world = FolderWorld(SCENARIOS[name], numbers, root / f"{seed}")
    played(world, numbers)
    return world


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_promises_hold_in_a_folder(name: str, tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(QUICK):
        outcomes += play(name, seed, tmp_path).outcomes

    assert outcomes["executed"] > 0


@pytest.mark.torture
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_promises_hold_in_a_folder_for_long(name: str, tmp_path: Path) -> None:
    print(f"{name}: seeds 1000 to {1000 + LONG - 1}")  # noqa: T201
    for seed in range(1000, 1000 + LONG):
        play(name, seed, tmp_path)


def test_the_driver_notices_a_folder_that_compares_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalCells, "_demand", lambda _self, _seen: None)

    assert _notices(tmp_path)


def test_the_driver_notices_a_folder_that_takes_the_living_for_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from traintrack.ports.storage import Liveness

    monkeypatch.setattr(LocalCells, "liveness", lambda _self, _owner: Liveness.GONE)

    assert _notices(tmp_path)


def _notices(root: Path) -> bool:
    for seed in range(QUICK):
        try:
            play("two workers", seed, root)
        except AssertionError:
            return True
    return False
