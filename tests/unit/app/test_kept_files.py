"""What `pull` and `show` hand out of a result whose bytes were removed."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from small_workspace import Small
from test_gc import collect

from traintrack.action.record import Record, Who, encode_record
from traintrack.app.kept_files import find_kept
from traintrack.app.pull import pull
from traintrack.app.show_target import show_target
from traintrack.errors import NotFoundError, UsageError

FILES = {
    "weights/best.pt": b"w" * 1000,
    "metrics.json": b'{"auc": 0.9}',
    "reports/index.html": b"<p>fine",
    "reports/deep/a.txt": b"a",
}


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    """A workspace of whose `train` only the small files are left."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    small = Small(tmp_path / "w")
    small.make("//a:data", files={"rows.csv": b"1\n"})
    small.make("//a:train", files=FILES)
    collect(small)
    return small


def pulled(small: Small, *texts: str, output: Path | None = None, force: bool = False) -> list[Path]:
    return [one.path for one in pull(small.project(), small.environment(), texts, output, force=force)]


def test_a_small_file_and_a_folder_of_them_are_handed_out_with_their_names(small: Small) -> None:
    metrics, reports = pulled(small, "//a:train/metrics.json", "//a:train/reports")

    assert (metrics.name, metrics.read_bytes()) == ("metrics.json", FILES["metrics.json"])
    assert sorted(str(p.relative_to(reports)) for p in reports.rglob("*") if p.is_file()) == [
        "deep/a.txt",
        "index.html",
    ]
    metrics.unlink()
    assert pulled(small, "//a:train/metrics.json")[0].read_bytes() == FILES["metrics.json"]
    metrics.write_bytes(b"edited")
    assert pulled(small, "//a:train/metrics.json")[0].read_bytes() == FILES["metrics.json"]


def test_they_are_copied_as_those_of_a_result_are(small: Small, tmp_path: Path) -> None:
    out = tmp_path / "out"
    paths = pulled(small, "//a:train/metrics.json", "//a:train/reports", output=out)

    assert paths == [out / "train/metrics.json", out / "train/reports"]
    assert (out / "train/reports/deep/a.txt").read_bytes() == b"a"
    (out / "train/metrics.json").write_bytes(b"other")
    with pytest.raises(UsageError) as error:
        pulled(small, "//a:train/metrics.json", output=out)
    assert error.value.code == "copy-differs"
    pulled(small, "//a:train/metrics.json", output=out, force=True)
    assert (out / "train/metrics.json").read_bytes() == FILES["metrics.json"]


def test_what_is_not_kept_and_the_whole_are_no_result_and_the_hint_names_what_is_left(small: Small) -> None:
    for text in ("//a:train", "//a:train/weights/best.pt", "//a:train/weights"):
        with pytest.raises(NotFoundError) as error:
            pulled(small, text)
        assert error.value.code == "no-result"
        assert error.value.hint is not None
        assert error.value.hint.endswith("traintrack pull //a:train/metrics.json")
    with pytest.raises(NotFoundError) as error:
        pulled(small, "//a:data/rows.csv")
    assert error.value.hint == "traintrack run //a:data"


def test_show_names_what_is_left_until_there_is_a_result_again(small: Small) -> None:
    shown = show_target(small.project(), "//a:train", small.environment())
    assert shown.kept == ("metrics.json", "reports/deep/a.txt", "reports/index.html")
    assert shown.path is None
    assert show_target(small.project(), "//a:data", small.environment()).kept == ()

    small.make("//a:train", files=FILES)
    assert show_target(small.project(), "//a:train", small.environment()).kept == ()
    assert pulled(small, "//a:train/metrics.json")[0].is_relative_to(small.root / "store")


def test_they_are_found_behind_failures_that_came_after(small: Small) -> None:
    storage, id_ = small.environment().storage, small.id_of("//a:train")
    cell = storage.cells.read([id_])[id_].cell
    assert cell is not None
    for _ in range(2):
        failure = Record(id_, {}, "//a:train", "", "small", Who(), outcome="failure", previous=cell.previous_record)
        cell = replace(cell, previous_record=storage.kept.put(encode_record(failure)))

    found = find_kept(storage, cell)
    assert found is not None
    assert [entry.path for entry in found.manifest.entries] == [
        "metrics.json",
        "reports/deep/a.txt",
        "reports/index.html",
    ]
