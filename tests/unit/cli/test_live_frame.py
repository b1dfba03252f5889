"""Frames on an emulated terminal."""

import pyte

from traintrack.cli.live_frame import LEAVE, frame


class Seen:
    def __init__(self, columns: int = 20, lines: int = 8) -> None:
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.Stream(self.screen)

    def draw(self, history: str, *block: str) -> list[str]:
        self.stream.feed(frame(history, block, self.screen.columns))
        return self.lines()

    def lines(self) -> list[str]:
        lines = [line.rstrip() for line in self.screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines


def test_history_comes_to_stand_above_the_block() -> None:
    seen = Seen()
    seen.draw("", "one", "two")

    assert seen.draw("first\nsecond\n", "1", "2", "3") == ["first", "second", "1", "2", "3"]
    assert (seen.screen.cursor.y, seen.screen.cursor.x) == (2, 0)


def test_a_shorter_block_leaves_nothing_behind() -> None:
    seen = Seen()
    seen.draw("", "a long row", "another row", "third")

    assert seen.draw("", "x") == ["x"]


def test_a_history_line_that_breaks_or_fills_the_row_is_kept_whole() -> None:
    seen = Seen(columns=10)
    seen.draw("", "xxxxxxxxx", "yyyyyyyyy", "zzzzzzzzz")

    assert seen.draw("0123456789abc\n0123456789\n", "b") == ["0123456789", "abc", "0123456789", "b"]


def test_at_the_bottom_history_scrolls_and_the_block_stays_whole() -> None:
    seen = Seen(lines=4)
    for number in range(10):
        lines = seen.draw(f"line {number}\n", "a", "b")

    assert lines == ["line 8", "line 9", "a", "b"]


def test_a_row_that_is_wider_than_thought_does_not_break_the_block() -> None:
    seen = Seen(columns=10)
    seen.draw("", "0123456789abcdef", "b")

    assert seen.draw("h\n", "a", "b") == ["h", "a", "b"]


def test_an_empty_block_shows_the_cursor_again() -> None:
    seen = Seen()
    seen.draw("", "a")
    assert seen.screen.cursor.hidden
    lines = seen.draw("end\n")

    assert (lines, seen.screen.cursor.hidden) == (["end"], False)


def test_leaving_takes_the_block_away_and_shows_the_cursor() -> None:
    seen = Seen()
    seen.draw("kept\n", "a", "b")
    seen.stream.feed(LEAVE)

    assert (seen.lines(), seen.screen.cursor.hidden) == (["kept"], False)


def test_no_part_of_a_frame_shows_an_empty_block() -> None:
    seen = Seen()
    seen.draw("", "row one", "row two")
    for character in frame("ended\n", ("row two", "row three"), 20):
        seen.stream.feed(character)

        assert any(line.startswith("row") for line in seen.lines()), seen.lines()


def test_nothing_is_cleared_behind_a_full_row_where_some_terminals_take_its_last_column() -> None:
    assert "0123456789\x1b[K" not in frame("0123456789\n", ("b",), 10)
    assert "012345678\x1b[K" in frame("012345678\n", ("b",), 10)
