"""Exit codes in words."""

from __future__ import annotations

import signal

import pytest

from traintrack.action.failure import FailureClass
from traintrack.errors import HostError
from traintrack.runners.contract.ending import of_error, of_exit


def test_exit_0_is_no_failure() -> None:
    assert of_exit(0) is None


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (3, "exit 3"),
        (127, "exit 127"),
        (137, "exit 137, as after SIGKILL"),
        (255, "exit 255"),
        (-signal.SIGSEGV, "killed by SIGSEGV"),
        (-signal.SIGKILL, "killed by SIGKILL: often the kernel's out-of-memory killer"),
        (-99, "killed by signal 99"),
    ],
)
def test_a_failure_is_told_in_words(code: int, message: str) -> None:
    ending = of_exit(code)

    assert ending is not None
    assert (ending.failure, ending.message) == (FailureClass.TASK, message)


def test_a_missing_module_is_named_with_what_to_do() -> None:
    ending = of_exit(1, "helper")

    assert ending is not None
    assert ending.message == "exit 1: no module `helper`"
    assert "`paths`" in (ending.hint or "")


def test_a_full_disk_is_the_platforms_with_the_path() -> None:
    ending = of_error(OSError(28, "No space left on device", "/x"))

    assert (ending.failure, ending.message) == (FailureClass.PLATFORM, "no space left on device at `/x`")
    assert ending.hint


def test_an_error_keeps_its_words_hint_and_lines() -> None:
    ending = of_error(HostError("uv says no", hint="do this", details=["a", "b"]), FailureClass.IMAGE)

    assert (ending.failure, ending.message, ending.hint, ending.details) == (
        FailureClass.IMAGE,
        "uv says no",
        "do this",
        ("a", "b"),
    )
