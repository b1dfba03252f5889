"""What a push sends, leaves and refuses, between two folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace
from small_workspace import FILES, Small

from traintrack.action import cell as change
from traintrack.action.cell import FreeReason, Result
from traintrack.app.environment import Environment, open_environment
from traintrack.app.push import push
from traintrack.app.push_order import collect, layers
from traintrack.app.push_report import PushReport, PushState
from traintrack.app.why import why
from traintrack.errors import HostError, IntegrityError, NotFoundError, UsageError
from traintrack.ports.storage import Storage
from traintrack.storages.local.artifacts import LocalArtifacts

ENVIRONMENTS = """\
environments:
  local: {runner: local, storage: store, reads: [team]}
  team: {runner: local, storage: store/team}
"""
DATA, TRAIN = "//a:data", "//a:train"


@pytest.fixture
def small(tmp_path: Path) -> Small:
    text = FILES["TTWORKSPACE.yaml"]
    head, _, rest = text.partition("environments:")
    _, _, tail = rest.partition("default_env")
    files = {"TTWORKSPACE.yaml": f"{head}{ENVIRONMENTS.replace('store/team', '../team')}default_env{tail}"}
    small = Small(tmp_path / "w", files)
    small.make(DATA, TRAIN)
    return small


def pushed(small: Small, *labels: str) -> PushReport:
    return push(small.project(), small.environment(), labels or (TRAIN,), None)


def states(report: PushReport) -> list[tuple[str, PushState]]:
    return [(row.label, row.state) for row in report.targets]


def team(small: Small) -> Environment:
    return open_environment(small.project().workspace, "team")


def result(storage: Storage, small: Small, label: str) -> Result | None:
    cell = storage.cells.read([small.id_of(label)])[small.id_of(label)].cell
    return cell.result if cell is not None else None


def test_results_and_what_they_were_made_from_are_sent_with_records_logs_and_history(small: Small) -> None:
    report = pushed(small)

    there = team(small)
    assert states(report) == [(DATA, PushState.SENT), (TRAIN, PushState.SENT)]
    assert report.sent_bytes == sum(row.size_bytes for row in report.targets) == 128
    mine = result(small.environment().storage, small, TRAIN)
    assert result(there.storage, small, TRAIN) == mine
    assert (there.storage.artifacts.path(mine.artifact) / "out.txt").read_bytes() == small.id_of(TRAIN).encode()
    assert why(small.project(), there, TRAIN).now.startswith("cached since 2026-04-16")
    [entry] = there.storage.ledger.history("small", TRAIN)
    assert entry.record == mine.record
    log = there.storage.ledger.log(f"r-0001-{small.id_of(TRAIN)[:8]}.1")
    assert log.read_text() == f"made {TRAIN}\n"
    assert small.environment().storage.ledger.log(f"r-0001-{small.id_of(TRAIN)[:8]}.1") is not None


def test_what_is_there_is_not_sent_again(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    pushed(small)
    monkeypatch.setattr(LocalArtifacts, "publish", lambda *_: pytest.fail("bytes were sent"))

    assert [row.state for row in pushed(small).targets] == [PushState.THERE, PushState.THERE]


def test_a_push_that_was_cut_off_leaves_no_hold_and_the_next_one_goes_on(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, count = LocalArtifacts.publish, iter(range(9))

    def breaking(self: LocalArtifacts, output: object) -> Result:
        if next(count) == 1:
            raise HostError("the disk is full", code="disk", hint="make room")
        return publish(self, output)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalArtifacts, "publish", breaking)
    with pytest.raises(HostError):
        pushed(small)

    stage = small.root.parent / "team" / "stage"
    assert not stage.exists() or os.listdir(stage) == []
    assert states(pushed(small)) == [(DATA, PushState.THERE), (TRAIN, PushState.SENT)]


def test_a_result_that_stands_there_with_other_bytes_stays_and_what_reads_ours_is_refused(small: Small) -> None:
    pushed(small, DATA)
    theirs = result(team(small).storage, small, DATA)
    _evict(small.environment().storage, small, DATA, TRAIN)
    folder = small.root.parent / "team"
    folder.rename(folder.with_name("away"))
    small.make(DATA, TRAIN, files={"out.txt": b"other"})
    folder.with_name("away").rename(folder)

    report = pushed(small)

    assert states(report) == [(DATA, PushState.DIFFERS), (TRAIN, PushState.REFUSED)]
    assert DATA in report.targets[1].detail
    assert result(team(small).storage, small, DATA) == theirs
    assert result(team(small).storage, small, TRAIN) is None


def test_an_input_that_stands_here_no_more_does_not_keep_back_what_was_made_from_it(small: Small) -> None:
    _evict(small.environment().storage, small, DATA)

    assert states(pushed(small)) == [(TRAIN, PushState.SENT)]


def test_what_is_being_made_there_is_left_to_who_makes_it_and_so_is_what_needs_it(small: Small) -> None:
    there = team(small).storage
    id_ = small.id_of(DATA)
    with there.present("r-far") as owner:
        seen = there.cells.read([id_])[id_]
        there.cells.swap(seen, change.acquire(None, replace(owner, token="t")))
        report = pushed(small)
    assert states(report) == [(DATA, PushState.BUSY), (TRAIN, PushState.BEHIND)]

    assert states(pushed(small)) == [(DATA, PushState.SENT), (TRAIN, PushState.SENT)]


def test_damaged_bytes_are_not_sent(small: Small) -> None:
    mine = result(small.environment().storage, small, TRAIN)
    place = small.environment().storage.artifacts.path(mine.artifact) / "out.txt"
    place.chmod(0o644)
    place.write_bytes(b"x" * 64)

    with pytest.raises(IntegrityError, match="damaged"):
        pushed(small)
    assert result(team(small).storage, small, TRAIN) is None


def test_what_code_that_is_not_pushed_made_is_kept_for_14_days(small: Small) -> None:
    small.git("init", "-q", "--bare", str(small.root.parent / "remote.git"))
    small.git("remote", "add", "origin", str(small.root.parent / "remote.git"))

    report = pushed(small)

    assert {row.cleanness.value for row in report.targets} == {"dirty"}
    ledger = team(small).storage.ledger
    document = ledger.run(next(iter(ledger.runs())))
    assert {row.keep for row in document.targets} == {14 * 86400.0}


def test_a_target_without_a_result_and_an_environment_that_there_is_not_are_told(small: Small) -> None:
    _evict(small.environment().storage, small, TRAIN)

    with pytest.raises(NotFoundError, match="has no result"):
        pushed(small)
    with pytest.raises(UsageError, match="no environment `tame`"):
        push(small.project(), small.environment(), (DATA,), "tame")
    with pytest.raises(UsageError, match="same storage"):
        push(small.project(), small.environment(), (DATA,), "local")


def test_layers_have_inputs_before_what_reads_them(small: Small) -> None:
    holdings = collect(small.environment().storage, [small.id_of(TRAIN)])

    assert list(holdings) == [small.id_of(DATA), small.id_of(TRAIN)]
    assert layers(holdings) == [[small.id_of(DATA)], [small.id_of(TRAIN)]]


def _evict(storage: Storage, small: Small, *labels: str) -> None:
    for label in labels:
        seen = storage.cells.read([small.id_of(label)])[small.id_of(label)]
        storage.cells.swap(seen, change.evict(seen.cell, FreeReason.EVICTED))
