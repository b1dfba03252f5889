"""TAB in real shells, on a terminal."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watched_terminal import WatchedTerminal

from traintrack.cli.completion_scripts import SCRIPTS

START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
READY = {
    "bash": "PS1='> '; source {script}; echo rea''dy\n",
    "zsh": "PS1='> '; autoload -Uz compinit; compinit -u; source {script}; unsetopt menu_complete; echo rea''dy\n",
    "fish": "function fish_prompt; echo '> '; end; source {script}; echo rea''dy\n",
}
Typed = Callable[[str], WatchedTerminal]


@pytest.fixture(params=list(START))
def type_in(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Typed]:
    shell = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    for path, text in {
        "w/TTWORKSPACE.yaml": "workspace: w\nenvironments: {local: {}, remote: {}}\n",
        "w/TTCONFIG.yaml": "targets: {top: {}}\n",
        "w/runs/april/TTCONFIG.yaml": "targets: {trained_model: {}, exported: {}, sweep: {each: {lr: [0.1, 1e-4], depth: [18]}}}\n",
        "w/some_file.json": "",
        "script": SCRIPTS[shell],
        "bin/traintrack": f'#!/bin/sh\nexec {sys.executable} -m traintrack "$@"\n',
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "bin/traintrack").chmod(0o755)
    environ = {
        "HOME": str(tmp_path),
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "TERM": "xterm",
        "LANG": "C.UTF-8",
    }
    environ |= {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_CONFIG_HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path),
    }
    terminal = WatchedTerminal(START[shell], environ, cwd=tmp_path / "w", columns=110)
    terminal.send(READY[shell].format(script=tmp_path / "script"))
    terminal.until(lambda: any(line.strip() == "ready" for line in terminal.display()))

    def type_in(text: str) -> WatchedTerminal:
        terminal.send(text)
        return terminal

    yield type_in
    terminal.kill()


@pytest.mark.parametrize(
    ("typed", "become"),
    [
        ("traintrack ru\t", "traintrack run"),
        ("traintrack run //ru\t", "traintrack run //runs/"),
        ("traintrack run //runs/\t", "traintrack run //runs/april:"),
        ("traintrack run //runs/april:tr\tX", "traintrack run //runs/april:trained_model X"),
        ("traintrack run -//runs/april:ex\tX", "traintrack run -//runs/april:exported X"),
        ("traintrack run :t\tX", "traintrack run :top X"),
        ("traintrack run //runs/april:sweep@l\t", "traintrack run //runs/april:sweep@lr="),
        ("traintrack run //runs/april:sweep@lr=0.0\tX", "traintrack run //runs/april:sweep@lr=0.0001 X"),
        ("traintrack run //runs/april:sweep@lr=0.1,d\t18\tX", "traintrack run //runs/april:sweep@lr=0.1,depth=18 X"),
        ("traintrack run --env=re\tX", "traintrack run --env=remote X"),
        ("traintrack run --env re\tX", "traintrack run --env remote X"),
        ("traintrack run --trace some\tX", "traintrack run --trace some_file.json X"),
    ],
)
def test_tab_completes(type_in: Typed, typed: str, become: str) -> None:
    terminal = type_in(typed)

    terminal.until(lambda: any(line.endswith(become) for line in terminal.display()), limit_s=15)
