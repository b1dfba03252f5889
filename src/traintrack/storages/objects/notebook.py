"""What a machine remembers of a store: a small database in the cache folder. Without it everything is asked anew.

It may be deleted or damaged at any time: whatever goes wrong with it counts as not knowing.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS word (namespace TEXT PRIMARY KEY, word TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cell (namespace TEXT, id BLOB, etag TEXT NOT NULL, data BLOB NOT NULL,
                                 PRIMARY KEY (namespace, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mark (one INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS stored (key TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_PATIENCE_S: Final = 1.0
_PASSING: Final = frozenset((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY))
_AT_ONCE: Final = 500


class Notebook:
    """The notes on one store, shared by all processes of a user. Safe between threads.

    Cells are noted under a word, the content of `gc/evicted` when they were read: under another word they mean nothing.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._guard = path, threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._pid = 0

    def mark(self) -> bytes | None:
        """The mark of the store that the notes are on, None if there are none."""
        rows = self._do("SELECT data FROM mark", [()])
        return rows[0][0] if rows else None

    def begin_store(self, mark: bytes) -> None:
        """Forget everything that was noted on another store of the same address."""
        if self.mark() == mark:
            return
        for table in ("cell", "word", "stored"):
            self._do(f"DELETE FROM {table}", [()])  # noqa: S608 - a name of ours
        self._do("INSERT OR REPLACE INTO mark VALUES (1, ?)", [(mark,)])

    def word(self, namespace: str) -> str | None:
        """The word that the cells of a namespace are noted under, None if there is none."""
        rows = self._do("SELECT word FROM word WHERE namespace = ?", [(namespace,)])
        return rows[0][0] if rows else None

    def begin(self, namespace: str, word: str) -> None:
        """Forget all cells of a namespace that were noted under another word, and what is known to be stored.

        Whoever sets damaged objects aside writes a new word: else those would never be sent again from here.
        """
        if self.word(namespace) == word:
            return
        self._do("DELETE FROM stored", [()])
        self._do("DELETE FROM cell WHERE namespace = ?", [(namespace,)])
        self._do("INSERT OR REPLACE INTO word VALUES (?, ?)", [(namespace, word)])

    def cells(self, namespace: str, word: str, ids: Sequence[str]) -> Iterator[tuple[str, str, bytes]]:
        """Yield ID, etag and bytes of those cells that are noted under the word."""
        if self.word(namespace) != word:
            return
        for some in _batches(ids):
            marks = ",".join("?" * len(some))
            found = self._do(
                f"SELECT id, etag, data FROM cell WHERE namespace = ? AND id IN ({marks})",  # noqa: S608 - marks only
                [(namespace, *map(bytes.fromhex, some))],
            )
            for id_, etag, data in found:
                yield id_.hex(), etag, data

    def note_cells(self, namespace: str, word: str, cells: Iterable[tuple[str, str, bytes]]) -> None:
        """Note ID, etag and bytes of cells, unless another process has learnt of a new word."""
        self._do(
            "INSERT OR REPLACE INTO cell SELECT ?, ?, ?, ? WHERE EXISTS"
            " (SELECT 1 FROM word WHERE namespace = ? AND word = ?)",
            [(namespace, bytes.fromhex(id_), etag, data, namespace, word) for id_, etag, data in cells],
        )

    def forget_cells(self, namespace: str, ids: Iterable[str]) -> None:
        """Forget cells that are not as they were noted."""
        self._do("DELETE FROM cell WHERE namespace = ? AND id = ?", [(namespace, bytes.fromhex(i)) for i in ids])

    def is_stored(self, key: str) -> bool:
        """Tell if an object that nobody deletes is known to be there."""
        return bool(self._do("SELECT 1 FROM stored WHERE key = ?", [(key,)]))

    def note_stored(self, key: str) -> None:
        """Note that such an object is there."""
        self._do("INSERT OR IGNORE INTO stored VALUES (?)", [(key,)])

    def forget_stored(self, key: str) -> None:
        """Note that it was not there after all."""
        self._do("DELETE FROM stored WHERE key = ?", [(key,)])

    def _do(self, statement: str, rows: Sequence[tuple[object, ...]]) -> list[tuple[Any, ...]]:
        """Run a statement for each row in one transaction; what it found for the last one, nothing if that fails."""
        if not rows:
            return []
        with self._guard:
            try:
                connection = self._opened()
                with connection:
                    if len(rows) == 1:
                        return list(connection.execute(statement, rows[0]))
                    connection.executemany(statement, rows)
            except OSError:
                return []
            except sqlite3.Error as error:
                if error.sqlite_errorcode not in _PASSING:
                    self._discard()
        return []

    def _opened(self) -> sqlite3.Connection:
        """The connection of this process: one that was made before a fork must not be used after it."""
        if self._connection is None or self._pid != os.getpid():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=_PATIENCE_S, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = TRUNCATE")
            connection.execute("PRAGMA synchronous = OFF")  # What a power cut takes is asked anew.
            connection.executescript(_TABLES)
            self._connection, self._pid = connection, os.getpid()
        return self._connection

    def _discard(self) -> None:
        """Remove a damaged database; the next statement begins a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        for end in ("", "-journal"):
            with suppress(OSError):
                os.unlink(f"{self._path}{end}")


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
