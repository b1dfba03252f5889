"""Law 1 with the cache of answers: what is known is what is computed, after whatever edits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from random_edits import EXTRA, Edits
from small_workspace import Small

from traintrack.app import known
from traintrack.app.hash_targets import hash_targets
from traintrack.app.known import Request, find_known
from traintrack.app.project import open_project
from traintrack.errors import TraintrackError

REQUESTS = ((("//...",), ""), (("//a:train",), ""), ((), "b"), (("//...", "-//a:data"), ""))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TRAINTRACK_NO_CACHE", raising=False)
    return tmp_path / "cache/traintrack/known"


def request_for(small: Small, texts: Sequence[str] = ("//...",), package: str = "") -> Request:
    return Request(str(small.root.resolve()), package, texts)


def known_ids(small: Small, texts: Sequence[str] = ("//...",), package: str = "") -> dict[str, str] | None:
    found = find_known(request_for(small, texts, package))
    answer = found.answer() if found else None
    return answer.labels if answer else None


def computed_ids(small: Small, texts: Sequence[str] = ("//...",), package: str = "") -> dict[str, str] | str:
    try:
        return {one.label: one.id for one in hash_targets(small.project(package or "."), texts)}
    except TraintrackError as error:
        return str(error)


def workspace(root: Path) -> Small:
    small = Small(root)
    first = small.git("rev-parse", "HEAD")
    for path, text in EXTRA.items():
        small.write(path, text.replace("@@@", f'"{first}"'))
    small.commit("More")
    return small


def check_edits(root: Path, seed: int, steps: int) -> int:
    """Compare after every edit; return how often an answer was known."""
    edits, hits = Edits(workspace(root), seed), 0
    for _ in range(steps):
        edits.step()
        for texts, package in REQUESTS:
            fast = known_ids(edits.small, texts, package)
            full = computed_ids(edits.small, texts, package)
            hits += fast is not None

            assert fast in (None, full), f"seed {seed}: {', '.join(edits.said)}"
            if isinstance(full, dict) and "worktree" not in (edits.small.root / "b/TTCONFIG.yaml").read_text():
                assert known_ids(edits.small, texts, package) == full
    return hits


def test_what_is_known_is_what_is_computed_after_random_edits(tmp_path: Path) -> None:
    hits = sum(check_edits(tmp_path / f"w{seed}", seed, 16) for seed in range(6))

    assert hits > 50  # else nothing was compared


@pytest.mark.torture
def test_what_is_known_is_what_is_computed_after_very_many_edits(tmp_path: Path) -> None:
    for seed in range(1000, 1020):
        check_edits(tmp_path / f"w{seed}", seed, 40)


@pytest.mark.parametrize("change", ["workspace", "link"])
def test_a_folder_that_is_no_package_any_more_is_noticed(tmp_path: Path, change: str) -> None:
    small = Small(tmp_path / "w")
    small.write("x/in/TTCONFIG.yaml", "defaults: {image: py, commit: HEAD}\ntargets: {t: {task: x, args: {}}}\n")
    computed_ids(small, ("//x/in:t",))
    assert known_ids(small, ("//x/in:t",)) is not None

    if change == "workspace":
        small.write("x/TTWORKSPACE.yaml", "workspace: other\n")
    else:
        (small.root / "x").rename(small.root / ".moved")
        (small.root / "x").symlink_to(".moved")

    assert known_ids(small, ("//x/in:t",)) is None


def test_a_working_tree_is_never_remembered(tmp_path: Path) -> None:
    small = Small(tmp_path / "w")
    small.edit("a/TTCONFIG.yaml", "commit: HEAD", "commit: worktree")

    assert isinstance(computed_ids(small), dict)
    assert known_ids(small) is None


@pytest.mark.parametrize("changed", [{"sets": ["args.epochs=9"]}, {"worktree": True}])
def test_words_of_the_command_line_are_never_remembered(tmp_path: Path, changed: dict[str, object]) -> None:
    small = Small(tmp_path / "w")
    small.write("src/train_model.py", "print('dirty')\n")
    hash_targets(open_project(small.root, **changed), ["//..."])  # type: ignore[arg-type]

    assert known_ids(small) is None


def test_who_knows_all_targets_knows_each(tmp_path: Path) -> None:
    small = workspace(tmp_path / "w")
    full = computed_ids(small)
    assert isinstance(full, dict)

    for label, id_ in full.items():
        assert known_ids(small, (label,)) == {label: id_}
    assert known_ids(small, (":train", "//b:uses"), "a") == {one: full[one] for one in ("//a:train", "//b:uses")}
    assert known_ids(small, (":none",), "a") is None
    assert known_ids(small, (":*",), "a") is None


def test_a_target_that_shares_its_id_is_not_told_alone(tmp_path: Path) -> None:
    small = Small(tmp_path / "w")
    small.edit("a/TTCONFIG.yaml", "targets:\n", "targets:\n  twin: {task: make_data, args: {rows: 10}}\n")
    full = computed_ids(small)

    assert isinstance(full, dict)
    assert full["//a:twin"] == full["//a:data"]
    assert known_ids(small, ("//a:twin",)) is None
    assert known_ids(small, ("//a:twin", "//a:data")) == {one: full[one] for one in ("//a:twin", "//a:data")}


def test_other_patterns_and_folders_are_other_requests(tmp_path: Path) -> None:
    small = workspace(tmp_path / "w")
    computed_ids(small, (), "a")

    assert known_ids(small, (), "a") is not None
    assert known_ids(small, (), "b") is None
    assert known_ids(small, (":train",), "a") is None
    assert known_ids(small, ("//...",), "a") is None


@pytest.mark.parametrize("place", range(0, 3000, 41))
def test_a_damaged_entry_is_as_good_as_none(tmp_path: Path, cache: Path, place: int) -> None:
    small = Small(tmp_path / "w")
    full = computed_ids(small)
    [entry] = cache.iterdir()
    data = bytearray(entry.read_bytes())
    data[place % len(data)] ^= 0x40
    entry.write_bytes(data)

    assert known_ids(small) in (None, full)
    assert computed_ids(small) == full


@pytest.mark.parametrize("size", [0, 3, 20, 30, 200])
def test_an_entry_that_was_cut_off_is_as_good_as_none(tmp_path: Path, cache: Path, size: int) -> None:
    small = Small(tmp_path / "w")
    computed_ids(small)
    [entry] = cache.iterdir()
    entry.write_bytes(entry.read_bytes()[:size])

    assert known_ids(small) is None


def test_a_cache_that_cannot_be_written_changes_nothing(tmp_path: Path, cache: Path) -> None:
    small = Small(tmp_path / "w")
    cache.parent.mkdir(parents=True)
    cache.write_text("in the way")

    assert isinstance(computed_ids(small), dict)
    assert known_ids(small) is None


def test_equal_requests_have_one_key_however_their_words_came_about(tmp_path: Path) -> None:
    made = b":train".decode()  # equal to the literal, and neither interned nor shared with it
    keys = {Request(str(tmp_path), "a", texts).key for texts in ([":train"], (made,), ["x:train"[1:]])}

    assert len(keys) == 1


def test_the_switch_turns_it_off(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Small(tmp_path / "w")
    monkeypatch.setenv("TRAINTRACK_NO_CACHE", "1")
    computed_ids(small)

    assert not cache.exists()
    monkeypatch.delenv("TRAINTRACK_NO_CACHE")
    computed_ids(small)
    monkeypatch.setenv("TRAINTRACK_NO_CACHE", "1")
    assert known_ids(small) is None


def test_another_program_knows_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Small(tmp_path / "w")
    computed_ids(small)
    monkeypatch.setattr(known, "VERSION", "0.2.0")

    assert known_ids(small) is None


def test_the_cache_does_not_grow_without_end(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Small(tmp_path / "w")
    monkeypatch.setattr(known, "MOST_ENTRIES", 4)
    for number in range(12):
        computed_ids(small, ["//a:train"] * (number + 1))

    assert len(list(cache.iterdir())) <= 4
