"""Secrets leave no trace in a log, wherever its pieces are cut."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from traintrack.runners.contract import logs
from traintrack.runners.contract.logs import Mask, missing_module, tail


def test_a_secret_is_masked_wherever_a_reader_begins_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "log"
    text = b"before hunter2 after hunter2"
    path.write_bytes(text)
    mask = Mask(["hunter2"])
    expected = text.replace(b"hunter2", b"*******")

    for offset in range(len(text)):
        for limit in range(1, 12):
            assert mask.read(str(path), offset, limit) == expected[offset : offset + limit]


def test_the_beginning_of_a_secret_is_held_back_until_the_rest_is_written(tmp_path: Path) -> None:
    path = tmp_path / "log"
    mask = Mask(["hun*er2"])
    path.write_bytes(b"x hun*")
    first = mask.read(str(path), 0)
    path.write_bytes(b"x hun*er2 y")

    assert first == b"x "
    assert mask.read(str(path), 2) == b"******* y"


def test_a_copy_masks_across_its_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_CHUNK", 5)
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"0123 hun*er2 hun*er2hun*er2 hun*")
    Mask(["hun*er2"]).copy(str(source), str(target))

    assert target.read_bytes() == b"0123 ******* ************** hun*"
    assert target.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "shown",
    [
        b'pa"ss w\xc3\xb6rd',
        b'pa\\"ss w\\u00f6rd',
        b"pa%22ss%20w%C3%B6rd",
        base64.b64encode('pa"ss wörd'.encode()),
    ],
)
def test_a_secret_is_known_in_its_usual_spellings(shown: bytes) -> None:
    assert Mask(['pa"ss wörd']).hide(b"[" + shown + b"]").strip(b"=]") == b"[" + b"*" * len(shown.rstrip(b"="))


def test_each_line_of_a_secret_with_several_is_masked() -> None:
    assert Mask(["first line\nsecond"]).hide(b"second; first line") == b"******; **********"


def test_a_secret_that_is_too_short_masks_nothing() -> None:
    mask = Mask(["abc", ""])

    assert not mask
    assert mask.hide(b"abc") == b"abc"


def test_the_longer_of_two_secrets_is_masked_whole() -> None:
    assert Mask(["token", "token-long"]).hide(b"token-long") == b"**********"


def test_the_tail_is_the_last_20_lines_with_secrets_masked(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"%d hunter2\n" % i for i in range(10_000)) + b"\xff end")

    found = tail(str(path), Mask(["hunter2"]))

    assert len(found) == 20
    assert found[0] == "9981 *******"
    assert found[-1] == "\ufffd end"


def test_the_tail_of_no_log_is_empty(tmp_path: Path) -> None:
    assert tail(str(tmp_path / "none"), Mask([])) == ()


def test_the_module_that_was_missing_last_is_named() -> None:
    lines = ["Traceback", "ModuleNotFoundError: No module named 'a.b'", "x", "ModuleNotFoundError: No module named 'c'"]

    assert missing_module(lines) == "c"
    assert missing_module(["I print No module named 'x'"]) is None
