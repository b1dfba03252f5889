"""What stands at a path at a revision, from TTLOCK.yaml or git; each question is asked once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from traintrack.digest import sha256_hex
from traintrack.errors import InputError, Location
from traintrack.workspace.model import Lock
from traintrack.workspace.source_control import HEAD, WORKTREE, SourceControl

_FULL_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_CONFIG_FILE = re.compile(r"(?:.*/)?TT[^/]*\.yaml\Z", re.DOTALL)

T = TypeVar("T")


@runtime_checkable
class FindsConfigFiles(Protocol):
    """A source control that can answer this without listing a tree."""

    def has_config_file(self, revision: str, path: str) -> str | None:
        """The first `TT*.yaml` file at or below the path, from the workspace root; None if there is none."""


class Revisions:
    """Answers with the lock first, since it also knows commits that a shallow clone or a squash-merge took away.

    What git said, mistakes too, is remembered for all targets; what a lock says holds for its experiment alone.
    """

    def __init__(self, source: SourceControl) -> None:
        self._source = source
        self._objects: dict[tuple[str, str], str | InputError] = {}
        self._sha256: dict[tuple[str, str], str | InputError] = {}
        self._contents: dict[tuple[str, str], bytes | InputError] = {}
        self._config_files: dict[tuple[str, str], str | None] = {}

    def object_at(self, revision: str, path: str, lock: Lock, place: Location) -> str:
        """The tree id of a folder, `<mode>:<blob id>` of a file.

        Raises:
            InputError: it does not exist there, the commit is unknown, or at `HEAD` and `worktree` it holds
                TT*.yaml files, whose content must not decide an ID.
        """
        pinned = lock.trees.get(revision, {}).get(path)
        if pinned is not None:
            return pinned
        object_id = _known(self._objects, (revision, path), place, lambda: self._object(revision, path))
        found = self._config_file(revision, path, object_id) if revision in (HEAD, WORKTREE) else None
        if found is not None:
            raise InputError(
                f"`{path}` at `{revision}` holds `{found}`, so that an ID would depend on itself",
                code="config-in-paths",
                location=place,
                hint="move the code into a folder of its own, such as `src`, and name only that",
            )
        return object_id

    def sha256_at(self, revision: str, path: str, lock: Lock, place: Location) -> str:
        """The SHA-256 of a file, such as a lock file.

        Raises:
            InputError: it is not a file there, or the commit is unknown.
        """
        pinned = lock.locks.get(revision, {}).get(path)
        if pinned is not None:
            return pinned
        key = (revision, path)
        return _known(self._sha256, key, place, lambda: sha256_hex(self._content(revision, path)))

    def content_at(self, revision: str, path: str, lock: Lock, place: Location) -> bytes:
        """The bytes of a file, also of a commit that is gone if the lock names the blob and git still has it.

        Raises:
            InputError: it is not a file there, or the commit is unknown.
        """
        key = (revision, path)
        try:
            return _known(self._contents, key, place, lambda: self._content(revision, path))
        except InputError:
            mode, colon, oid = lock.trees.get(revision, {}).get(path, "").partition(":")
            if not colon or not mode.startswith("100"):
                raise
            return b"".join(self._source.blobs([oid]))

    def _object(self, revision: str, path: str) -> str:
        object_id = self._source.object_at(revision, path)
        if object_id is None:
            raise _missing(revision, path)
        return object_id

    def _content(self, revision: str, path: str) -> bytes:
        data = self._source.read(revision, path)
        if data is None:
            raise _missing(revision, path)
        return data

    def _config_file(self, revision: str, path: str, object_id: str) -> str | None:
        key = (revision, path)
        if key not in self._config_files:
            self._config_files[key] = self._look_for_config(revision, path, object_id)
        return self._config_files[key]

    def _look_for_config(self, revision: str, path: str, object_id: str) -> str | None:
        if isinstance(self._source, FindsConfigFiles):
            return self._source.has_config_file(revision, path)
        if ":" in object_id:
            return path if _CONFIG_FILE.match(path) else None
        names = (entry.path for entry in self._source.entries(object_id) if _CONFIG_FILE.match(entry.path))
        name = next(names, None)
        return name if name is None or path == "." else f"{path}/{name}"


def is_full_hash(revision: str) -> bool:
    """Tell if a revision is a full commit hash, SHA-1 or SHA-256."""
    return _FULL_HASH.match(revision) is not None


def clean_path(path: str) -> str:
    """Spell a path from the workspace root in the one way that is hashed: no `./`, no `/` at the end, `.` for the root.

    Raises:
        ValueError: the path leaves the workspace.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts or not path:
        raise ValueError(f"`{path}` is not a path inside the workspace")
    return "/".join(parts) or "."


def clean_paths(paths: Sequence[str], place: Location) -> tuple[str, ...]:
    """Clean several paths, each once, in order.

    Raises:
        InputError: one leaves the workspace.
    """
    try:
        return tuple(dict.fromkeys(map(clean_path, paths)))
    except ValueError as error:
        raise InputError(
            str(error), code="bad-path", location=place, hint="write it from the workspace root, as in `src/model`"
        ) from error


def _missing(revision: str, path: str) -> InputError:
    where = {HEAD: "in `HEAD`", WORKTREE: "in the working tree"}.get(revision, f"at commit `{revision[:12]}`")
    hint = f"correct the path, or add it with `git add {path}` and commit"
    if is_full_hash(revision):
        hint = f"correct the path, or take a commit that has it: `git log -1 --format=%H -- {path}`"
    return InputError(f"`{path}` does not exist {where}", code="missing-path", hint=hint)


def _known(
    answers: dict[tuple[str, str], T | InputError], key: tuple[str, str], place: Location, ask: Callable[[], T]
) -> T:
    """Ask once per key; a mistake is told again at the place of each who asks."""
    if key not in answers:
        try:
            answers[key] = ask()
        except InputError as error:
            answers[key] = error
    answer = answers[key]
    if isinstance(answer, InputError):
        raise InputError(
            answer.message,
            code=answer.code,
            location=answer.location or place,
            hint=answer.hint or "fetch the commit with `git fetch`, or name one that the repository has",
            details=answer.details,
        ) from answer
    return answer
