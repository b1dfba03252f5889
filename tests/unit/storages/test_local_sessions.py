from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from traintrack.errors import HostError, InternalError
from traintrack.ports.storage import Liveness
from traintrack.storages.local.locks import FileLock, Mode
from traintrack.storages.local.processes import boot_id, process_started
from traintrack.storages.local.sessions import Sessions


def test_an_owner_says_which_process_it_is(tmp_path: Path) -> None:
    with Sessions(str(tmp_path)).present("run-a") as owner:
        assert (owner.run, owner.pid, owner.boot_id) == ("run-a", os.getpid(), boot_id())
        assert owner.pid_started == process_started(os.getpid()) > 0
        assert owner.user
        assert owner.host == os.uname().nodename


def test_a_clean_exit_leaves_nothing(tmp_path: Path) -> None:
    with Sessions(str(tmp_path)).present("run-a"):
        assert os.listdir(tmp_path) == ["run-a"]

    assert os.listdir(tmp_path) == []


def test_a_second_run_of_the_same_name_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    with Sessions(str(tmp_path)).present("run-a"):
        with pytest.raises(HostError) as caught, Sessions(str(tmp_path)).present("run-a"):
            pass

        assert caught.value.code == "session-taken"


def test_a_name_that_could_leave_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InternalError), Sessions(str(tmp_path / "alive")).present("../run"):
        pass

    assert os.listdir(tmp_path) == []


def test_a_file_without_a_lock_means_gone_on_this_host_or_boot_and_unknown_elsewhere(tmp_path: Path) -> None:
    sessions = Sessions(str(tmp_path))
    with sessions.present("run-a") as owner:
        pass
    (tmp_path / "run-a").touch()

    assert sessions.liveness(owner) is Liveness.GONE
    assert sessions.liveness(replace(owner, boot_id="before")) is Liveness.GONE
    assert sessions.liveness(replace(owner, host="renamed")) is Liveness.GONE
    assert sessions.liveness(replace(owner, host="other", boot_id="other")) is Liveness.UNKNOWN


def test_a_held_lock_proves_life_whatever_the_owner_says(tmp_path: Path) -> None:
    sessions = Sessions(str(tmp_path))
    with sessions.present("run-a") as owner:
        assert sessions.liveness(replace(owner, host="other", boot_id="other")) is Liveness.ALIVE


def test_who_asks_at_the_same_time_is_not_taken_for_the_holder(tmp_path: Path) -> None:
    (tmp_path / "run-a").touch()
    with FileLock(str(tmp_path / "run-a"), Mode.SHARED):
        assert not Sessions(str(tmp_path)).is_alive("run-a")


def test_only_the_dead_are_buried(tmp_path: Path) -> None:
    sessions = Sessions(str(tmp_path))
    (tmp_path / "dead").touch()
    with sessions.present("living"):
        assert sessions.dead() == ["dead"]
        assert sessions.bury("dead")
        assert not sessions.bury("living")
        assert not sessions.bury("nobody")
        assert os.listdir(tmp_path) == ["living"]


def test_what_is_written_belongs_to_the_run_or_else_to_a_nameless_session(tmp_path: Path) -> None:
    sessions = Sessions(str(tmp_path))
    nameless = sessions.mine()
    with sessions.present("run-a"):
        assert sessions.mine() == "run-a"

    assert sessions.mine() == nameless
    assert sessions.is_alive(nameless)
    del sessions
    assert os.listdir(tmp_path) == []
