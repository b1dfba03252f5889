import json
from pathlib import Path

from traintrack.cli.line import plain
from traintrack.cli.render import error_fields, error_lines, workspace_root
from traintrack.errors import HostError, InputError, InputErrors, Location, TraintrackError


def text_of(error: TraintrackError, root: Path | None = None) -> str:
    errors = error.errors if isinstance(error, InputErrors) else (error,)
    return "\n".join(plain(line) for line in error_lines(errors, root))


def workspace(tmp_path: Path, text: str) -> Path:
    (tmp_path / "TTWORKSPACE.yaml").write_text("workspace: w\n")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/TTCONFIG.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def at(line: int, column: int, path: str = "runs/TTCONFIG.yaml") -> Location:
    return Location(path, line, column)


def test_an_error_shows_place_fact_line_caret_and_hint(tmp_path: Path) -> None:
    root = workspace(tmp_path, 'targets:\n      model: ":exportd_model"\n')
    error = InputError(
        "no target `exportd_model` in `//runs`",
        code="unknown-target",
        location=at(2, 14),
        hint="did you mean `:exported_model`?",
    )

    assert text_of(error, root) == (
        "runs/TTCONFIG.yaml:2:14: error: no target `exportd_model` in `//runs` [unknown-target]\n"
        '        model: ":exportd_model"\n'
        "               ^\n"
        "\n"
        "hint: did you mean `:exported_model`?"
    )


def test_an_error_without_a_place_has_no_excerpt() -> None:
    error = HostError("git is not installed", code="no-git", hint="install git")

    assert text_of(error) == "error: git is not installed [no-git]\n\nhint: install git"


def test_several_errors_are_told_at_once_with_their_count(tmp_path: Path) -> None:
    root = workspace(tmp_path, "a: 1\nb: 2\n")
    errors = InputErrors([InputError("second", location=at(2, 1)), InputError("first", location=at(1, 4), hint="h")])

    assert text_of(errors, root) == (
        "runs/TTCONFIG.yaml:1:4: error: first [input]\n  a: 1\n     ^\n\nhint: h\n"
        "\n"
        "runs/TTCONFIG.yaml:2:1: error: second [input]\n  b: 2\n  ^\n"
        "\n"
        "2 errors"
    )


def test_control_characters_are_shown_and_the_caret_stays_below_its_column(tmp_path: Path) -> None:
    root = workspace(tmp_path, "a: \x1b[2J\t模 bad\n")
    lines = text_of(InputError("evil \x1b]0;x\x07", location=at(1, 11)), root).splitlines()

    assert lines[0] == r"runs/TTCONFIG.yaml:1:11: error: evil \x1b]0;x\x07 [input]"
    assert lines[1] == r"  a: \x1b[2J    模 bad"
    assert lines[2].index("^") == len(r"  a: \x1b[2J    ") + 2 + 1


def test_a_long_line_is_cut_around_the_caret(tmp_path: Path) -> None:
    root = workspace(tmp_path, "x" * 500 + "HERE" + "y" * 500)
    _, excerpt, caret = text_of(InputError("e", location=at(1, 501)), root).splitlines()

    assert len(excerpt) < 130
    assert excerpt[caret.index("^") :].startswith("HERE")


def test_a_place_beyond_the_file_or_out_of_the_workspace_has_no_excerpt(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    root = workspace(tmp_path / "w", "a: 1\n")
    (tmp_path / "secret").write_text("top secret\n")

    for place in (at(99, 1), at(1, 1, "../secret"), at(1, 1, "no/such"), at(1, 1, "--set")):
        assert text_of(InputError("e", location=place), root).count("\n") == 0


def test_details_stand_between_the_fact_and_the_hint() -> None:
    error = InputError("a cycle", details=("//a:x", "//a:y"), hint="cut it")

    assert text_of(error) == "error: a cycle [input]\n  //a:x\n  //a:y\n\nhint: cut it"


def test_the_document_of_errors_holds_all_and_the_first() -> None:
    fields = error_fields(
        InputErrors([InputError("b", location=at(2, 1)), InputError("a", location=at(1, 3), code="c")])
    )

    assert fields["error"] == {
        "code": "c",
        "message": "a",
        "where": {"path": "runs/TTCONFIG.yaml", "line": 1, "column": 3},
        "hint": None,
        "details": [],
    }
    assert [one["message"] for one in json.loads(json.dumps(fields))["errors"]] == ["a", "b"]
    assert fields["exit_code"] == 3


def test_the_root_is_the_nearest_folder_with_a_workspace_file(tmp_path: Path) -> None:
    root = workspace(tmp_path, "")

    assert workspace_root(root / "runs") == root


def test_what_members_have_in_common_at_one_place_is_told_once(tmp_path: Path) -> None:
    root = workspace(tmp_path, "a: 1\nb: 2\n")

    def wrong(n: int, line: int = 1, what: str = "`epochs` is 0") -> InputError:
        return InputError(f"{what} (in `train@lr=0.{n},depth={n}`)", location=at(line, 1), hint="h")

    errors = InputErrors([*(wrong(n) for n in range(12)), wrong(0, line=2), wrong(3, what="`lr` is 0")])

    assert text_of(errors, root).split("\n\n") == [
        "runs/TTCONFIG.yaml:1:1: error: `epochs` is 0 (in `train@lr=0.0,depth=0`) (and 11 more members) [input]\n  a: 1\n  ^",
        "hint: h",
        "runs/TTCONFIG.yaml:1:1: error: `lr` is 0 (in `train@lr=0.3,depth=3`) [input]\n  a: 1\n  ^",
        "hint: h",
        "runs/TTCONFIG.yaml:2:1: error: `epochs` is 0 (in `train@lr=0.0,depth=0`) [input]\n  b: 2\n  ^",
        "hint: h",
        "14 errors",
    ]
    assert len(error_fields(errors)["errors"]) == 14, "a program gets each"


def test_equal_facts_that_name_no_member_are_told_each() -> None:
    errors = [HostError("it is not there", code="c"), HostError("it is not there", code="c")]

    assert [plain(line) for line in error_lines(errors, None)].count("error: it is not there [c]") == 2
