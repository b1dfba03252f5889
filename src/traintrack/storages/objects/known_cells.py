"""Cells that were seen DONE, remembered beside the cache, so that a run over what stands asks the store for nothing.

They are believed while `<namespace>/gc/evicted` has the word that it had when they were read. Whoever takes a result
away writes a new word before, so that nobody believes longer, and one after, so that nobody who read the cell in
between goes on believing. A belief that is wrong all the same is harmless: what is about to be consumed is looked for.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from traintrack.action.cell import CellState, decode_cell, encode_cell, new_nonce
from traintrack.digest import TargetId
from traintrack.errors import IntegrityError
from traintrack.ports.objects import Objects
from traintrack.ports.storage import Seen
from traintrack.storages.objects.keys import Keys
from traintrack.storages.objects.notebook import Notebook
from traintrack.storages.objects.pace import DEADLINE_S, Pace, patiently


class Evictions:
    """Writes `gc/evicted` before and after results are taken away. Safe between threads."""

    def __init__(self, objects: Objects, keys: Keys, pace: Pace) -> None:
        self._objects, self._keys, self._pace = objects, keys, pace
        self._guard = threading.Lock()
        self._under_way = 0

    def word(self, deadline_s: float = DEADLINE_S) -> str | None:
        """The word as it is now, None if there is none.

        Raises:
            HostError: there was no clear answer until the deadline.
        """
        got = patiently(self._pace, "read what was evicted", lambda: self._objects.get(self._keys.evicted), deadline_s)
        return got.data.decode("ascii", "replace") if got else None

    def write(self) -> None:
        """Put a new word.

        Raises:
            HostError: there was no clear answer until the deadline.
        """
        data = new_nonce().encode()
        patiently(self._pace, "say that something is evicted", lambda: self._objects.put(self._keys.evicted, data))

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Take results away while this is open: any number of them for two writes.

        Raises:
            HostError: there was no clear answer until the deadline.
        """
        with self._guard:
            if not self._under_way:
                self.write()
            self._under_way += 1
        try:
            yield
        finally:
            with self._guard:
                self._under_way -= 1
                if not self._under_way:
                    self.write()


class KnownCells:
    """The DONE cells that this machine knows of one namespace, as they were under `word`."""

    def __init__(self, notebook: Notebook, namespace: str, word: str) -> None:
        self._notebook, self._namespace, self._word = notebook, namespace, word
        self._guard = threading.Lock()
        self._gone: set[TargetId] = set()
        notebook.begin(namespace, word)

    def find(self, ids: Collection[TargetId]) -> dict[TargetId, Seen]:
        """The cells that are known, of those asked for."""
        found = {}
        for text, etag, data in self._notebook.cells(self._namespace, self._word, tuple(ids)):
            id_ = TargetId(text)
            if id_ in self._gone:
                continue
            try:
                found[id_] = Seen(id_, decode_cell(data, id_), etag)
            except IntegrityError:
                continue
        return found

    def learn(self, cells: Iterable[Seen]) -> None:
        """Take in cells that were read or written: those that are DONE are known from now on, no other is."""
        done, other = [], []
        for seen in cells:
            if seen.cell is not None and seen.cell.state is CellState.DONE:
                done.append((seen.id, seen.version, encode_cell(seen.cell)))
            else:
                other.append(seen.id)
        with self._guard:
            self._gone.difference_update(id_ for id_, _, _ in done)
            self._gone.update(other)
        if done:
            self._notebook.note_cells(self._namespace, self._word, done)
        if other:
            self._notebook.forget_cells(self._namespace, other)
