"""The repositories of submodules, as `git submodule update` has put them beside the outer one."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Sequence

from traintrack.errors import HostError
from traintrack.workspace.git_objects import GitObjects
from traintrack.workspace.git_place import GitPlace, place_at
from traintrack.workspace.lfs import LargeFiles
from traintrack.workspace.source_control import TreeEntry


class Submodule:
    """The objects of one; closed when nobody has it any more."""

    def __init__(self, place: GitPlace, root: str) -> None:
        self.place = place
        self.large_files = LargeFiles(place, root)
        self.submodules = Submodules(place, root)
        self._objects = GitObjects(place)
        weakref.finalize(self, self._objects.close)

    def has(self, commit: str) -> bool:
        """Tell if the commit is here."""
        return len(commit) == self._objects.digits and self._objects.tree_of_commit(commit) is not None

    def commit_object(self, commit: str) -> bytes:
        """Return the bytes of a commit that is here."""
        data = self._objects.commit(commit)
        assert data is not None
        return data

    def entries(self, object_id: str) -> Sequence[TreeEntry]:
        """Everything but folders below the tree, sorted by path."""
        return self._objects.entries(object_id)

    def blobs(self, oids: Sequence[str]) -> Iterator[bytes]:
        """The contents of blobs, in order."""
        return self._objects.blobs(oids)


class Submodules:
    """Finds the repository that holds a commit: a commit's name says what it is, wherever it lies."""

    def __init__(self, place: GitPlace, root: str) -> None:
        self._place, self._root = place, root
        self._opened: dict[str, Submodule] = {}
        self._found: dict[str, Submodule | None] = {}

    def find(self, commit: str, name: str) -> Submodule | None:
        """Return the repository of the submodule at `name`, from the root; None if none here has the commit.

        Raises:
            HostError: git fails.
        """
        if commit not in self._found:
            candidates = (self._open(place) for place in self._candidates(name))
            self._found[commit] = next((one for one in candidates if one.has(commit)), None)
        return self._found[commit]

    def _open(self, place: GitPlace) -> Submodule:
        if place.git_dir not in self._opened:
            self._opened[place.git_dir] = Submodule(place, self._root)
        return self._opened[place.git_dir]

    def _candidates(self, name: str) -> Iterator[GitPlace]:
        """The one that is checked out there first; it is the one in most cases."""
        try:
            standing = place_at(os.path.join(self._root, name))
        except HostError:
            standing = None
        if standing is not None:
            yield standing
        for base in dict.fromkeys((self._place.git_dir, self._place.common_dir)):
            yield from _modules(f"{base}/modules")


def _modules(folder: str) -> Iterator[GitPlace]:
    """The git folders below `modules`; a submodule's name may have slashes."""
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        path = f"{folder}/{name}"
        if os.path.isdir(f"{path}/objects") and os.path.isfile(f"{path}/HEAD"):
            yield GitPlace(path, path, path)
        elif os.path.isdir(path) and not os.path.islink(path):
            yield from _modules(path)
