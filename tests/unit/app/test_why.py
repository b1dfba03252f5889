from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small_workspace import Small

from traintrack.action.cell import FreeReason, evict
from traintrack.app import causes
from traintrack.app.answers import WhyAnswer
from traintrack.app.why import why
from traintrack.cli.why_answer import why_lines
from traintrack.errors import UsageError


def answer(small: Small, label: str = "//a:train") -> WhyAnswer:
    return why(small.project(), small.environment(), label)


def test_never_built(tmp_path: Path) -> None:
    found = answer(Small(tmp_path))

    assert found.now == "will run: it was never built"
    assert found.causes == ()
    assert found.compared_with is None


def test_cached_says_since_when_and_by_which_run(tmp_path: Path) -> None:
    small = Small(tmp_path)
    run = small.make("//a:data", "//a:train")

    found = answer(small)

    assert found.now == f"cached since 2026-04-16T10:01:30Z, by ada in {run}"
    assert found.last_reason
    assert found.compared_with is None


def test_cached_after_an_edit_still_tells_what_that_edit_was(tmp_path: Path) -> None:
    small = Small(tmp_path)
    run = small.make("//a:data")
    small.edit("a/TTCONFIG.yaml", "rows: 10", "rows: 11")
    small.make("//a:data")

    found = answer(small, "//a:data")

    assert found.now.startswith("cached since")
    assert found.compared_with == f"{run}, 2026-04-16T10:01:00Z"
    assert [(cause.old, cause.new) for cause in found.causes] == [(10, 11)]


def test_an_edited_argument_is_named_with_values_place_and_commit(tmp_path: Path) -> None:
    small = Small(tmp_path)
    old_id = small.id_of("//a:train")
    run = small.make("//a:data", "//a:train")
    small.edit("a/TTCONFIG.yaml", "epochs: 3", "epochs: 20")
    small.commit("Train longer")

    found = answer(small)

    assert found.now == "will run: its ID changed"
    assert (found.old_id, found.id) == (old_id, small.id_of("//a:train"))
    assert found.compared_with == f"{run}, 2026-04-16T10:01:00Z"
    [cause] = found.causes
    assert (cause.field, cause.old, cause.new) == ("args.epochs", 3, 20)
    assert str(cause.place) == "a/TTCONFIG.yaml:11:15"
    assert cause.change is not None
    assert cause.change.endswith("Train longer")
    assert set(found.unchanged) == {"task", "image", "code", "1 other input"}


