"""`results` over a real workspace and storage: where metrics are read from, and what is told of those that are not there."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from msgspec.structs import replace
from small_workspace import Small
from test_gc import collect

from traintrack.action.record import Record
from traintrack.app.results import Arguments, Results, results
from traintrack.errors import NotFoundError
from traintrack.storages.local.kept import LocalKept

CONFIG = """\
defaults: {image: py, commit: HEAD, task: train_model}
targets:
  data: {args: {rows: 10}}
  train: {each: {lr: [0.1, 1e-4], opt: [adam]}, args: {lr: "${lr}", data: ":data"}}
  named: {outputs: {metrics: out/scores.json, other: other.json}, args: {n: 1}}
  plain: {args: {n: 2, model: ":data"}}
"""


class Noting(Small):
    """Its records have the metrics of the result, as those of a run have; NaN is null there."""

    def _record(self, environment, action, run, notes, result, output) -> Record:
        record = super()._record(environment, action, run, notes, result, output)
        if result is None:
            return record
        try:
            path = environment.storage.artifacts.path(result.artifact, "metrics.json")
            found = json.loads(path.read_bytes(), parse_constant=lambda _: None)
        except (NotFoundError, ValueError):
            return record
        return replace(record, metrics=found if isinstance(found, dict) else None)


@pytest.fixture(params=[Small, Noting], ids=["file", "record"])
def small(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return request.param(tmp_path / "w", {"a/TTCONFIG.yaml": CONFIG})


def ask(small: Small, *texts: str, file: str | None = None, arguments: Arguments = Arguments.DIFFERING) -> Results:
    return results(small.project(), small.environment(), texts, file=file, arguments=arguments)


def metrics(data: object) -> dict[str, bytes]:
    return {"metrics.json": json.dumps(data).encode()}


def test_a_row_has_coordinates_as_values_and_metrics_by_dotted_names(small: Small) -> None:
    small.make("//a:train@lr=0.0001,opt=adam", files=metrics({"val": {"acc": 0.5}, "curve": [1]}))

    first, second = ask(small, "//a:train").rows
    assert (first.label, first.state.value, dict(first.metrics)) == ("//a:train@lr=0.1,opt=adam", "missing", {})
    assert (second.coordinates, second.metrics) == ({"lr": 1e-4, "opt": "adam"}, {"val.acc": 0.5})
    assert second.id == small.id_of("//a:train@lr=0.0001,opt=adam")


def test_what_a_record_has_no_word_for_is_read_from_the_file(small: Small) -> None:
    small.make("//a:plain", files=metrics({"loss": math.nan, "best": math.inf, "none": None, "n": 3}))

    [row] = ask(small, "//a:plain").rows
    assert math.isnan(row.metrics["loss"])  # type: ignore[arg-type]
    assert {name: row.metrics[name] for name in row.metrics if name != "loss"} == {"best": math.inf, "n": 3}


def test_the_output_named_metrics_counts_and_any_file_or_output_can_be_asked_for(small: Small) -> None:
    files = {
        **metrics({"where": "top"}),
        "out/scores.json": b'{"where": "declared"}',
        "other.json": b'{"where": "other"}',
        "deep/x.json": b'{"where": "deep"}',
    }
    small.make("//a:named", files=files)

    found = {
        file: ask(small, "//a:named", file=file).rows[0].metrics["where"] for file in (None, "other", "deep/x.json")
    }
    assert found == {None: "declared", "other": "other", "deep/x.json": "deep"}
    assert ask(small, "//a:named", file="metrics.json").rows[0].metrics == {"where": "top"}


def test_metrics_of_a_result_that_was_removed_are_still_told(small: Small) -> None:
    small.make("//a:train@lr=0.1,opt=adam", files={**metrics({"acc": 0.9}), "w.bin": b"w" * 1000})
    small.make("//a:train@lr=0.0001,opt=adam", files={"w.bin": b"v" * 1000})
    collect(small)

    rows = ask(small, "//a:train").rows
    assert [(row.state.value, dict(row.metrics)) for row in rows] == [("removed", {"acc": 0.9}), ("missing", {})]


def test_states_are_those_of_the_members(small: Small) -> None:
    small.make("//a:plain", files=metrics({"x": 1}))
    small.fail("//a:train@lr=0.1,opt=adam")

    with small.hold("//a:train@lr=0.0001,opt=adam", "r-9"):
        states = {row.label: row.state.value for row in ask(small, "//a:train", "//a:plain").rows}
    assert list(states.values()) == ["failed", "running", "cached"]


@pytest.mark.parametrize(
    ("data", "detail"),
    [(b"{", "line 1: expecting property name"), (b"[1]", "it is no JSON object")],
    ids=["broken", "list"],
)
def test_a_file_that_cannot_be_read_spoils_its_own_row_only(small: Small, data: bytes, detail: str) -> None:
    small.make("//a:train@lr=0.1,opt=adam", files=metrics({"acc": 1}))
    small.make("//a:train@lr=0.0001,opt=adam", files={"metrics.json": data})

    good, bad = ask(small, "//a:train").rows
    assert (good.metrics, good.problem) == ({"acc": 1}, "")
    assert (bad.metrics, bad.problem, bad.state.value) == ({}, "unreadable metrics.json", "cached")
    assert bad.detail.startswith(detail)


def test_a_damaged_result_spoils_its_own_row_only(small: Small) -> None:
    small.make("//a:named", files={"out/scores.json": b'{"acc": 1}'})
    small.make("//a:plain", files=metrics({"acc": 2}))
    [scores] = (small.root / "store").rglob("scores.json")
    scores.chmod(0o644)
    scores.write_bytes(b'{"acc": 9}')

    bad, good = ask(small, "//a:named", "//a:plain").rows
    assert (dict(bad.metrics), bad.problem, dict(good.metrics)) == ({}, "unreadable out/scores.json", {"acc": 2})


def test_targets_with_a_result_and_no_metrics_have_no_row_and_are_named(small: Small) -> None:
    small.make("//a:data", files={"rows.csv": b"1"})
    small.make("//a:plain", files=metrics({"x": 1}))
    small.make("//a:train@lr=0.1,opt=adam", files=metrics({"x": 2}))
    small.make("//a:train@lr=0.0001,opt=adam", files={"w.bin": b"1"})

    found = ask(small, "//a:*")
    assert found.without == ("//a:data",)
    assert [row.label.partition(":")[2] for row in found.rows] == [
        "train@lr=0.1,opt=adam",
        "train@lr=0.0001,opt=adam",
        "named",
        "plain",
    ]


def test_arguments_that_differ_among_plain_targets_are_told_and_all_where_asked(small: Small) -> None:
    for name in ("data", "named", "plain"):
        small.make(f"//a:{name}", files={**metrics({"x": 1}), "out/scores.json": b'{"x": 2}', "other.json": b"{}"})
    small.make("//a:train@lr=0.1,opt=adam", files=metrics({"x": 1}))

    args = {row.label: dict(row.args) for row in ask(small, "//a:named", "//a:plain", "//a:train").rows}
    assert args["//a:named"] == {"n": 1}
    assert args["//a:plain"] == {"n": 2}
    assert args["//a:train@lr=0.1,opt=adam"] == {}
    assert ask(small, "//a:plain").rows[0].args == {}
    whole = ask(small, "//a:train", arguments=Arguments.ALL).rows
    assert [dict(row.args) for row in whole] == [{"lr": 0.1}, {"lr": 0.0001}]


def test_no_result_at_all_names_the_run_and_no_metrics_the_way_to_have_them(small: Small) -> None:
    with pytest.raises(NotFoundError) as error:
        ask(small, "//a:train@*")
    assert (error.value.code, error.value.hint) == ("no-result", "traintrack run '//a:train@*'")

    small.make("//a:plain", files={"w.bin": b"1"})
    with pytest.raises(NotFoundError) as error:
        ask(small, "//a:plain", "//a:train")
    assert (error.value.code, error.value.message) == ("no-metrics", "the result of `//a:plain` has no `metrics.json`")
    assert error.value.hint is not None
    assert "outputs: {metrics: metrics.json}" in error.value.hint

    small.make("//a:data", files={"scores.json": b"{}"})
    with pytest.raises(NotFoundError) as error:
        ask(small, "//a:data")
    assert error.value.hint == "traintrack results //a:data --file scores.json"


def test_a_member_with_metrics_in_its_record_costs_one_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Noting(tmp_path / "w", {"a/TTCONFIG.yaml": CONFIG.replace("[0.1, 1e-4]", "{range: 20}")})
    small.make(*(f"//a:train@lr={n},opt=adam" for n in range(20)), files=metrics({"acc": 1}))
    read: list[str] = []
    get = LocalKept.get
    monkeypatch.setattr(LocalKept, "get", lambda kept, digest: read.append(digest) or get(kept, digest))

    assert len(ask(small, "//a:train").rows) == 20
    assert len(read) == len(set(read)) == 20
