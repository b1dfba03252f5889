from __future__ import annotations

from pathlib import Path

import pytest
from small_workspace import Small

from traintrack.action.cell import CellState
from traintrack.action.event import RunDocument, RunTarget
from traintrack.app.du import Group, du
from traintrack.app.gc import GcOptions, carry_out, plan_gc
from traintrack.app.keep import Stays
from traintrack.app.last_use import UseDocument, note_use, read_uses
from traintrack.app.pin import pin, pins, unpin
from traintrack.app.project import action_graph
from traintrack.app.roots import Pin, note_frozen, read_roots, rooted
from traintrack.app.small_files import read_small_file
from traintrack.app.status import status
from traintrack.app.why import why
from traintrack.digest import TargetId
from traintrack.errors import GateError, IntegrityError, NotFoundError, UsageError

NOTHING_STAYS = GcOptions(default_s=0.0, most_share=1.0)
NOTE = Pin(TargetId(""), "", "ada@here", "2026-04-16T10:00:00Z", why="it is good")


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    """A workspace whose `data` and `train` have results of April."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TRAINTRACK_NO_CACHE", raising=False)
    small = Small(tmp_path / "w")
    small.make("//a:data", files={"rows.csv": b"1\n" * 50})
    small.make(
        "//a:train",
        files={
            "weights/best.pt": b"w" * 1000,
            "metrics.json": b'{"auc": 0.9}',
            "reports/index.html": b"<p>fine",
            "reports/huge.bin": b"h" * (1 << 20),
        },
    )
    return small


def collect(small: Small, *patterns: str, options: GcOptions = NOTHING_STAYS):
    environment = small.environment()
    plan = plan_gc(small.project(), environment, patterns, options)
    return plan, carry_out(environment, plan, options, "ada@here")


def cell_of(small: Small, label: str):
    id_ = small.id_of(label)
    return small.environment().storage.cells.read([id_])[id_].cell


def test_a_plan_names_what_goes_and_touches_nothing(small: Small) -> None:
    plan = plan_gc(small.project(), small.environment(), (), NOTHING_STAYS)

    assert [item.label for item in plan.going] == ["//a:data", "//a:train"]
    assert plan.size_bytes == sum(item.size_bytes for item in plan.going) > 1_000_000
    assert cell_of(small, "//a:train").state is CellState.DONE


def test_what_was_used_today_stays_by_default(small: Small) -> None:
    environment = small.environment()
    used = small.id_of("//a:train")
    note_use(environment.storage, "small", {used: None}, "2999-01-01T00:00:00Z")

    plan = plan_gc(small.project(), environment, (), GcOptions(default_s=60.0))

    assert [item.label for item in plan.going] == ["//a:data"]
    assert plan.stays == {Stays.USED: 1}


def test_patterns_select_by_label(small: Small) -> None:
    plan = plan_gc(small.project(), small.environment(), ("//a:data",), NOTHING_STAYS)

    assert [item.label for item in plan.going] == ["//a:data"]


def test_bytes_go_and_records_metrics_small_reports_and_file_lists_stay(small: Small) -> None:
    result = cell_of(small, "//a:train").result

    _, done = collect(small)

    storage = small.environment().storage
    assert len(done.evicted) == 2
    assert not list((small.root / "store" / "artifact").rglob("best.pt"))
    assert storage.kept.get(result.record) is not None
    assert "reports/huge.bin" in [e.path for e in storage.artifacts.manifest(result).entries]
    assert read_small_file(storage, result.manifest, "metrics.json") == b'{"auc": 0.9}'
    assert read_small_file(storage, result.manifest, "reports/index.html") == b"<p>fine"
    assert read_small_file(storage, result.manifest, "reports/huge.bin") is None
    assert read_small_file(storage, result.manifest, "weights/best.pt") is None


def test_status_and_why_say_who_evicted_it(small: Small) -> None:
    collect(small)

    [data, _] = status(small.project(), small.environment(), ["//a:*"])
    assert data.state == "missing"
    assert data.detail.startswith("evicted by gc on 2")
    assert data.detail.endswith("by ada@here: will be made again")
    assert "evicted by gc on 2" in why(small.project(), small.environment(), "//a:train").now


def test_what_was_made_from_what_an_earlier_round_took_stays(small: Small) -> None:
    collect(small, "//a:data")

    plan = plan_gc(small.project(), small.environment(), (), NOTHING_STAYS)

    assert (plan.going, plan.stays) == ((), {Stays.MADE_FROM_GONE: 1})


def test_more_than_half_is_refused_unless_asked_for(small: Small) -> None:
    with pytest.raises(GateError):
        collect(small, options=GcOptions(default_s=0.0))

    assert cell_of(small, "//a:train").state is CellState.DONE


def test_a_pinned_result_stays_until_it_is_unpinned(small: Small) -> None:
    pin(small.project(), small.environment(), ["//a:train"], NOTE)

    plan, _ = collect(small)
    assert [item.label for item in plan.going] == ["//a:data"]
    assert cell_of(small, "//a:train").state is CellState.DONE
    assert [(p.label, p.why) for p in pins(small.project(), small.environment())] == [("//a:train", "it is good")]

    small.make("//a:data")  # Else `train` would stay as made from what is gone.
    assert [p.label for p in unpin(small.project(), small.environment(), ["//a:train"])] == ["//a:train"]
    assert "//a:train" in [i.label for i in plan_gc(small.project(), small.environment(), (), NOTHING_STAYS).going]


def test_a_pin_is_of_the_result_and_not_of_the_label(small: Small) -> None:
    pin(small.project(), small.environment(), ["//a:train"], NOTE)
    old = small.id_of("//a:train")
    small.edit("a/TTCONFIG.yaml", "epochs: 3", "epochs: 4")
    small.commit("More epochs")
    small.make("//a:train")

    plan = plan_gc(small.project(), small.environment(), (), NOTHING_STAYS)

    assert old not in [item.id for item in plan.going]
    assert small.id_of("//a:train") in [item.id for item in plan.going]


def test_pins_have_names_that_no_two_share(small: Small) -> None:
    named = Pin(TargetId(""), "", "ada@here", "2026-04-16T10:00:00Z", name="best")
    pin(small.project(), small.environment(), ["//a:train"], named)

    with pytest.raises(UsageError, match="best"):
        pin(small.project(), small.environment(), ["//a:data"], named)
    with pytest.raises(UsageError, match="names one result"):
        pin(small.project(), small.environment(), ["//a:*"], named)
    assert [p.label for p in unpin(small.project(), small.environment(), ["best"])] == ["//a:train"]
    with pytest.raises(NotFoundError, match="names no pin"):
        unpin(small.project(), small.environment(), ["best"])


def test_only_a_result_that_stands_can_be_pinned(small: Small) -> None:
    collect(small)

    with pytest.raises(NotFoundError, match="no result that could be pinned"):
        pin(small.project(), small.environment(), ["//a:train"], NOTE)


def test_roots_that_cannot_be_read_stop_it_and_are_named(small: Small) -> None:
    pin(small.project(), small.environment(), ["//a:train"], NOTE)
    path = small.root / "store" / "roots" / "small"
    path.chmod(0o644)
    path.write_text("{")

    with pytest.raises(IntegrityError, match="roots/small"):
        collect(small)


def test_the_pins_of_every_workspace_of_the_store_count(small: Small) -> None:
    pin(small.project(), small.environment(), ["//a:train"], NOTE)
    pinned = small.id_of("//a:train")
    (small.root / "store" / "roots" / "small").rename(small.root / "store" / "roots" / "another")

    assert list(rooted(small.environment().storage.documents)) == [pinned]
    plan, _ = collect(small)
    assert pinned not in [item.id for item in plan.going]


def test_what_lock_files_freeze_is_rooted_and_thawing_takes_it_away(small: Small) -> None:
    frozen, other = small.id_of("//a:train"), small.id_of("//a:data")
    for ids in ({"train": frozen, "data": other}, {"train": frozen}):
        rows = "".join(f'  {name}: {{id: "{id_}"}}\n' for name, id_ in ids.items())
        small.write("a/TTLOCK.yaml", f"format: traintrack.lock/1\nfrozen:\n{rows}")
        note_frozen(small.project(), small.environment().storage, {"//a:train": frozen})

    assert read_roots(small.environment().storage.documents, "small").frozen == {"a": (frozen,)}


def test_the_newest_use_counts_and_tells_how_long_to_keep(small: Small) -> None:
    storage = small.environment().storage
    id_ = small.id_of("//a:train")
    rows = (RunTarget("//a:train", id_, "reused", keep=30.0),)
    time = "2026-05-01T10:00:00Z"
    storage.ledger.put_run(RunDocument("r-9", "small", "local", "ada", "here", time, time, "run", rows))
    made = {id_: "2026-04-16T10:02:30Z"}

    assert (read_uses(storage, made)[id_].time, read_uses(storage, made)[id_].keep) == (time, 30.0)
    note_use(storage, "small", {id_: "forever"}, "2026-06-01T10:00:00Z")
    assert read_uses(storage, made)[id_].keep == "forever"


def test_a_use_is_written_once_a_day_and_client(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = small.environment().storage
    ids = {small.id_of("//a:train"): None}
    note_use(storage, "small", ids, "first")
    [name] = storage.documents.names("use")

    note_use(storage, "small", ids, "second")
    monkeypatch.setattr("traintrack.app.last_use._today", lambda: b"another day")
    before = storage.documents.read(name).data
    note_use(storage, "small", ids, "third")

    assert b'"first"' in before
    assert b'"third"' in storage.documents.read(name).data
    assert list(storage.documents.names("use")) == [name]


def test_a_damaged_use_document_is_passed_over(small: Small) -> None:
    storage = small.environment().storage
    storage.documents.write("use/broken", b"{")

    assert set(read_uses(storage, {small.id_of("//a:train"): "2026-04-16T10:02:30Z"})) == {small.id_of("//a:train")}
    assert UseDocument("w", "t", {}).format == "traintrack/use/1"


def test_keep_is_declared_per_target_task_and_workspace(small: Small) -> None:
    small.edit("a/TTCONFIG.yaml", "    task: train_model\n", "    task: train_model\n    keep: forever\n")
    small.edit("TTWORKSPACE.yaml", "paths: [src]}", "paths: [src], keep: 30d}")
    before = small.id_of("//a:data")
    graph = action_graph(small.project(), ["//a:*"])

    keeps = {action.label: action.keep for action in graph.actions.values()}

    assert keeps == {"//a:data": 30 * 86_400.0, "//a:train": "forever"}
    assert graph.labels["//a:data"] == before, "it is not hashed"


def test_du_counts_shared_bytes_once_and_says_what_could_go(small: Small) -> None:
    small.write("b/TTCONFIG.yaml", (small.root / "a/TTCONFIG.yaml").read_text().replace("rows: 10", "rows: 11"))
    small.commit("Another experiment")
    small.make("//b:data", files={"rows.csv": b"1\n" * 50})
    pin(small.project(), small.environment(), ["//a:train"], NOTE)

    report = du(small.project(), small.environment(), (), Group.TASK)

    by_name = {share.name: share for share in report.shares}
    data, train = by_name["make_data"], by_name["train_model"]
    assert (data.results, data.logical_bytes, data.real_bytes) == (2, 200, 100)
    assert report.total.real_bytes == 100 + train.real_bytes
    plan = plan_gc(small.project(), small.environment(), (), GcOptions())
    assert (report.total.could_go_bytes, train.could_go_bytes) == (plan.size_bytes, 0)
    assert [s.name for s in du(small.project(), small.environment(), ["//b/..."], Group.EXPERIMENT).shares] == ["//b"]
