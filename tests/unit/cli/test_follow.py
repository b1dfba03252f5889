from pathlib import Path

from traintrack.cli.follow import follow


def test_a_finished_log_comes_in_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\xff\nlast without end")

    assert [line for lines in follow(path, lambda: False) for line in lines] == ["one", "two\ufffd", "last without end"]


def test_what_is_written_while_it_is_followed_comes_too(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntw")
    steps = iter([b"o\nthr\xc3", b"\xa9e\n", None])

    def live() -> bool:
        more = next(steps)
        if more is not None:
            with path.open("ab") as file:
                file.write(more)
        return more is not None

    assert list(follow(path, live, poll_s=0.0)) == [["one", "two"], ["thr\u00e9e"]]


def test_an_empty_log_has_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.touch()

    assert list(follow(path, lambda: False)) == []
