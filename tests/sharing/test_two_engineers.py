"""Two engineers with a home each, one bucket: what one has made the other does not make again, whatever crashes."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import Any

from engineers import BUCKET, GRAPH, LIMIT_S, Engineer, Team, until

from traintrack.testing.s3_server import INTERNAL_ERROR, SLOW_DOWN, Delay, LoseAnswer, Rule

ALL = "//..."
REUSED = dict.fromkeys(GRAPH, "reused")
ONCE = dict.fromkeys(GRAPH, 1)
HEARTBEAT_S = 1.0


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, f"{process.returncode}\n{out}\n{err}"
    found: dict[str, Any] = json.loads(out)
    return found


def begun(team: Team) -> dict[str, int]:
    return {name: team.begun(name) for name in GRAPH}


def running(team: Team, engineer: Engineer, name: str) -> subprocess.Popen[str]:
    """A run of one target whose task stands still."""
    team.hold(name)
    process = engineer.start("--json", "run", f":{name}")
    until(lambda: team.begun(name) == 1 or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process


def test_what_one_has_made_the_other_reuses_and_gets_byte_by_byte(team: Team) -> None:
    ann, bob = team.engineer("ann"), team.engineer("bob")
    ann.do("run", ALL)

    assert bob.outcomes(ALL) == REUSED
    assert begun(team) == ONCE
    files = bob.bytes_of("evaluate")
    assert files == ann.bytes_of("evaluate")
    assert files["data"].splitlines()[-1].startswith(b"evaluate ")
    assert files["large"] == bytes(1_500_000)


def test_a_target_is_made_from_what_another_has_made(team: Team) -> None:
    ann, bob = team.engineer("ann"), team.engineer("bob")
    ann.do("run", ":train")

    assert bob.outcomes(":evaluate")["evaluate"] == "executed"
    assert begun(team) == ONCE
    assert bob.bytes_of("evaluate")["data"].startswith(ann.bytes_of("train")["data"])


def test_nothing_to_do_costs_one_request_and_a_first_hit_two_for_each_target_and_no_write_to_it(team: Team) -> None:
    ann, bob = team.engineer("ann"), team.engineer("bob")
    for _ in range(2):
        ann.do("run", ALL)  # The second one says, once a day, that the results were used.
    log = team.s3.log
    log.clear()
    ann.do("run", ALL)
    again = log.count()
    log.clear()
    bob.do("run", ALL)
    opening = log.count(key="team/store.json") + log.count(key="*/gc/evicted") + log.count(key="team/use/*")

    assert again == 1
    assert (log.count(key="*/cell/*"), log.count(key="*/kept/*"), opening) == (3, 3, 3)
    assert log.count() == 9
    assert [request.key.split("/")[1] for request in log.requests("PutObject")] == ["use"]
    log.clear()
    assert {row["state"] for row in bob.do("status")["targets"]} == {"cached"}
    assert log.count() == 1


def test_what_one_looks_up_of_another_is_all_there(team: Team) -> None:
    ann, bob = team.engineer("ann"), team.engineer("bob")
    ann.do("run", ALL)
    run = bob.do("log")

    assert {row["label"] for row in run["targets"]} == {f"//:{name}" for name in GRAPH}
    assert bob.do("show", "--record", ":train")["record"]["outcome"] == "success"


def test_of_two_at_the_same_time_one_executes_and_the_other_has_its_result(team: Team) -> None:
    ann, bob = team.engineer("ann"), team.engineer("bob")
    first = running(team, ann, "prepare")
    second = bob.start("--json", "run", ALL)
    until(lambda: bool(team.s3.buckets.keys("models", "team/default/want/")))
    team.let_go("prepare")

    made = {row["label"]: row for row in finished(first)["targets"]}
    got = {row["label"]: row for row in finished(second)["targets"]}
    assert begun(team) == ONCE
    assert got["//:prepare"]["outcome"] == "shared"
    assert got["//:prepare"]["artifact"] == made["//:prepare"]["artifact"]
    assert team.s3.buckets.keys("models", "team/default/want/") == []


def test_who_waits_for_a_holder_that_was_killed_on_this_machine_goes_on_soon(team: Team) -> None:
    ann, bob = team.engineer("ann"), team.engineer("bob")
    first = running(team, ann, "prepare")
    second = bob.start("--json", "run", ":prepare")
    until(lambda: bool(team.s3.buckets.keys("models", "team/default/want/")))
    first.kill()
    first.wait()
    killed = time.monotonic()
    until(lambda: team.begun("prepare") == 2)
    after_s = time.monotonic() - killed
    team.let_go("prepare")
    first.communicate()

    assert finished(second)["targets"][0]["outcome"] == "executed"
    assert after_s < 6 * HEARTBEAT_S, "that is silence, and its process was there to be looked at"


def test_who_waits_for_a_holder_that_is_silent_takes_over_in_the_bound_and_there_is_one_result(team: Team) -> None:
    ann, bob = team.engineer("ann"), team.engineer("bob")
    first = running(team, ann, "prepare")
    second = bob.start("--json", "run", ":prepare")
    until(lambda: bool(team.s3.buckets.keys("models", "team/default/want/")))
    first.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    until(lambda: team.begun("prepare") == 2)
    after_s = time.monotonic() - stopped
    first.send_signal(signal.SIGCONT)
    team.let_go("prepare")

    made, got = finished(first)["targets"][0], finished(second)["targets"][0]
    assert 5 * HEARTBEAT_S < after_s < 20 * HEARTBEAT_S
    assert made["artifact"] == got["artifact"]
    assert {made["outcome"], got["outcome"]} <= {"executed", "shared", "reused"}


def test_what_a_killed_run_of_the_same_home_left_running_is_ended_before_the_next_begins(team: Team) -> None:
    ann = team.engineer("ann")
    first = running(team, ann, "prepare")
    second = ann.start("--json", "run", ":prepare")
    until(lambda: bool(team.s3.buckets.keys("models", "team/default/want/")))
    first.kill()
    first.wait()
    until(lambda: team.begun("prepare") == 2)
    team.let_go("prepare")
    first.communicate()

    assert finished(second)["targets"][0]["outcome"] == "executed"
    assert (team.begun("prepare"), team.ended("prepare")) == (2, 1)


def test_with_a_third_of_all_answers_bad_the_runs_end_right(team: Team) -> None:
    ann, bob = team.engineer("ann"), team.engineer("bob")
    for number, what in enumerate((INTERNAL_ERROR, SLOW_DOWN, LoseAnswer())):
        team.s3.faults.add(Rule(what, probability=0.1, seed=number))
    first, second = ann.start("--json", "run", ALL), bob.start("--json", "run", ALL)

    assert finished(first)["targets"]
    assert finished(second)["targets"]
    assert begun(team) == ONCE
    team.s3.faults.clear()
    assert bob.bytes_of("evaluate") == ann.bytes_of("evaluate")


def test_a_plan_and_a_table_of_many_targets_ask_for_them_at_once(team: Team) -> None:
    team.add_targets([f"t{number}" for number in range(100)])
    ann = team.engineer("ann")
    ann.do("run", ":prepare")
    team.s3.faults.add(Rule(Delay(0.5), operations=("GetObject",)))
    team.s3.log.clear()
    ann.do("run", "--dry-run", ALL)
    ann.do("status")

    for kind in ("*/cell/*", "*/label/*"):
        asked = team.s3.log.requests("GetObject", key=kind)
        assert len(asked) >= 100
        assert max(request.under_way for request in asked) >= 60


def test_bytes_that_the_bucket_has_lost_are_made_again_by_who_needs_them(team: Team) -> None:
    ann, bob = team.engineer("ann"), team.engineer("bob")
    ann.do("run", ":train")
    bob.do("run", ":train")
    for key in team.s3.buckets.keys(BUCKET, "team/default/data/"):
        team.s3.buckets.remove(BUCKET, key)

    assert bob.outcomes(":train")["train"] == "reused", "mere reuse looks at nothing"
    assert bob.outcomes(":evaluate") == dict.fromkeys(GRAPH, "executed")
    assert begun(team) == {"prepare": 2, "train": 2, "evaluate": 1}
    assert ann.outcomes(ALL) == REUSED
    assert ann.bytes_of("evaluate") == bob.bytes_of("evaluate")
