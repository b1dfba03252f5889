import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from traintrack.cli.call import Call
from traintrack.cli.program import run_program
from traintrack.cli.terminal import Verbosity
from traintrack.errors import InputError, Location


class Seen:
    """Stands in for the module of a command and keeps how it was called."""

    def __init__(self, error: Exception | None = None) -> None:
        self.options: Mapping[str, Any] = {}
        self.call: Call | None = None
        self.error = error

    def Options(self, **options: Any) -> Mapping[str, Any]:  # noqa: N802
        return options

    def run(self, call: Call, options: Mapping[str, Any]) -> int:
        self.call, self.options = call, options
        if self.error is not None:
            raise self.error
        return 0


def called(monkeypatch: pytest.MonkeyPatch, *arguments: str, command: str = "run") -> Seen:
    seen = Seen()
    put(monkeypatch, command, seen)

    assert run_program(arguments) == 0
    return seen


def put(monkeypatch: pytest.MonkeyPatch, command: str, seen: Seen) -> None:
    module = ModuleType(command)
    module.__dict__.update(Options=seen.Options, run=seen.run)
    monkeypatch.setitem(sys.modules, f"traintrack.cli.commands.{command}", module)


def test_a_pattern_that_takes_away_needs_no_dashes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = called(monkeypatch, "run", "//...", "-//a:slow", "//a:slow_too", "-:n", "-n")

    assert seen.options["patterns"] == ("//...", "-//a:slow", "//a:slow_too", "-:n")
    assert seen.options["dry_run"] is True


def test_words_behind_two_dashes_are_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = called(monkeypatch, "run", "--", "-n", "-//a:b")

    assert seen.options["patterns"] == ("-n", "-//a:b")
    assert seen.options["dry_run"] is False


@pytest.mark.parametrize(
    "arguments",
    [
        ("--env", "remote", "--json", "-v", "run"),
        ("run", "--env", "remote", "--json", "-v"),
        ("--env", "other", "run", "--env", "remote", "--json", "--verbose"),
    ],
)
def test_common_options_stand_before_or_behind_the_name(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    call = called(monkeypatch, *arguments).call

    assert call is not None
    assert (call.env, call.json, call.terminal.verbosity) == ("remote", True, Verbosity.VERBOSE)


def test_options_of_run_arrive_as_values(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = called(monkeypatch, "run", "-j4", "--force", "--set", "a=1", "--set", "b=2", "--no-locked", ":t")

    assert seen.options == {
        "patterns": (":t",),
        "dry_run": False,
        "jobs": 4,
        "force": True,
        "replace": False,
        "fail_fast": False,
        "fresh": False,
        "no_share": False,
        "worktree": False,
        "sets": ("a=1", "b=2"),
        "profile": None,
        "locked": False,
        "progress": None,
        "events": None,
        "trace": None,
    }


def test_locked_is_undecided_where_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert called(monkeypatch, "run").options["locked"] is None


def test_the_start_is_the_folder_of_c(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    call = called(monkeypatch, "-C", str(tmp_path), "ls", command="ls").call

    assert call is not None
    assert call.start == tmp_path


@pytest.mark.parametrize(
    ("arguments", "first", "hint"),
    [
        (("rnu",), "there is no command `rnu` [unknown-command]", "did you mean `traintrack run`?"),
        (("run", "--frce"), "there is no option `--frce` [unknown-option]", "did you mean `--force`?"),
        (("--nope",), "there is no option `--nope` [unknown-option]", "`traintrack --help` lists what it takes"),
        (("why",), "`LABEL` is missing [missing-argument]", "`traintrack why --help` lists what it takes"),
        (("why", "//a", "-//b"), "got unexpected extra argument (-//b) [usage]", "`traintrack why --help` lists what"),
        (("run", "-j", "0"), "invalid value for `-j`, `--jobs`: `0` is not a whole", "`traintrack run --help`"),
        (("run", "-j"), "option `-j` requires an argument [usage]", "`traintrack run --help`"),
        (("run", "--env"), "option `--env` requires an argument", "`traintrack run --help`"),
        (("-C", "/no/such", "ls"), "there is no folder `/no/such` [no-folder]", "`-C` takes a folder that exists"),
        (("ls", "-q", "-v"), "`-q` and `-v` exclude each other [usage]", "leave one of them out"),
        (("ls", "--color", "red"), "invalid value for `--color`: `red` is not one of", "`traintrack ls --help`"),
    ],
)
def test_wrong_words_end_with_2_a_fact_and_a_hint(
    arguments: tuple[str, ...], first: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run_program(arguments)
    shown = capsys.readouterr()

    assert code == 2
    assert shown.out == ""
    assert shown.err.startswith(f"error: {first}")
    assert f"\n\nhint: {hint}" in shown.err


def test_wrong_words_with_json_are_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    code = run_program(["why", "--json"])
    shown = capsys.readouterr()

    assert code == 2
    assert shown.err == ""
    assert json.loads(shown.out)["error"]["code"] == "missing-argument"


def test_an_error_of_a_command_is_told_and_ends_with_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(monkeypatch, "ls", Seen(InputError("wrong", location=Location("a", 1, 2), code="c", hint="h")))

    assert run_program(["ls"]) == 3
    assert capsys.readouterr().err == "a:1:2: error: wrong [c]\n\nhint: h\n"
    assert run_program(["ls", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["where"] == {"path": "a", "line": 1, "column": 2}


def test_what_the_machine_refuses_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(monkeypatch, "ls", Seen(PermissionError(13, "Permission denied", "/a/b")))

    assert run_program(["ls"]) == 6
    assert capsys.readouterr().err.startswith("error: permission denied at `/a/b` [system]")


def test_a_missing_file_inside_us_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, "ls", Seen(FileNotFoundError(2, "No such file", "/a")))

    with pytest.raises(FileNotFoundError):
        run_program(["ls"])


def test_help_lists_every_command_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program(["--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("\n  status ") == 1
    assert max(map(len, shown.splitlines())) <= 80


def test_help_of_a_command_parts_its_options_from_the_common_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program(["run", "-h"]) == 0
    own, common = capsys.readouterr().out.split("Options of all commands:")
    assert "--fail-fast" in own
    assert "--json" not in own
    assert "--json" in common
    assert "traintrack run //... -//lp:slow_benchmark -j 4" in common


def test_no_words_show_the_help_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program([]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Commands:" in shown.err
