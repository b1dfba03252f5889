"""`add`: a shipped template in a file of the workspace, of which nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from traintrack.app.add_template import Added, add_template
from traintrack.app.insert_template import with_template
from traintrack.app.shipped_templates import shipped_template, shipped_templates
from traintrack.errors import InputError, UsageError
from traintrack.workspace.yaml_source import parse_yaml

REPEAT = shipped_template("repeat")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "TTWORKSPACE.yaml").write_text("workspace: w\n")
    (tmp_path / "runs").mkdir()
    return tmp_path


def read(root: Path, path: str = "lib/TTCONFIG.yaml") -> dict[str, object]:
    return parse_yaml((root / path).read_bytes(), path).value


def write(root: Path, text: str) -> None:
    (root / "lib").mkdir(exist_ok=True)
    (root / "lib/TTCONFIG.yaml").write_bytes(text.encode())


def add(root: Path, name: str = "repeat", folder: str = "//lib") -> Added:
    return add_template(root, name, folder)


def inserted(text: str) -> str:
    return with_template(text, parse_yaml(text.encode(), "x"), REPEAT)


def lines_kept(old: str, new: str) -> bool:
    """Tell if the lines of the old text are there in their order, with what is new in one place."""
    before, after = old.splitlines(), new.splitlines()
    more = len(after) - len(before)
    return any(before == after[:at] + after[at + more :] for at in range(len(before) + 1))


def test_a_template_becomes_a_file_of_its_own_where_there_is_none(root: Path) -> None:
    added = add(root, "kfold")

    assert (added.label, added.path, added.is_new) == ("//lib:kfold", "lib/TTCONFIG.yaml", True)
    assert (root / "lib/TTCONFIG.yaml").read_text() == shipped_template("kfold").text
    assert added.use == (
        "targets:",
        "  kfold:",
        "    use: //lib:kfold",
        '    with: {dataset: ":dataset", split: split, train: train, evaluate: evaluate, summarize: summarize}',
    )


def test_templates_stand_below_one_another_and_a_second_time_nothing_is_written(root: Path) -> None:
    for template in shipped_templates():
        add(root, template.name)
    before = (root / "lib/TTCONFIG.yaml").stat()

    assert [add(root, template.name).is_new for template in shipped_templates()] == [False, False, False]
    assert (root / "lib/TTCONFIG.yaml").stat().st_mtime_ns == before.st_mtime_ns
    assert read(root) == {"templates": {one.name: one.value for one in shipped_templates()}}


@pytest.mark.parametrize(
    "text",
    [
        "# ours\n",
        "targets:\n  t: {task: x}   # keep me\n",
        "targets: {t: {task: x}}",
        "templates:\n",
        "templates:   # of the team\ntargets: {}\n",
        "templates:\n    mine: {task: x}   # four deep\n\n\n# about targets\ntargets: {}\n",
        "templates:\n  mine:\n    task: x\n  # the end of templates\ndefaults: {}\n",
        "templates:\r\n  mine: {task: x}\r\ntargets: {}\r\n",
        'templates:\n  mine:\n    description: "a\n\n      b"\ndefaults: {}',
        "---\ntemplates:\n  mine:\n    description: |\n      text\n      # no comment\n",
    ],
)
def test_the_text_around_the_template_stays_as_it_is(root: Path, text: str) -> None:
    write(root, text)
    before = parse_yaml(text.encode(), "x").value or {}

    add(root)

    new = (root / "lib/TTCONFIG.yaml").read_bytes().decode()
    assert read(root) == {**before, "templates": {**(before.get("templates") or {}), "repeat": REPEAT.value}}
    assert lines_kept(text, new)
    assert ("\r\n" in text) == ("\r\n" in new)
    assert new.count("\n") == new.count("\r\n") or "\r" not in new


@pytest.mark.parametrize(
    "text",
    [
        "templates: {}\n",
        "templates: {mine: {task: x}}\n",
        "{targets: {}}\n",
        "targets: {}\n...\n",
        "templates: [a]\n",
        "- a\n",
        "templates:\n  mine:\n    description: |\n      its value would get an end of line",
    ],
)
def test_what_takes_no_block_is_left_alone_and_told(root: Path, text: str) -> None:
    write(root, text)

    with pytest.raises(InputError) as caught:
        add(root)

    assert caught.value.code == "cannot-insert"
    assert "traintrack add repeat --to" in (caught.value.hint or "")
    assert (root / "lib/TTCONFIG.yaml").read_text() == text


def test_another_template_of_the_name_is_not_replaced(root: Path) -> None:
    write(root, "templates:\n  repeat: {task: mine}\n")

    with pytest.raises(InputError, match="`repeat` is there already, and differs") as caught:
        add(root)

    assert str(caught.value.location) == "lib/TTCONFIG.yaml:2:3"
    assert read(root) == {"templates": {"repeat": {"task": "mine"}}}


@pytest.mark.parametrize(
    ("folder", "path"),
    [("//lib", "lib"), ("//", "."), (".", "runs"), ("lib/deep", "runs/lib/deep"), ("//runs/", "runs")],
)
def test_folders_are_named_from_the_root_or_from_here(root: Path, folder: str, path: str) -> None:
    added = add_template(root / "runs", "repeat", folder)

    assert root / added.path == root / path / "TTCONFIG.yaml"
    assert "repeat" in str(read(root, added.path))


@pytest.mark.parametrize("folder", ["..", "//lib/../..", "/etc", "//a b", "//.git", "//..."])
def test_what_is_no_folder_of_the_workspace_is_refused(root: Path, folder: str) -> None:
    with pytest.raises(UsageError):
        add(root, folder=folder)


def test_an_unknown_template_is_told_with_the_one_that_was_meant(root: Path) -> None:
    with pytest.raises(UsageError, match="no template `kfolds`") as caught:
        add(root, "kfolds")

    assert caught.value.hint == "did you mean `kfold`?"


SCALARS = st.sampled_from(
    ["x", '"a: b"', "3", "[1, 2]", "{a: 1}", "!literal x", '"two\n\n      lines"', "|\n      text\n\n      more"]
)
NOISE = st.sampled_from(["", "\n", "# note\n", "\n# note\n\n", "  # inside\n", "   \n"])


@st.composite
def files(draw: st.DrawFn) -> str:
    """Files in block style, with and without templates, comments and blank lines anywhere."""
    sections = draw(st.permutations(["defaults", "templates", "targets"]))[: draw(st.integers(1, 3))]
    text = draw(NOISE)
    for section in sections:
        indent = " " * draw(st.integers(1, 4))
        text += f"{section}:{draw(st.sampled_from(['', '  # note']))}\n{draw(NOISE)}"
        for number in range(draw(st.integers(1, 3))):
            text += f"{indent}k{number}:\n{indent} a: {draw(SCALARS)}\n{draw(NOISE)}"
    # A block of text that ends with the file would get an end of line with what comes behind it.
    return text if draw(st.booleans()) or text.rstrip().endswith("more") else text.rstrip("\n")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=files())
def test_in_any_file_in_block_style_the_rest_means_the_same(text: str) -> None:
    try:
        before = parse_yaml(text.encode(), "x").value
    except InputError:
        return
    new = inserted(text)

    there = before.get("templates") or {}
    assert parse_yaml(new.encode(), "x").value == {**before, "templates": {**there, "repeat": REPEAT.value}}
    assert lines_kept(text, new)
