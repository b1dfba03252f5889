"""What a machine refuses, apart from what is a bug."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

import pytest

from traintrack.cli.refusal import refusal


def test_a_full_disk_is_told_with_its_path_as_the_machines_doing() -> None:
    told = refusal(OSError(errno.ENOSPC, "No space left on device", "/data/x"))

    assert told is not None
    assert str(told) == "no space left on device at `/data/x` [system]"


def test_what_no_machine_refuses_is_a_bug() -> None:
    assert refusal(FileNotFoundError(errno.ENOENT, "No such file or directory", "/data/x")) is None
    assert refusal(KeyError("x")) is None


def test_no_folder_for_temporary_files_is_the_machines_doing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "missing")])
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    with pytest.raises(FileNotFoundError) as caught:
        tempfile.mkdtemp()

    told = refusal(caught.value)

    assert told is not None
    assert told.code == "no-temporary-folder"
    assert str(tmp_path) in told.message
