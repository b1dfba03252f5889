"""Small files with a meaning are read with care."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from traintrack.runners.contract.collect import MAX_METRICS_BYTES, read_metrics, read_progress


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"auc": 0.9}', {"auc": 0.9}),
        ('{"loss": NaN, "x": -Infinity}', {"loss": None, "x": None}),
        ("[1]", None),
        ("{half", None),
        ("[" * 100_000, None),
        ('{"a": "' + "x" * MAX_METRICS_BYTES + '"}', None),
    ],
)
def test_metrics_are_an_object_or_nothing(tmp_path: Path, text: str, found: object) -> None:
    (tmp_path / "metrics.json").write_text(text)

    assert read_metrics(str(tmp_path)) == found


def test_metrics_that_are_a_link_or_a_pipe_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "real").write_text('{"a": 1}')
    os.symlink("real", tmp_path / "metrics.json")
    os.mkfifo(tmp_path / "progress.json")

    assert read_metrics(str(tmp_path)) is None
    assert read_progress(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"step": 3, "total": 10}', "3/10"),
        ('{"fraction": 0.421, "message": "down\\nloading"}', "42% down loading"),
        ('{"message": "hello"}', "hello"),
        ('{"step": 3, "total": null}', None),
        ("{}", None),
    ],
)
def test_progress_is_told_in_words(tmp_path: Path, text: str, words: str | None) -> None:
    (tmp_path / "progress.json").write_text(text)

    assert read_progress(str(tmp_path)) == words
