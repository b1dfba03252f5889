"""The live view in real terminals: a pseudo-terminal behind an emulator, a shell with job control, and tmux."""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watched_terminal import WatchedTerminal

PLAY = Path(__file__).parent / "play_live.py"
COUNTS = re.compile(r"(?:\[[#.]+\] )?\d+/\d+ · .*\d[smh]")
SHOWN = re.compile(r"● //:target_\d{3}")
Open = Callable[..., WatchedTerminal]


@pytest.fixture
def play() -> Iterator[Open]:
    opened: list[WatchedTerminal] = []

    def start(*words: str, columns: int = 100, lines: int = 24, **environ: str) -> WatchedTerminal:
        opened.append(WatchedTerminal([sys.executable, str(PLAY), *words], environ, columns=columns, lines=lines))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.kill()


def under_way(frames: list[list[str]]) -> list[list[str]]:
    """The frames from the first with a block to the last with one."""
    has_block = [any(COUNTS.fullmatch(line) for line in frame) for frame in frames]
    return frames[has_block.index(True) : len(frames) - has_block[::-1].index(True)]


def counts_in(frame: list[str]) -> int:
    """How many lines of a frame are the last one of a block, which a narrow terminal cuts short."""
    return sum(re.match(r"(\[[#.]+\] )?\d+/\d+ · ", line) is not None for line in frame)


def test_history_is_written_once_and_stays(play: Open) -> None:
    terminal = play("30", "0.05", lines=16)
    assert terminal.until_end() == 0
    ended = [line for line in terminal.everything() if re.match(r"[✓✗] //", line)]

    assert len(ended) == len(set(ended))
    assert len(ended) == len([n for n in range(30) if n % 7 != 3])
    assert [line.split()[1] for line in ended] == sorted(line.split()[1] for line in ended)


def test_no_frame_shows_an_empty_block(play: Open) -> None:
    terminal = play("30", "0.05", lines=16)
    terminal.until_end()
    frames = under_way(terminal.frames)

    assert len(frames) > 8
    assert all(any(COUNTS.fullmatch(line) for line in frame) for frame in frames)
    assert all(any(SHOWN.match(line) for line in frame) for frame in frames[:-1])


def test_a_frame_comes_at_most_eight_times_a_second(play: Open) -> None:
    terminal = play("100", "0.02")
    terminal.until_end()
    times = terminal.times

    assert len(times) / (times[-1] - times[0]) < 9


def test_the_end_leaves_failures_the_summary_and_a_cursor_but_no_block(play: Open) -> None:
    terminal = play("8", "0.05", lines=12)
    terminal.until_end()
    lines = terminal.everything()

    assert not terminal.hides_cursor
    assert terminal.raw.count(b"\x1b[?25l") > 0
    assert not [line for line in lines if COUNTS.fullmatch(line) or line.startswith("●")]
    assert lines[-1] == "the summary"
    assert [line for line in lines if line.startswith("✗ FAILED //:target_001")]
    assert "  boom" in lines


@pytest.mark.parametrize("lines", [5, 8, 40])
def test_the_block_leaves_three_rows_of_the_terminal(play: Open, lines: int) -> None:
    terminal = play("20", "0.05", lines=lines)
    terminal.until_end()

    for frame in under_way(terminal.frames):
        end = next(n for n, line in enumerate(frame) if COUNTS.fullmatch(line))
        block = [line for line in frame[: end + 1] if re.match(r"[●◌…\[]|\d+/", line)]
        assert len(block) <= max(1, lines - 3)
        assert not any(frame[end + 1 :])


@pytest.mark.parametrize("columns", [20, 39, 61])
def test_rows_never_break_in_a_narrow_terminal(play: Open, columns: int) -> None:
    terminal = play("6", "0.6", columns=columns, lines=30)
    terminal.until(lambda: len(terminal.frames) > 2)
    block = [line for line in terminal.frames[-1] if re.match(r"[●◌…]|\d+/", line)]

    assert len([line for line in block if line.startswith(("●", "◌"))]) == 4
    assert terminal.until_end() == 0
    assert not terminal.hides_cursor


def test_what_a_task_says_cannot_move_the_cursor_and_wide_text_is_counted(play: Open) -> None:
    terminal = play("4", "0.3")
    terminal.until(lambda: len(terminal.frames) > 1)

    assert any("epoch 0 デ" in line.replace("デ ", "デ") and r"\x1b[2J" in line for line in terminal.frames[-1])
    assert any("ETA 1m" in line for line in terminal.frames[-1])


