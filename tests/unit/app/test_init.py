from __future__ import annotations

import os
from pathlib import Path

import pytest
from small_workspace import Small

from traintrack.app.check import check
from traintrack.app.init import Wish, init, plan_init
from traintrack.errors import HostError, InputError, UsageError

EXAMPLES = Path(__file__).parents[3] / "examples"


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_a_new_folder_gets_a_commented_workspace_and_the_commands_to_go_on(tmp_path: Path) -> None:
    report = init(tmp_path / "plates")

    assert report.root == tmp_path / "plates"
    assert list(report.files) == sorted(tree(report.root))
    assert "experiments/hello/TTCONFIG.yaml" in report.files
    assert "workspace: plates\n" in (report.root / "TTWORKSPACE.yaml").read_text()
    assert report.next_steps[:2] == (f"cd {tmp_path / 'plates'}", "git init")
    assert report.next_steps[-1] == "traintrack run //experiments/hello"


@pytest.mark.parametrize("example", [None, "digits"])
def test_what_is_written_has_nothing_to_complain_about(tmp_path: Path, example: str | None) -> None:
    report = init(tmp_path, Wish(example=example))
    small = Small(tmp_path, {path: (tmp_path / path).read_text(encoding="utf-8") for path in report.files}, base={})

    found = check(small.project())

    assert (found.errors, found.warnings) == ((), ())
    assert found.targets >= 2


def test_inside_a_repository_no_git_init_is_told(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()

    report = init(tmp_path / "sub")

    assert "git init" not in report.next_steps


def test_the_current_folder_needs_no_cd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert init(Path()).next_steps[0] == "git init"


@pytest.mark.parametrize(("folder", "name"), [("my models!", "my-models"), ("…", "workspace"), ("a.b", "a.b")])
def test_the_name_is_made_of_the_folders(tmp_path: Path, folder: str, name: str) -> None:
    init(tmp_path / folder)

    assert f"workspace: {name}\n" in (tmp_path / folder / "TTWORKSPACE.yaml").read_text()


def test_a_workspace_is_refused(tmp_path: Path) -> None:
    init(tmp_path)
    before = tree(tmp_path)

    with pytest.raises(InputError, match="is a workspace already"):
        init(tmp_path)

    assert tree(tmp_path) == before


def test_no_file_is_overwritten_and_none_is_written_then(tmp_path: Path) -> None:
    (tmp_path / "experiments/hello").mkdir(parents=True)
    (tmp_path / "experiments/hello/TTCONFIG.yaml").write_text("mine")

    with pytest.raises(InputError, match=r"`experiments/hello/TTCONFIG\.yaml` is there already"):
        init(tmp_path)

    assert tree(tmp_path) == {"experiments/hello/TTCONFIG.yaml": b"mine"}


def test_a_gitignore_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine")

    report = init(tmp_path)

    assert (tmp_path / ".gitignore").read_text() == "mine"
    assert ".gitignore" not in report.files


def test_a_bad_name_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        init(tmp_path / "w", Wish(name="a b"))

    assert not (tmp_path / "w").exists()


def test_a_folder_below_a_file_is_a_host_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(HostError, match="cannot be written"):
        init(tmp_path / "file" / "w")


def test_an_example_is_copied_as_it_is(tmp_path: Path) -> None:
    report = init(tmp_path / "d", Wish(example="digits"))

    expected = {
        path: data
        for path, data in tree(EXAMPLES / "digits").items()
        if "__pycache__" not in path and not path.endswith(".pyc")
    }
    assert tree(tmp_path / "d") == expected
    assert report.next_steps[-1] == "traintrack run //..."
    for path in report.files:
        assert os.access(tmp_path / "d" / path, os.X_OK) == os.access(EXAMPLES / "digits" / path, os.X_OK)


def test_an_example_may_get_another_name(tmp_path: Path) -> None:
    init(tmp_path / "d", Wish(example="digits", name="mine"))

    assert "\nworkspace: mine\n" in "\n" + (tmp_path / "d" / "TTWORKSPACE.yaml").read_text()


@pytest.mark.parametrize("example", ["digit", "..", "digits/src"])
def test_an_unknown_example_is_told_with_those_there_are(tmp_path: Path, example: str) -> None:
    with pytest.raises(UsageError) as caught:
        init(tmp_path / "w", Wish(example=example))

    assert "`digits`" in (caught.value.hint or "")


def test_what_was_broken_off_is_completed_and_the_workspace_file_comes_last(tmp_path: Path) -> None:
    golden = tree(init(tmp_path / "whole", Wish(name="fresh")).root)
    half = tmp_path / "half"
    (half / "src").mkdir(parents=True)
    (half / "src" / "hello.py").write_bytes(golden["src/hello.py"])
    (half / "src" / ".shout.py.half").write_bytes(b"#")

    init(half, Wish(name="fresh"))

    assert tree(half) == golden
    whole = tmp_path / "whole"
    newest = max((p for p in whole.rglob("*") if p.is_file()), key=lambda p: p.stat().st_ctime_ns)
    assert newest.name == "TTWORKSPACE.yaml"


def test_a_plan_writes_nothing_and_tells_what_init_would(tmp_path: Path) -> None:
    plan = plan_init(tmp_path / "w")

    assert not (tmp_path / "w").exists()
    assert init(tmp_path / "w") == plan.report
