import json
from pathlib import Path

import pytest

from traintrack.cli.crash import report_crash


def crash(arguments: list[str]) -> int:
    try:
        raise ZeroDivisionError("nothing\nby zero \x1b[2J")
    except ZeroDivisionError as error:
        return report_crash(arguments, error)


def test_a_bug_is_one_line_and_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("SOME_SECRET", "hunter2")

    assert crash(["run", "//a:t"]) == 70
    shown = capsys.readouterr()
    [path] = tmp_path.glob("traintrack-report-*.txt")
    assert shown.out == ""
    assert shown.err == (
        "error: traintrack has a bug: ZeroDivisionError: nothing [internal]\n\n"
        f"hint: please report it with the file `{path}`\n"
    )
    text = path.read_text()
    assert "['traintrack', 'run', '//a:t']" in text
    assert "Traceback" in text
    assert "hunter2" not in text


def test_a_bug_with_json_is_a_document(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    assert crash(["ls", "--json"]) == 70
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "internal"


def test_a_report_that_cannot_be_written_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/no/such/folder")

    assert crash([]) == 70
    assert "the report could not be written" in capsys.readouterr().err
