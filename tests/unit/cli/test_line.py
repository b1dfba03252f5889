from traintrack.cli.line import bad, log_lines, painted, plain, visible


def test_visible_spells_out_what_could_move_a_cursor() -> None:
    assert visible("a\x1b[31mb\r\n\tc\x7f\x9b") == r"a\x1b[31mb\r\n\tc\x7f\x9b"


def test_visible_spells_out_bidirectional_overrides_and_lone_surrogates() -> None:
    assert visible("\u202eabc\udc80\u2028") == r"\u202eabc\udc80\u2028"


def test_visible_leaves_words_of_any_language_alone() -> None:
    assert visible("größe 模型 é\u00a0x") == "größe 模型 é\u00a0x"


def test_painted_adds_tones_around_escaped_text_only() -> None:
    line = (bad("x\x1b[2J"), " y\n")

    assert painted(line) == "\x1b[31mx\\x1b[2J\x1b[0m y\\n"
    assert plain(line) == "x\\x1b[2J y\\n"


def test_log_lines_part_at_carriage_returns_and_expand_tabs() -> None:
    assert log_lines("a\tb\r\n10%\r20%\nend") == ["a       b", "10%", "20%", "end"]


def test_log_lines_of_nothing_are_none() -> None:
    assert log_lines("") == []
