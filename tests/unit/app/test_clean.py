from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from small_workspace import Small

from traintrack.app.clean import clean

LEAVE_A_STAGE = """
import os, sys
from pathlib import Path
from traintrack.storages.local import open_local
storage = open_local(Path(sys.argv[1]))
with storage.present("r-dead"):
    stage = storage.staging.new_stage("flight.1")
    (stage / "half").write_bytes(b"x" * 1000)
    os._exit(9)
"""


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """A workspace with a result, and with what a run left that was killed."""
    small = Small(tmp_path)
    small.make("//a:data")
    done = subprocess.run([sys.executable, "-c", LEAVE_A_STAGE, str(tmp_path / "store")], check=False)
    assert done.returncode == 9
    return small


def stages(small: Small) -> list[Path]:
    return list((small.root / "store" / "stage").iterdir())


def test_a_dry_run_tells_and_removes_nothing(small: Small) -> None:
    [stage] = stages(small)

    report = clean(small.environment(), dry_run=True)

    assert (report.removed, report.size_bytes, report.dry_run) == ((str(stage),), 1000, True)
    assert stages(small) == [stage]


def test_what_the_dead_left_is_removed_and_results_stay(small: Small) -> None:
    [stage] = stages(small)
    environment = small.environment()
    before = environment.storage.cells.read([small.id_of("//a:data")])

    report = clean(environment)

    assert report.removed[0] == str(stage)
    assert report.size_bytes >= 1000
    assert stages(small) == []
    assert environment.storage.cells.read([small.id_of("//a:data")]) == before
    assert clean(environment).removed == ()


def test_the_folder_of_a_living_run_stays(small: Small) -> None:
    environment = small.environment()
    with environment.storage.present("r-alive"):
        alive = environment.staging.new_stage("other.1")
        clean(environment)

        assert stages(small) == [alive]


def test_the_folder_of_a_task_that_outlived_its_run_stays(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = small.environment()
    monkeypatch.setattr(
        type(environment.runner), "find", lambda _, flights: {f: "{}" for f in flights if f == "flight"}
    )
    before = stages(small)

    report = clean(environment, dry_run=True)
    clean(environment)

    assert report.removed == ()
    assert stages(small) == before
