import pytest
from in_memory import MemoryCatalog, experiment

from traintrack.errors import InputError, InputErrors, Location, NotFoundError, UsageError
from traintrack.graph.select import select
from traintrack.workspace.model import Frozen, Lock


def catalog() -> MemoryCatalog:
    return MemoryCatalog(
        experiment("", {"root": {}}),
        experiment("a", {"train": {}, "slow": {}, "a": {}}),
        experiment("a/b", {"deep": {}}),
        experiment("c", {"train": {}}, lock=Lock(frozen={"old": Frozen("ab" * 32)})),
        experiment("empty", {}),
    )


def selected(*patterns: str, current: str = "") -> list[str]:
    return [str(label) for label in select(catalog(), patterns, current)]


def test_patterns_select_one_all_of_a_folder_all_below_and_everything() -> None:
    assert selected("//a:slow") == ["//a:slow"]
    assert selected("//a") == ["//a:a"]
    assert selected("//a:*") == ["//a:train", "//a:slow", "//a:a"]
    assert selected("//a/...") == ["//a:train", "//a:slow", "//a:a", "//a/b:deep"]
    assert len(selected("//...")) == 6


def test_patterns_without_slashes_are_relative_to_the_current_folder() -> None:
    assert selected(":train", current="a") == ["//a:train"]
    assert selected("b:deep", current="a") == ["//a/b:deep"]
    assert selected("...", current="a/b") == ["//a/b:deep"]
    assert selected(":*", current="c") == ["//c:train"]


def test_an_exclusion_takes_away_what_stands_before_it_only() -> None:
    assert selected("//a:*", "-//a:slow") == ["//a:train", "//a:a"]
    assert selected("//a:*", "-//a:*", "//a:slow") == ["//a:slow"]
    assert selected("//...", "-//a/...") == ["//:root", "//c:train"]


def test_a_label_that_several_patterns_select_comes_once() -> None:
    assert selected("//a:slow", "//a:*") == ["//a:slow", "//a:train", "//a:a"]


def test_only_experiments_that_the_patterns_name_are_read() -> None:
    files = catalog()

    select(files, ["//a:train", "-//c:*"])

    assert files.read == ["a"]


def test_a_frozen_target_that_is_not_declared_any_more_can_be_named() -> None:
    assert selected("//c:old") == ["//c:old"]


@pytest.mark.parametrize(
    ("pattern", "current", "code", "hint"),
    [
        ("//a:trian", "", "unknown-target", "did you mean `:train`?"),
        ("//c:zzz", "", "unknown-target", "it has `:train`"),
        ("//a/b", "", "unknown-target", "write `//a/b:*` for all targets of the experiment; it has `:deep`"),
        ("train", "a", "unknown-package", "did you mean `:train`?"),
        ("//a/c/...", "", "nothing-matched", "did you mean `//a/b`?"),
        ("//empty:*", "", "nothing-matched", "declare one under `targets` in `empty/TTCONFIG.yaml`"),
    ],
)
def test_what_matches_nothing_is_told_with_what_was_meant(pattern: str, current: str, code: str, hint: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        selected(pattern, current=current)

    assert caught.value.code == code
    assert caught.value.hint == hint


def test_nothing_left_is_an_error() -> None:
    with pytest.raises(NotFoundError) as caught:
        selected("//a:slow", "-//a:*")

    assert caught.value.code == "nothing-selected"


@pytest.mark.parametrize("text", ["//a b", "a:b:c", "//a/../b", "//a//b", "", "-"])
def test_a_text_that_is_no_pattern_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError):
        selected(text)


@pytest.mark.parametrize("text", ["@main//a:b", "@lp:production"])
def test_revisions_and_aliases_are_said_to_be_unsupported(text: str) -> None:
    with pytest.raises(InputError) as caught:
        selected(text)

    assert caught.value.code == "unsupported"


def test_all_broken_experiments_below_a_folder_are_told() -> None:
    broken = {p: InputError("a tab", location=Location(f"{p}/TTCONFIG.yaml", 1), hint="remove it") for p in ("x", "y")}
    files = MemoryCatalog(experiment("a", {"t": {}}), broken=broken)

    with pytest.raises(InputErrors) as caught:
        select(files, ["//..."])

    assert len(caught.value.errors) == 2