def test_a_window_that_changes_its_size_keeps_history_and_one_block(play: Open) -> None:
    terminal = play("80", "0.05", columns=100, lines=20)
    for columns, lines in ((70, 20), (100, 12), (120, 30), (60, 18)):
        before = len(terminal.frames)
        terminal.until(lambda before=before: len(terminal.frames) > before + 3)
        terminal.resize(columns, lines)
    before = len(terminal.frames)
    terminal.until(lambda: len(terminal.frames) > before + 3)

    assert counts_in(terminal.frames[-1]) == 1
    assert terminal.until_end() == 0
    ended = [line for line in terminal.everything() if re.match(r"[✓✗] //", line)]
    assert len(ended) == len(set(ended))


@pytest.mark.parametrize("how", ["crash", "interrupt", "terminate"])
def test_a_bad_end_gives_the_terminal_back(play: Open, how: str) -> None:
    terminal = play("10", "0.05", "crash" if how == "crash" else "wait")
    terminal.until(lambda: terminal.hides_cursor)
    if how == "interrupt":
        terminal.send("\x03")
    if how == "terminate":
        # As `__main__` does, so that the contexts end; the played run has no such handler of its own.
        terminal.process.send_signal(signal.SIGINT)

    assert terminal.until_end() != 0
    assert not terminal.hides_cursor
    assert not [line for line in terminal.everything() if COUNTS.fullmatch(line)]


def test_without_utf_8_and_colour_the_block_is_plain_ascii(play: Open) -> None:
    terminal = play("4", "0.2", PYTHONIOENCODING="ascii", NO_COLOR="1")
    terminal.until_end()

    assert terminal.raw.isascii()
    assert not re.search(rb"\x1b\[[\d;]*m", terminal.raw)
    assert any(line.startswith("* //:target_000") for frame in terminal.frames for line in frame)


def test_colour_comes_where_it_is_wanted(play: Open) -> None:
    terminal = play("4", "0.1")
    terminal.until_end()

    assert b"\x1b[36m" in terminal.raw


@pytest.mark.parametrize("environ", [{"TERM": "dumb"}, {"CI": "true"}])
def test_a_dumb_terminal_or_ci_gets_no_block(play: Open, environ: dict[str, str]) -> None:
    terminal = play("4", "0.01", **environ)

    assert terminal.until_end() != 0
    assert "this is not told live" in "\n".join(terminal.everything())


def test_ctrl_z_and_fg_go_through_a_shell_with_job_control() -> None:
    terminal = WatchedTerminal(["bash", "--norc", "--noprofile", "-i"], {"PS1": "$ "}, lines=30)
    try:
        terminal.until(lambda: "$" in terminal.display())
        terminal.send(f"{sys.executable} {PLAY} 400 0.05\n")
        terminal.until(lambda: len(terminal.frames) > 5)
        terminal.send("\x1a")
        terminal.until(lambda: any("Stopped" in line for line in terminal.display()))
        assert not terminal.hides_cursor
        assert not [line for line in terminal.display() if COUNTS.fullmatch(line)]
        terminal.send("fg\n")
        terminal.until(lambda: bool([line for line in terminal.display() if COUNTS.fullmatch(line)]))
        assert terminal.hides_cursor
        terminal.send("\x1a")
        terminal.until(lambda: not terminal.hides_cursor)
        terminal.send("bg\n")
        frames = len(terminal.frames)
        terminal.until(lambda: sum("target_" in line for line in terminal.display()) > 5)
        time.sleep(0.3)
        assert len(terminal.frames) - frames < 3
    finally:
        terminal.process.send_signal(signal.SIGHUP)
        terminal.kill()


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_in_tmux_nothing_flickers_and_nothing_repeats(tmp_path: Path) -> None:
    done = tmp_path / "done"
    environ = {"HOME": str(tmp_path), "TMUX_TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

    def tmux(*words: str) -> str:
        command = ["tmux", "-u", "-f", "/dev/null", "-L", "watched", *words]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=20).stdout

    play = f"env -u CI {sys.executable} {PLAY} 60 0.1; touch {done}; sleep 60"
    tmux("new-session", "-d", "-x", "100", "-y", "16", play)
    try:
        seen: list[list[str]] = []
        limit = time.monotonic() + 40
        while not done.exists() and time.monotonic() < limit:
            seen.append([line.rstrip() for line in tmux("capture-pane", "-p").splitlines()])
        frames = under_way(seen)
        everything = tmux("capture-pane", "-p", "-S", "-").splitlines()
    finally:
        tmux("kill-server")

    assert len(frames) > 20
    assert all(any(COUNTS.fullmatch(line) for line in frame) for frame in frames)
    ended = [line.rstrip() for line in everything if re.match(r"[✓✗] //", line)]
    assert len(ended) == len(set(ended)) == len([n for n in range(60) if n % 7 != 3])
    assert not [line for line in everything if COUNTS.fullmatch(line.rstrip())]
