"""The tutorials do what they say: their files are written, their commands run, and what they print stands in the page."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorial"
STEP = re.compile(
    r"^```(?P<language>\w*)\n(?P<block>.*?)^```"
    r"|[Ii]n\s`(?P<path>[^`]+)`\schange\s`(?P<old>[^`]+)`\sto\s`(?P<new>[^`]+)`"
    r"|change\sthe\svalue\sback\sto\s`(?P<back>[^`]+)`",
    re.MULTILINE | re.DOTALL,
)
NAMED_BEFORE = re.compile(r"`(?P<path>[\w./-]+\.\w+)`[^`:]*:\s*\Z")


class Reader:
    """Somebody who follows the pages from an empty folder, word by word, in one shell."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "lines"
        self.here = folder
        self.failed: list[str] = []
        self.last = ""
        self._pwd = folder / "pwd"
        self._environ = {
            **os.environ,
            "HOME": str(folder),
            "CI": "",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_DATA_HOME": str(folder / "data"),
            **{f"GIT_{who}_NAME": "a" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "a@example.invalid" for who in ("AUTHOR", "COMMITTER")},
        }

    def follow(self, page: str) -> Iterator[tuple[str, str]]:
        """Do what a page says; yield each output that it shows beside what was printed there."""
        text = (TUTORIALS / page).read_text(encoding="utf-8")
        said, changed = "", ("", "", "")
        for step in STEP.finditer(text):
            if step["path"]:
                changed = (step["path"], step["old"], step["new"])
                self._change(*changed)
            elif step["back"]:
                self._change(changed[0], changed[2], changed[1])
            elif step["language"] == "text":
                yield step["block"], said
            elif step["language"]:
                self._write(text[: step.start()], step["block"])
            else:
                said = "".join(self._say(line) for line in step["block"].splitlines())

    def _write(self, before: str, block: str) -> None:
        named = NAMED_BEFORE.search(before)
        assert named, f"no path before this block:\n{block}"
        path = self.root / named["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        above = path.read_text() if re.search(r"\bAdd\s[^.]*\Z", before[: named.start()]) else ""
        path.write_text(above + block)

    def _change(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        assert text.count(old) == 1, f"`{old}` in {path}"
        (self.root / path).write_text(text.replace(old, new))

    def _say(self, line: str) -> str:
        program = f"{line}\ncode=$?\npwd > {self._pwd}\nexit $code"
        done = subprocess.run(
            ["bash", "-c", program], cwd=self.here, env=self._environ, capture_output=True, text=True, check=False
        )
        self.here = Path(self._pwd.read_text().strip())
        if done.returncode:
            self.failed.append(f"{line}: {done.stderr}")
        self.last = done.stdout + done.stderr
        return self.last


def test_a_reader_of_both_tutorials_sees_what_they_show(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    first = list(reader.follow("first-experiment.md"))
    assert (first, reader.failed) == ([], [])
    assert "2 ran" in reader.last

    reader.here = reader.root
    shown = 0
    for expected, said in reader.follow("first-sweep.md"):
        shown += 1
        missing = [line for line in expected.splitlines() if line and line not in said]
        assert missing == []

    assert shown == 3
    assert [line.partition(":best")[0] for line in reader.failed] == ["traintrack run "]
    assert "k is 200, but only 80 points are known" in reader.failed[0]
    assert "up to date" in reader.last


@pytest.mark.parametrize("page", sorted(path.name for path in TUTORIALS.glob("*.md")))
def test_every_block_of_a_tutorial_is_a_file_commands_or_their_output(page: str) -> None:
    languages = {step["language"] for step in STEP.finditer((TUTORIALS / page).read_text()) if step["block"]}

    assert languages <= {"", "python", "yaml", "text"}
