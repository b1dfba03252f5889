"""How a container ended, told apart by what the engine says."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from traintrack.action.action import Action, Provenance
from traintrack.action.failure import FailureClass
from traintrack.action.image import ContainerImage
from traintrack.digest import target_id
from traintrack.runners.container.engine import ContainerId, Inspected, Status
from traintrack.runners.container.state import judge, on_closed_network
from traintrack.runners.contract.ending import Ending
from traintrack.testing.runner_bench import make_job

ACTION = Action(id=target_id(b"{}"), preimage=b"{}", task="train", image=ContainerImage("x", "sha256:0"))
JOB = make_job(ACTION)
ENDED = Inspected(ContainerId("c"), "n", {}, Status.EXITED, 0, started="2026-01-01T00:00:00Z")
REFUSED = replace(ENDED, status=Status.CREATED, exit_code=127, started="")


def test_exit_0_is_a_success() -> None:
    assert judge(ENDED, JOB, "train") is None


@pytest.mark.parametrize("code", [1, 125, 126, 127])
def test_a_tasks_own_exit_codes_are_its_own_failures(code: int) -> None:
    ending = judge(replace(ENDED, exit_code=code), JOB, "train")

    assert ending == Ending(FailureClass.TASK, f"exit {code}")


def test_a_container_that_is_not_there_is_lost_and_tried_again() -> None:
    ending = judge(None, JOB, "train")

    assert ending is not None
    assert ending.failure.retried_for_free


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('exec: "train": executable file not found in $PATH: unknown', "is not in the image"),
        ("exec train failed: No such file or directory", "is not in the image"),
        ("exec: /x: permission denied: unknown", "is not executable"),
        ("exec /x failed: Exec format error", "binary of this platform"),
    ],
)
def test_a_program_that_cannot_begin_is_the_images_fault(said: str, words: str) -> None:
    ending = judge(replace(REFUSED, error=said), JOB, "train")

    assert ending is not None
    assert ending.failure is FailureClass.IMAGE
    assert "`train`" in ending.message
    assert words in ending.message


def test_anything_else_that_keeps_a_container_from_starting_is_the_platforms_fault() -> None:
    ending = judge(replace(REFUSED, exit_code=125, error="cgroup gone\nmore"), JOB, "train")

    assert ending is not None
    assert (ending.failure, ending.message) == (FailureClass.PLATFORM, "the container did not start: cgroup gone")
    assert ending.details == ("cgroup gone", "more")


@pytest.mark.parametrize("code", [0, 1, 137])
def test_a_process_killed_for_memory_fails_the_task_whatever_it_exits_with(code: int) -> None:
    ending = judge(replace(ENDED, exit_code=code, out_of_memory=True), JOB, "train")

    assert ending is not None
    assert ending.failure is FailureClass.OUT_OF_MEMORY
    assert ("exit 0" in ending.message) is (code == 0)


def test_a_failed_look_up_of_a_name_is_told_with_the_place_only_if_the_network_is_off() -> None:
    lines = ("Traceback:", "socket.gaierror: [Errno -3] Temporary failure in name resolution")
    job = make_job(replace(ACTION, provenance=Provenance(place="a/TTCONFIG.yaml:7:3")))
    failed = Ending(FailureClass.TASK, "exit 1")

    closed = on_closed_network(failed, lines, job)
    opened = on_closed_network(failed, lines, make_job(replace(ACTION, network=True)))

    assert closed is not None
    assert closed.hint is not None
    assert closed.hint.startswith("add `network: true` to the target at a/TTCONFIG.yaml:7:3")
    assert opened == failed
    assert on_closed_network(failed, ("ValueError",), job) == failed
