"""Two engineers need one target at the same time: what the one who waits sees, and what becomes of it when the first leaves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engineers import BUCKET, until
from waiters import Office, Told

from traintrack.testing.s3_server import Delay, Rule, S3Server

MakeOffice = Callable[..., Office]


@pytest.fixture
def bucket_office(tmp_path: Path, s3: S3Server) -> Iterator[MakeOffice]:
    made: list[Office] = []

    def make(heartbeat: str = "1s", target: str = "", **environ: str) -> Office:
        environment = f'storage: "s3://{BUCKET}/team", heartbeat: {heartbeat}'
        made.append(Office(tmp_path, environment, {**s3.environ(), **environ}, target))
        return made[0]

    yield make
    for office in made:
        office.let_all_go()


@pytest.fixture(params=["bucket", "folder"])
def office(request: pytest.FixtureRequest, tmp_path: Path, bucket_office: MakeOffice) -> Iterator[Office]:
    made = bucket_office() if request.param == "bucket" else Office(tmp_path, f"storage: {tmp_path / 'store'}", {})
    yield made
    made.let_all_go()


def is_wanted(office: Office, s3: S3Server, tmp_path: Path) -> bool:
    folder = tmp_path / "store" / "ns" / "default" / "want"
    return bool(s3.buckets.keys(BUCKET, "team/default/want/")) or any(folder.glob("*/*"))


def wait_words(told: Told) -> list[str]:
    return [line.split(" waiting ", 1)[1] for line in told.err.splitlines() if line.startswith("◌")]


def test_who_waits_is_told_for_whom_and_how_far_that_is(office: Office, s3: S3Server, tmp_path: Path) -> None:
    ann, bob = office.engineer("ann"), office.engineer("bob")
    events = tmp_path / "events"
    office.hold(1)
    office.hold(2)
    with office.start(ann, "run", ":train") as first:
        office.comes_to("at 1")
        with office.start(bob, "run", ":train", "--progress", "plain", "--events", str(events)) as second:
            until(lambda: is_wanted(office, s3, tmp_path))
            office.let_go(1)
            until(lambda: "2/3 epoch" in events.read_text())
            rows = bob.do("status")["targets"]
            office.let_go(2)
            first.ends()
            second.ends()

    [words] = wait_words(second)[-1:]
    run = first.err.split("run ", 1)[1].split(" ", 1)[0]
    assert words.startswith("for ")
    assert f"(run {run}, since " in words
    assert "running)" in words
    assert "2/3 epoch" in rows[0]["detail"]
    assert rows[0]["detail"].startswith("running by ")
    assert office.notes().count("end") == 1
    assert "made by another run" in second.err
    assert not is_wanted(office, s3, tmp_path)


def test_at_the_second_ctrl_c_it_says_who_waits_and_they_go_on_from_the_checkpoint(
    office: Office, s3: S3Server, tmp_path: Path
) -> None:
    ann, bob = office.engineer("ann"), office.engineer("bob")
    office.hold(2)
    with office.start(ann, "run", ":train") as first:
        office.comes_to("at 2")
        with office.start(bob, "run", ":train") as second:
            until(lambda: is_wanted(office, s3, tmp_path))
            first.press_ctrl_c()
            first.says("1 other waits for //:train: ")
            first.press_ctrl_c()
            first.says("it will go on with it, from its checkpoint")
            first.ends(130)
            office.comes_to("begin from 2")
            office.let_go(2)
            second.ends()

    assert office.notes() == ["begin from 0", "at 1", "at 2", "begin from 2", "at 3", "end"]
    assert bob.bytes_of("train")["model"] == b"weights of 3\n"
    assert s3.buckets.keys(BUCKET, "team/handover/") == []
    assert not is_wanted(office, s3, tmp_path)


def test_a_failure_is_shared_with_who_waits(office: Office, s3: S3Server, tmp_path: Path) -> None:
    ann, bob = office.engineer("ann"), office.engineer("bob")
    office.hold(1)
    with office.start(ann, "run", ":train") as first:
        office.comes_to("at 1")
        with office.start(bob, "run", ":train") as second:
            until(lambda: is_wanted(office, s3, tmp_path))
            office.fail()
            office.let_go(1)
            first.ends(1)
            told = second.ends(1)

    assert "in the run that was waited for" in told
    assert office.notes().count("begin from 0") == 1


def test_who_leaves_while_waiting_is_not_named_any_more(office: Office, s3: S3Server, tmp_path: Path) -> None:
    ann, bob = office.engineer("ann"), office.engineer("bob")
    office.hold(1)
    with office.start(ann, "run", ":train") as first:
        office.comes_to("at 1")
        with office.start(bob, "run", ":train") as second:
            until(lambda: is_wanted(office, s3, tmp_path))
            second.press_ctrl_c()
            second.ends(130)
        assert not is_wanted(office, s3, tmp_path)
        first.press_ctrl_c()
        first.says("Ctrl-C again ends it")
        office.let_go(1)
        first.ends(130)

    assert "waits for" not in first.err


def test_the_growing_log_of_another_is_followed_to_its_end(office: Office, s3: S3Server) -> None:
    ann, bob = office.engineer("ann"), office.engineer("bob")
    copies = bob.home / ".cache" / "traintrack" / "live"
    office.hold(1)
    office.hold(2)
    with office.start(ann, "run", ":train") as first:
        office.comes_to("at 1")
        until(lambda: bob.sees_log_of(":train"))
        named = set(copies.glob("*"))
        with office.start(bob, "log", "-f", ":train") as followed:
            followed.prints("epoch 1\n")
            office.let_go(1)
            followed.prints("epoch 2\n")
            with office.start(bob, "log", ":train") as glance:
                glance.ends()
            office.let_go(2)
            first.ends()
            followed.ends()

    assert followed.out == "from 0 with no word\nepoch 1\nepoch 2\nepoch 3\nthe last line\n"
    assert glance.out == "from 0 with no word\nepoch 1\nepoch 2\n"
    assert "it is still running" in glance.err
    assert "`traintrack log -f //:train`" in glance.err
    assert s3.buckets.keys(BUCKET, "team/live/") == []
    assert set(copies.glob("*")) == named, "but for those whose path was told in JSON, copies go with their readers"


def test_over_a_bucket_secrets_are_masked_in_what_others_can_follow(bucket_office: MakeOffice, s3: S3Server) -> None:
    target = ", secrets: {TOKEN: {env: TT_WORD}}"
    office = bucket_office(target=target, TT_WORD="rosebud-1941")
    ann, bob = office.engineer("ann"), office.engineer("bob")
    office.hold(1)
    with office.start(ann, "run", ":train") as first:
        office.comes_to("at 1")
        until(lambda: bool(s3.buckets.keys(BUCKET, "team/live/")))
        with office.start(bob, "log", ":train") as glance:
            glance.ends()
        pieces = [s3.buckets.read(BUCKET, key) for key in s3.buckets.keys(BUCKET, "team/live/")]
        office.let_go(1)
        first.ends()

    assert glance.out.startswith("from 0 with ************\n")
    assert pieces
    assert all(piece and b"rosebud" not in piece for piece in pieces)


def test_a_waiter_asks_at_most_five_times_in_a_heartbeat(
    bucket_office: MakeOffice, s3: S3Server, tmp_path: Path
) -> None:
    """At the usual heartbeat of 10 s that is one request in two seconds."""
    office = bucket_office(heartbeat="1s")
    ann, bob = office.engineer("ann"), office.engineer("bob")
    office.hold(1)
    with office.start(ann, "run", ":train") as first:
        office.comes_to("at 1")
        with office.start(bob, "run", ":train") as second:
            until(lambda: is_wanted(office, s3, tmp_path))
            time.sleep(2.0)
            s3.log.clear()
            time.sleep(6.0)
            beats = s3.log.count("PutObject", key="*/cell/*")
            others = s3.log.count() - beats
            office.let_go(1)
            first.ends()
            second.ends()

    assert beats >= 3
    assert others <= 30


def test_data_that_takes_long_to_be_brought_in_is_held_and_who_waits_for_it_says_so(
    bucket_office: MakeOffice, s3: S3Server
) -> None:
    office = bucket_office(heartbeat="1s")
    ann, bob = office.engineer("ann"), office.engineer("bob")
    for one in (ann, bob):
        (one.work / "rows.csv").write_text("x,y\n" * 10_000)
        (one.work / "TTCONFIG.yaml").write_text("targets: {rows: {source: rows.csv}}\n")
        one.do("lock")
    s3.faults.add(Rule(Delay(9.0), operations=("PutObject",), key="*/data/*", times=1))
    with office.start(ann, "run", ":rows") as first:
        until(lambda: bool(s3.buckets.keys(BUCKET, "team/default/cell/")))
        with office.start(bob, "run", ":rows") as second:
            first.ends()
            second.ends()

    assert s3.log.count("PutObject", key="*/cell/*") >= 8, "held, published, done, and a beat each second"
    assert "brings in //:rows" in second.err
    assert len([key for key in s3.log.requests("PutObject", key="*/data/*") if key.status == 200]) <= 2
