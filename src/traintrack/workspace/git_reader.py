"""One persistent `git cat-file` that serves all look-ups of objects, each checked against its name."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, NamedTuple

from traintrack.errors import HostError, IntegrityError
from traintrack.workspace.git_object import object_name
from traintrack.workspace.git_process import Git, git_failed

if TYPE_CHECKING:
    from subprocess import Popen

_FORMAT = "%(objectname) %(objecttype) %(objectsize)"


class Found(NamedTuple):
    """An object: `kind` is `blob`, `tree`, `commit` or `tag`; `data` is empty where only the head was asked for."""

    kind: str
    size_bytes: int
    data: bytes


class GitReader:
    """Asks `git cat-file --batch-command` for objects by their full hashes: nothing else ever enters its input.

    Safe to use from several threads. The process starts at the first question.
    """

    def __init__(self, git: Git, complaints: str) -> None:
        self._git = git
        self._complaints = complaints
        self._process: Popen[bytes] | None = None
        self._lock = threading.Lock()

    def contents(self, oids: Sequence[str]) -> list[Found | None]:
        """Return the objects in order, None for each that is not in the repository.

        Raises:
            IntegrityError: the bytes of an object are not those that its name promises.
            HostError: git fails.
        """
        found = self._converse("contents", oids, _read_object)
        for oid, item in zip(oids, found, strict=True):
            if item is not None and object_name(item.kind, item.data, len(oid)) != oid:
                raise IntegrityError(f"git object `{oid}` is damaged", code="object-damaged", hint="git fsck")
        return found

    def heads(self, oids: Sequence[str]) -> list[Found | None]:
        """Return type and size of the objects in order, None for each that is not in the repository.

        Raises:
            HostError: git fails.
        """
        return self._converse("info", oids, _read_head)

    def close(self) -> None:
        """End the process; a later question starts another."""
        with self._lock:
            self._end()

    def _converse(
        self, verb: str, oids: Sequence[str], read: Callable[[IO[bytes], str], Found | None]
    ) -> list[Found | None]:
        if not oids:
            return []
        questions = "".join(f"{verb} {oid}\n" for oid in oids)
        with self._lock:
            try:
                asked, answers = self._pipes()
                # git reads until `flush` and answers then: neither side waits on a full pipe.
                asked.write(f"{questions}flush\n".encode("ascii"))
                asked.flush()
                return [read(answers, oid) for oid in oids]
            except BaseException as error:
                # Half a conversation would give its rest as the answer to the next question.
                self._end()
                if isinstance(error, BrokenPipeError | EOFError | ValueError):
                    raise git_failed("cat-file", self._complaint()) from error
                raise

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process is None:
            with open(self._complaints, "wb") as complaints:
                words = ("cat-file", f"--batch-command={_FORMAT}", "--buffer")
                self._process = self._git.start(words, complaints)
        asked, answers = self._process.stdin, self._process.stdout
        if asked is None or answers is None:
            raise HostError("git gave no pipes", code="git-failed", hint="try again")
        return asked, answers

    def _end(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                _close_quietly(pipe)
        process.wait()

    def _complaint(self) -> str:
        if not os.path.exists(self._complaints):
            return ""
        with open(self._complaints, encoding="utf-8", errors="replace") as stream:
            return stream.read(65536)


def _read_head(answers: IO[bytes], oid: str) -> Found | None:
    line = answers.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    words = line.decode("ascii", "replace").split()
    if words == [oid, "missing"]:
        return None
    if len(words) != 3 or words[0] != oid:
        raise EOFError
    return Found(words[1], int(words[2]), b"")


def _read_object(answers: IO[bytes], oid: str) -> Found | None:
    head = _read_head(answers, oid)
    if head is None:
        return None
    data = answers.read(head.size_bytes + 1)
    if len(data) != head.size_bytes + 1:
        raise EOFError
    return Found(head.kind, head.size_bytes, data[:-1])


def _close_quietly(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:
        return  # what was still to be written has no reader any more