def test_an_edit_that_is_not_committed_says_so(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.make("//a:data", "//a:train")
    small.edit("a/TTCONFIG.yaml", "epochs: 3", "epochs: 20")

    assert answer(small).causes[0].change == "not committed yet"


def test_a_changed_input_leads_down_to_its_own_cause(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.make("//a:data", "//a:train")
    small.edit("a/TTCONFIG.yaml", "rows: 10", "rows: 11")

    [cause] = answer(small).causes

    assert (cause.field, cause.input_label) == ("args.data", "//a:data")
    [root] = cause.causes
    assert (root.field, root.old, root.new) == ("args.rows", 10, 11)
    assert str(root.place) == "a/TTCONFIG.yaml:5:18"


def test_changed_code_names_the_path_and_the_commits(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.make("//a:data")
    old = small.git("rev-parse", "HEAD")
    small.write("src/train_model.py", "print('better')\n")
    new = small.commit("Better")

    [cause] = answer(small, "//a:data").causes

    assert cause.field == "code.src"
    assert cause.note == f"commit {old[:9]} → {new[:9]}"
    assert cause.change is None


def test_another_target_as_input_is_told_as_such(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.make("//a:data", "//a:train")
    small.edit("a/TTCONFIG.yaml", 'data: ":data"', 'data: ":other"')
    small.edit("a/TTCONFIG.yaml", "  train:", "  other: {task: make_data, args: {rows: 9}}\n  train:")

    [cause] = answer(small).causes

    assert cause.note == "another target: //a:data → //a:other"
    assert cause.causes == ()


def test_members_that_share_an_id_are_not_taken_for_each_other(tmp_path: Path) -> None:
    text = """
defaults: {image: py, commit: HEAD, paths: [src]}
targets:
  split: {task: t, each: {lr: [1, 2]}, args: {n: 1}}
  model: {task: t, each: {lr: [1, 2]}, args: {data: ":split@.", lr: "${lr}"}}
"""
    small = Small(tmp_path, {"b/TTCONFIG.yaml": text})
    assert small.id_of("//b:split@lr=1") == small.id_of("//b:split@lr=2")
    small.make("//b:split@lr=1", "//b:model@lr=1", "//b:model@lr=2")
    small.edit("b/TTCONFIG.yaml", "n: 1", "n: 5")

    [cause] = answer(small, "//b:model@lr=2").causes

    assert (cause.field, cause.note) == ("args.data", None)
    assert [(root.field, root.old, root.new) for root in cause.causes] == [("args.n", 1, 5)]


def test_only_unhashed_fields_changed(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.make("//a:data", "//a:train")
    small.edit("a/TTCONFIG.yaml", "workers: 2", "workers: 8")

    found = answer(small)

    assert found.now.startswith("cached since")
    assert found.now.endswith("; changed since, without a part in the result: unhashed.workers")


def test_a_new_commit_with_the_same_code_is_told_where_the_file_names_it(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.make("//a:data")
    new = small.commit("Nothing in it")
    at_head = answer(small, "//a:data").now
    small.edit("a/TTCONFIG.yaml", "commit: HEAD", f'commit: "{new}"')

    assert "changed since" not in at_head
    assert answer(small, "//a:data").now.endswith("commit (its paths have the same content)")


def test_a_failure_is_the_reason_for_the_next_run(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.fail("//a:data")

    assert answer(small, "//a:data").now == "will run: the task failed last time (exit 3)"


def test_what_another_run_holds(tmp_path: Path) -> None:
    small = Small(tmp_path)
    with small.hold("//a:data", "r-other"):
        held = answer(small, "//a:data").now
    gone = answer(small, "//a:data").now

    assert held.startswith("held by ")
    assert " in r-other since " in held
    assert gone.endswith("is gone; the next run takes over")


@pytest.mark.parametrize(
    ("reason", "words"),
    [(FreeReason.EVICTED, "its result was evicted"), (FreeReason.CORRUPT, "its result was damaged")],
)
def test_a_result_that_is_gone(tmp_path: Path, reason: FreeReason, words: str) -> None:
    small = Small(tmp_path)
    small.make("//a:data")
    cells = small.environment().storage.cells
    [seen] = cells.read([small.id_of("//a:data")]).values()
    cells.swap(seen, evict(seen.cell, reason))

    assert answer(small, "//a:data").now == f"will run: {words}"


def test_a_lost_label_index_is_made_up_for_by_the_runs(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.make("//a:data", "//a:train")
    small.edit("a/TTCONFIG.yaml", "rows: 10", "rows: 11")
    shutil.rmtree(tmp_path / "store" / "label")

    [cause] = answer(small).causes

    assert [inner.field for inner in cause.causes] == ["args.rows"]


def test_a_lost_record_ends_the_way_down(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.make("//a:data", "//a:train")
    old = small.id_of("//a:data")
    record = small.environment().storage.cells.read([old])[old].cell.result.record
    next((tmp_path / "store" / "kept").rglob(record)).unlink()
    small.edit("a/TTCONFIG.yaml", "rows: 10", "rows: 11")

    [cause] = answer(small).causes

    assert cause.note == "the record of its old ID is lost"


def chain(length: int) -> str:
    rows = ["defaults: {image: py, commit: HEAD}", "targets:", "  t0: {task: t, args: {x: 1}}"]
    # Each target reads the one below it twice, so that there are 2^length ways to the bottom.
    rows += [f'  t{n}: {{task: t, args: {{a: ":t{n - 1}", b: ":t{n - 1}"}}}}' for n in range(1, length)]
    return "\n".join(rows) + "\n"


def depth(cause: causes.Cause) -> int:
    return 1 + max((depth(inner) for inner in cause.causes), default=0)


def size(found: tuple[causes.Cause, ...]) -> int:
    return sum(1 + size(cause.causes) for cause in found)


def test_diamonds_are_explained_once(tmp_path: Path) -> None:
    small = Small(tmp_path, {"b/TTCONFIG.yaml": chain(12)})
    small.make(*(f"//b:t{n}" for n in range(12)))
    small.edit("b/TTCONFIG.yaml", "x: 1", "x: 2")

    found = answer(small, "//b:t11").causes

    assert depth(found[0]) == 12
    assert found[1].note == "explained above"
    assert size(found) == 2 * 11 + 1


def test_the_way_down_ends_with_the_command_that_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(causes, "MAX_LEVELS", 3)
    small = Small(tmp_path, {"b/TTCONFIG.yaml": chain(6)})
    small.make(*(f"//b:t{n}" for n in range(6)))
    small.edit("b/TTCONFIG.yaml", "x: 1", "x: 2")

    found = answer(small, "//b:t5").causes

    assert depth(found[0]) == 3
    assert found[0].causes[0].causes[0].note == "`traintrack why //b:t2` goes on from here"


def test_of_many_changed_inputs_some_are_followed_and_all_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(causes, "MAX_FOLLOWED", 3)
    small = Small(tmp_path)
    names = [f"m{n}" for n in range(60)]
    members = "".join(f"  {name}: {{task: t, args: {{n: 1, me: {name}}}}}\n" for name in names)
    inputs = ", ".join(f'":{name}"' for name in names)
    text = f"defaults: {{image: py, commit: HEAD, paths: [src]}}\ntargets:\n{members}  pick: {{task: t, args: {{evals: [{inputs}]}}}}\n"
    (tmp_path / "many").mkdir()
    (tmp_path / "many" / "TTCONFIG.yaml").write_text(text, encoding="utf-8")
    small.make(*(f"//many:{name}" for name in names), "//many:pick")
    (tmp_path / "many" / "TTCONFIG.yaml").write_text(text.replace("n: 1", "n: 2"), encoding="utf-8")

    found = answer(small, "//many:pick")

    assert len(found.causes) == 60
    assert [bool(cause.causes) for cause in found.causes] == [True] * 3 + [False] * 57
    assert found.causes[3].note == f"`traintrack why {found.causes[3].input_label}` goes on from here"
    lines = ["".join(str(part) for part in line) for line in why_lines(found, tree=True)]
    assert len(lines) < 140
    assert any("10 more" in line for line in lines)
    roots = ["".join(part if isinstance(part, str) else part.text for part in line) for line in why_lines(found)]
    assert any("args.n  1 → 2" in line for line in roots)
    assert sum("changed too, not looked into: //many:m" in line for line in roots) == 1
    assert len(roots) < 15


def test_it_takes_one_target(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names 2 targets"):
        answer(Small(tmp_path), "//a:*")
