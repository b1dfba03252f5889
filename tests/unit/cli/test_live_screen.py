import io
import threading

import pytest

from traintrack.cli.live_screen import LiveScreen, ProgressMode, wants_live


class Terminal(io.StringIO):
    encoding = "utf-8"

    def __init__(self, *, is_terminal: bool = True) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("mode", "is_terminal", "environ", "live"),
    [
        ("auto", True, {"TERM": "xterm"}, True),
        ("auto", True, {"TERM": "xterm", "CI": "0"}, True),
        ("auto", True, {"TERM": "xterm", "CI": "true"}, False),
        ("auto", True, {"TERM": "dumb"}, False),
        ("auto", True, {}, False),
        ("auto", False, {"TERM": "xterm"}, False),
        ("live", False, {"CI": "true"}, True),
        ("plain", True, {"TERM": "xterm"}, False),
    ],
)
def test_live_is_for_people_at_a_terminal_unless_it_is_asked_for(
    mode: str, is_terminal: bool, environ: dict[str, str], live: bool
) -> None:
    assert wants_live(ProgressMode(mode), Terminal(is_terminal=is_terminal), environ) is live


def test_a_begun_line_waits_for_its_end() -> None:
    below = Terminal()
    screen = LiveScreen(below, lambda columns, most: ["block"])
    screen._history.put("half ")
    screen.draw()
    assert "half" not in below.getvalue()
    screen._history.put("and half\n")
    screen.draw()

    assert "half and half" in below.getvalue()


def test_a_frame_like_the_last_one_is_not_written() -> None:
    below = Terminal()
    screen = LiveScreen(below, lambda columns, most: ["block"])
    screen.draw()
    written = below.tell()
    screen.draw()

    assert below.tell() == written > 0


def test_without_a_block_lines_go_out_as_they_are() -> None:
    below = Terminal()
    screen = LiveScreen(below, lambda columns, most: [])
    screen._history.put("one\ntwo\n")
    screen.draw()

    assert below.getvalue() == "one\ntwo\n"


def test_outside_the_context_lines_are_written_at_once() -> None:
    below = Terminal()
    screen = LiveScreen(below, lambda columns, most: [])
    screen.write("before\n")
    with screen:
        pass
    screen.write("after\n")

    assert below.getvalue() == "before\nafter\n"


def test_all_that_was_written_is_there_at_the_end_and_the_block_is_not() -> None:
    below = Terminal()
    drawn = threading.Event()

    def rows(columns: int, most: int) -> list[str]:
        drawn.set()
        return ["block"]

    with LiveScreen(below, rows) as screen:
        assert drawn.wait(10)
        screen.draw()
        screen.write("last words\n")

    assert below.getvalue().endswith("last words\n")
    assert below.getvalue().rindex("\x1b[?25h") > below.getvalue().rindex("\x1b[?25l")


def test_a_view_that_breaks_leaves_the_lines() -> None:
    below = Terminal()
    called = threading.Event()

    def rows(columns: int, most: int) -> list[str]:
        called.set()
        raise ZeroDivisionError

    with LiveScreen(below, rows) as screen:
        assert called.wait(10)
        screen.write("a line\n")

    assert "a line\n" in below.getvalue()
    assert below.getvalue().count("warning: the live view ended") == 1


class Gone(Terminal):
    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


def test_a_terminal_that_is_gone_does_not_end_the_work() -> None:
    with LiveScreen(Gone(), lambda columns, most: ["block"]) as screen:
        screen.write("a line\n")
        screen.draw()
