"""Finding the repository that a folder stands in, without starting git."""

from __future__ import annotations

import os

from msgspec import Struct

from traintrack.errors import HostError


class GitPlace(Struct, frozen=True):
    """Absolute paths: `top` of the working tree, its `git_dir`, and `common_dir`, shared by linked working trees."""

    top: str
    git_dir: str
    common_dir: str

    @property
    def objects(self) -> str:
        """The folder of the object database."""
        return os.path.join(self.common_dir, "objects")

    @property
    def shallow(self) -> bool:
        """Tell if the clone lacks old commits."""
        return os.path.exists(os.path.join(self.common_dir, "shallow"))


def find_place(folder: str) -> GitPlace:
    """Find the repository of a folder by going up from it; variables such as GIT_DIR have no say.

    Raises:
        HostError: it stands in none, or in a damaged one.
    """
    start = os.path.realpath(folder)
    top = start
    while True:
        place = place_at(top)
        if place is not None:
            return place
        above = os.path.dirname(top)
        if above == top:
            raise HostError(
                f"`{start}` is not in the working tree of a git repository",
                code="no-repository",
                hint="git init && git add -A && git commit -m 'Begin'",
            )
        top = above


def place_at(top: str) -> GitPlace | None:
    """Return the repository whose working tree begins at `top`, None if there is none.

    Raises:
        HostError: there is a `.git` that leads nowhere.
    """
    marker = os.path.join(top, ".git")
    if not os.path.lexists(marker):
        return None
    git_dir = _pointed_to(marker, "gitdir: ") if os.path.isfile(marker) else marker
    common = os.path.join(git_dir, "commondir")
    common_dir = _pointed_to(common, "") if os.path.isfile(common) else git_dir
    if os.path.isdir(os.path.join(common_dir, "objects")) and os.path.lexists(os.path.join(git_dir, "HEAD")):
        return GitPlace(top, git_dir, common_dir)
    if os.path.isdir(marker) and not os.path.lexists(os.path.join(marker, "HEAD")):
        return None  # git, too, walks past a folder that only has the name
    raise HostError(f"`{marker}` leads to no repository", code="no-repository", hint="git worktree repair")


def _pointed_to(file: str, prefix: str) -> str:
    """Read a file that holds one path, relative to the file's own folder."""
    with open(file, encoding="utf-8", errors="surrogateescape") as stream:
        text = stream.read(65536).rstrip("\r\n")
    return os.path.realpath(os.path.join(os.path.dirname(file), text.removeprefix(prefix)))
