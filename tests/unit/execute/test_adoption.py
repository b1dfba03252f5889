"""A dead holder's job goes on where its runner can hand it over, and only if it is the job that would start now."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace
from test_run import World

from traintrack.action.action import Action
from traintrack.action.cell import Cell, Owner, acquire, new_nonce
from traintrack.action.job import Handle, Job
from traintrack.action.plan import Outcome
from traintrack.digest import ArtifactDigest, sha256_hex
from traintrack.ports.runner import Adopted
from traintrack.testing.builders import build_action, build_graph
from traintrack.testing.fake_runner import FakeRunner


class HandsOver(FakeRunner):
    """Plays a job of a dead process as attempt 3 of its flight, if there is one to be had."""

    def __init__(self, action: Action, *, has: bool = True) -> None:
        super().__init__()
        self._action, self._has = action, has
        self.adopted: list[str] = []

    def adopt(self, flight: str) -> Adopted | None:
        self.adopted.append(flight)
        if not self._has:
            return None
        job = Job(flight, 3, self._action, (), self._action.resources)
        return Adopted(self.start([job])[0], 3)

    def abandoned(self) -> Mapping[Handle, tuple[str, str]]:
        return {}


def held(world: World, action: Action) -> Cell:
    """The cell of an action as somebody who is dead left it."""
    seen = world.storage.cells.read([action.id])[action.id]
    dead = replace(acquire(None, Owner(new_nonce(), "r-dead")), job="orphan.1")
    world.storage.cells.swap(seen, dead)
    return dead


def test_a_job_of_a_dead_holder_goes_on_in_its_flight() -> None:
    world, action = World(), build_action("slow")
    runner = world.runner = HandsOver(action)
    dead = held(world, action)

    result = world.run(build_graph([action]))

    done = result.finished[action.id]
    assert runner.adopted == [dead.flight]
    assert runner.stopped == []
    assert runner.executions["//:slow"] == 1
    assert (done.outcome, done.attempts) == (Outcome.EXECUTED, 3)


def test_a_job_that_cannot_be_had_is_ended_and_begun_anew() -> None:
    world, action = World(), build_action("slow")
    runner = world.runner = HandsOver(action, has=False)
    held(world, action)

    result = world.run(build_graph([action]))

    assert runner.stopped == ["orphan.1"]
    assert result.finished[action.id].attempts == 1


@pytest.mark.parametrize("reason", ["fresh", "other inputs"])
def test_a_job_that_began_from_something_else_is_not_taken_up(reason: str) -> None:
    world, action = World(), build_action("slow")
    runner = world.runner = HandsOver(action)
    dead = held(world, action)
    if reason == "other inputs":
        seen = world.storage.cells.read([action.id])[action.id]
        world.storage.cells.swap(seen, replace(dead, inputs=(ArtifactDigest(sha256_hex(b"old")),)))

    world.run(build_graph([action]), fresh=reason == "fresh")

    assert runner.adopted == []
    assert runner.stopped == ["orphan.1"]
