import io
from pathlib import Path

import pytest

from traintrack.cli.line import good
from traintrack.cli.terminal import (
    ColorMode,
    OutputClosedError,
    Terminal,
    Verbosity,
    aligned,
    open_terminal,
    wants_color,
)


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def stream(encoding: str = "utf-8") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace", newline="\n")


def text_of(wrapper: io.TextIOWrapper) -> str:
    wrapper.flush()
    buffer = wrapper.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(wrapper.encoding)


def test_results_and_talk_go_to_different_streams() -> None:
    out, err = stream(), stream()
    Terminal(out, err).result(("a",))
    Terminal(out, err).say((good("✓"), " b"))

    assert (text_of(out), text_of(err)) == ("a\n", "✓ b\n")


def test_marks_get_ascii_stand_ins_where_the_stream_is_not_utf_8() -> None:
    out, err = stream("ascii"), stream("ascii")
    Terminal(out, err).say(("✓ ✗ ● ◌ → … · é",))

    assert text_of(err) == "ok x * ~ -> ... - \\xe9\n"


def test_quiet_silences_talk_but_not_failures() -> None:
    out, err = stream(), stream()
    terminal = Terminal(out, err, verbosity=Verbosity.QUIET)
    terminal.say(("talk",))
    terminal.tell(("failure",))

    assert text_of(err) == "failure\n"


def test_paths_for_programs_keep_their_very_bytes() -> None:
    out = stream()
    Terminal(out, stream()).path(Path("/a/\udc80\x1b"))

    assert isinstance(out.buffer, io.BytesIO)
    assert out.buffer.getvalue() == b"/a/\x80\x1b\n"


def test_a_reader_that_has_gone_is_an_error_of_its_own() -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    with pytest.raises(OutputClosedError):
        Terminal(Gone(), io.StringIO()).result(("a",))
    Terminal(io.StringIO(), Gone()).tell(("nobody hears this",))


def test_a_reader_of_bytes_that_has_gone_is_that_error_too() -> None:
    class Gone(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, _data: object) -> int:
            raise BrokenPipeError

    out = io.TextIOWrapper(io.BufferedWriter(Gone()), encoding="utf-8")
    with pytest.raises(OutputClosedError):
        Terminal(out, stream()).path(Path("/a"))
    with pytest.raises(BrokenPipeError):
        out.close()


@pytest.mark.parametrize(
    ("mode", "environ", "tty", "colored"),
    [
        (ColorMode.AUTO, {}, True, True),
        (ColorMode.AUTO, {}, False, False),
        (ColorMode.AUTO, {"NO_COLOR": "1"}, True, False),
        (ColorMode.AUTO, {"NO_COLOR": ""}, True, True),
        (ColorMode.AUTO, {"TERM": "dumb"}, True, False),
        (ColorMode.ALWAYS, {"NO_COLOR": "1"}, False, True),
        (ColorMode.NEVER, {}, True, False),
    ],
)
def test_colour_follows_the_option_then_the_terminal(
    mode: ColorMode, environ: dict[str, str], tty: bool, colored: bool
) -> None:
    assert wants_color(mode, Tty() if tty else io.StringIO(), environ) is colored


def test_a_closed_stream_takes_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.stderr", None)
    terminal = open_terminal()
    terminal.result(("a",))
    terminal.tell(("b",))
    terminal.out.close()
    terminal.err.close()


def test_columns_begin_below_each_other() -> None:
    assert aligned([("a", "bbb", "c"), ("aaaa", "b", "")]) == [("a     bbb  c",), ("aaaa  b",)]
    assert aligned([]) == []
