"""Builds real repositories for tests, with none of the developer's own settings."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from traintrack.workspace.git import GitRepository, open_repository

WHO = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "2026-04-16T09:30:00+0200",
    "GIT_COMMITTER_DATE": "2026-04-16T09:30:00+0200",
}


class Repo:
    """A repository at `top`; paths are relative to it."""

    def __init__(self, top: Path, *init: str) -> None:
        self.top = top
        top.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", *init)

    def git(self, *words: str, **variables: str) -> str:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "XDG_"))}
        settings = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", **WHO}
        words = ("git", "-c", "protocol.file.allow=always", *words)
        run = subprocess.run(
            words, cwd=self.top, env={**clean, **settings, **variables}, capture_output=True, check=False
        )
        assert run.returncode == 0, run.stderr.decode()
        return run.stdout.decode("utf-8", "surrogateescape").strip()

    def write(self, path: str, content: str | bytes = "text\n", mode: int = 0o644) -> Path:
        file = self.top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(mode)
        return file

    def link(self, path: str, target: str) -> None:
        (self.top / path).parent.mkdir(parents=True, exist_ok=True)
        (self.top / path).symlink_to(target)

    def commit(self, message: str = "Change") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def tree(self, path: str = "", revision: str = "HEAD") -> str:
        return self.git("rev-parse", f"{revision}:{path}")

    def open(self, folder: str = ".") -> GitRepository:
        return open_repository(self.top / folder)


def sample(top: Path, *init: str) -> Repo:
    """A repository with one commit: a folder `src` with a file, a program, a link and a folder in it."""
    repo = Repo(top, *init)
    repo.write("README.md", "read me\n")
    repo.write("src/train.py", "print('train')\n")
    repo.write("src/run.sh", "#!/bin/sh\n", 0o755)
    repo.write("src/model/net.py", "layers = 3\n")
    repo.link("src/latest", "model/net.py")
    repo.commit("Begin")
    return repo


def fingerprint(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file below a folder: mode, time of change and content."""
    found = {}
    for file in sorted(folder.rglob("*")):
        state = file.lstat()
        data = file.read_bytes() if file.is_file() and not file.is_symlink() else b""
        found[str(file)] = (state.st_mode, state.st_mtime_ns, data)
    return found
