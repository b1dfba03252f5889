import pytest

from traintrack.cli.line import busy, painted, plain
from traintrack.cli.live_text import clipped, clipped_head, columns_of, padded


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("データ", 6), ("e\u0301", 1), ("\x1b[31mred\x1b[0m", 3), ("●✓…", 3), ("👩\u200d🚀", 4), ("", 0)],
)
def test_columns_are_counted_as_a_terminal_gives_them(text: str, columns: int) -> None:
    assert columns_of(text) == columns


@pytest.mark.parametrize("columns", range(12))
def test_a_clipped_line_never_is_wider_than_asked(columns: int) -> None:
    line = (busy("●"), " データ", " and \x1b[2J more")

    for ellipsis in ("…", "..."):
        assert columns_of(plain(clipped(line, columns, ellipsis))) <= columns


def test_a_line_that_fits_stays_as_it_is_with_its_tones() -> None:
    assert painted(clipped((busy("●"), " x"), 3)) == "\x1b[36m●\x1b[0m x"


def test_a_wide_character_is_not_cut_in_half() -> None:
    assert plain(clipped(("データ",), 4)) == "デ…"


def test_of_a_label_the_end_is_kept() -> None:
    assert clipped_head("//lp/2026-04:train", 8) == "…4:train"
    assert clipped_head(":train", 8) == ":train"
    assert clipped_head("//lp:train", 0) == ""


def test_padding_counts_columns() -> None:
    assert padded("デ", 4) == "デ  "
