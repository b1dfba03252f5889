from __future__ import annotations

from pathlib import Path

from small_workspace import Small

from traintrack.app.list_targets import list_targets


def test_targets_are_listed_as_they_are_declared(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.write(
        "b/TTCONFIG.yaml",
        "defaults: {commit: HEAD}\n"
        "targets:\n"
        "  x: {task: t, image: {python: '3.11', lock: requirements.lock}, description: An x, tags: [slow]}\n",
    )
    small.write("c/TTCONFIG.yaml", "targets:\n  raw: {source: 's3://bucket/raw'}\n")

    rows = list_targets(small.project(), ["//...", "-//a:train"])

    assert [(row.label, row.kind, row.image) for row in rows] == [
        ("//a:data", "make_data", "py"),
        ("//b:x", "t", "python 3.11"),
        ("//c:raw", "source", ""),
    ]
    assert (rows[1].description, rows[1].tags) == ("An x", ("slow",))
    assert str(rows[0].place).startswith("a/TTCONFIG.yaml:3:")


def test_no_pattern_means_the_current_experiment_and_needs_no_pins(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.edit("a/TTCONFIG.yaml", "commit: HEAD", f'commit: "{"1" * 40}"')

    rows = list_targets(small.project("a"), [])

    assert [row.label for row in rows] == ["//a:data", "//a:train"]


def test_a_frozen_target_that_is_gone_from_the_file_is_listed_at_its_lock(tmp_path: Path) -> None:
    small = Small(tmp_path, {"a/TTLOCK.yaml": f"format: traintrack.lock/1\nfrozen:\n  old: {{id: '{'b' * 64}'}}\n"})

    [row] = list_targets(small.project(), ["//a:old"])

    assert (row.kind, row.place.path) == ("frozen", "a/TTLOCK.yaml")
