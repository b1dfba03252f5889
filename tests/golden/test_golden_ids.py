"""IDs stand still: a table of 204, equal whatever surrounds the computation and however the files are spelled (F14).

A change here means that every result of every user is made again. If that is wanted, raise the version of the format
(`traintrack/target/1`), say so in an ADR, and run `python tests/golden/make_golden.py --ids`.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from golden_workspace import DESCRIPTION, IDS, Spelling, write

HERE = Path(__file__).resolve().parent
GOLDEN = json.loads(IDS.read_text(encoding="utf-8"))


def printed(folder: Path, spelling: Spelling, **environ: str) -> dict[str, str]:
    """The IDs that a process of its own prints."""
    words = (sys.executable, str(HERE / "print_golden.py"), str(folder), msgspec.json.encode(spelling).decode())
    known = {**os.environ, "PYTHONUTF8": "0", **environ}
    done = subprocess.run(words, env=known, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_the_table_has_200_targets_and_holds_every_kind_of_input() -> None:
    text = DESCRIPTION.read_text(encoding="utf-8")

    assert len(GOLDEN) >= 200
    assert len(set(GOLDEN.values())) > 190
    for kind in (
        "build",
        "python",
        "uv.lock",
        "{commit}",
        "worktree",
        "HEAD",
        "baked",
        "s3://",
        "https://",
        "!literal",
    ):
        assert kind in text
    for kind in (
        "!remove",
        "frozen",
        "@main//",
        "@lp:production",
        "secrets",
        "1e-05",
        "best \\u00e9.pt",
        '"uri"',
        "$artifact",
    ):
        assert kind in text


@pytest.mark.parametrize(
    ("spelling", "environ"),
    [
        (Spelling(), {"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"}),
        (Spelling(shuffle=1, comments=True), {"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8", "TZ": "Pacific/Kiritimati"}),
        (
            Spelling(shuffle=2, line_end="\r\n", flow=True),
            {"PYTHONHASHSEED": "4294967295", "LC_ALL": "POSIX", "TZ": "XXX+25"},
        ),
        (
            Spelling(line_end="\r", comments=True),
            {"PYTHONHASHSEED": "random", "LC_ALL": "tr_TR.UTF-8", "PYTHONUTF8": "1"},
        ),
    ],
)
def test_ids_are_those_of_the_table_in_every_surrounding(
    spelling: Spelling, environ: dict[str, str], tmp_path: Path
) -> None:
    assert printed(tmp_path, spelling, **environ) == GOLDEN


@pytest.mark.torture
@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "POSIX", "de_DE.UTF-8"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "Pacific/Kiritimati"])
def test_ids_are_those_of_the_table_in_all_surroundings(locale: str, zone: str, tmp_path: Path) -> None:
    ways = itertools.product(("0", "1", "77"), (None, 1, 2), ("\n", "\r\n"), (False, True))
    for number, (seed, shuffle, line_end, comments) in enumerate(ways):
        spelling = Spelling(shuffle, line_end, comments, flow=number % 3 == 0)
        environ = {"PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": zone}

        assert printed(tmp_path / str(number), spelling, **environ) == GOLDEN, (spelling, environ)


def test_spellings_differ_in_their_bytes(tmp_path: Path) -> None:
    ways = (Spelling(), Spelling(shuffle=1), Spelling(comments=True), Spelling(flow=True), Spelling(line_end="\r\n"))
    for number, way in enumerate(ways):
        write(tmp_path / str(number), way)
    texts = {(tmp_path / str(n) / "lp/TTCONFIG.yaml").read_bytes() for n in range(len(ways))}

    assert len(texts) == len(ways)
