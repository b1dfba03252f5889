"""Cells as objects: compare-and-swap by etag, and an unclear answer is read before anything is decided."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from traintrack.action.cell import Cell, CellState, Owner
from traintrack.digest import TargetId
from traintrack.errors import InternalError
from traintrack.ports.objects import Etag, Objects, PreconditionFailedError, UnknownOutcomeError
from traintrack.ports.storage import CellConflictError, Liveness, Seen, Want
from traintrack.storages.local.cell_file import cell_bytes, read_cell
from traintrack.storages.objects.keys import Keys
from traintrack.storages.objects.known_cells import Evictions, KnownCells
from traintrack.storages.objects.pace import Pace, Patience, patiently
from traintrack.storages.objects.presence import is_process_here, seen_from_here
from traintrack.storages.objects.silence import Rhythm, Silence
from traintrack.storages.want_list import WantList

READERS = 64
"""Requests in flight when many cells are read."""

LOOK_HERE_S = 0.25
"""So often a waiter looks at the processes of its own machine, which costs no request."""


class ObjectCells:
    """The cells of one namespace. The version of a cell is its etag, empty if it is absent.

    `known`, `evictions` and `wants` are for those who come for results; a collector does without.
    """

    def __init__(
        self,
        objects: Objects,
        keys: Keys,
        pace: Pace,
        rhythm: Rhythm | None = None,
        readers: int = READERS,
        *,
        known: KnownCells | None = None,
        evictions: Evictions | None = None,
        want_list: WantList | None = None,
    ) -> None:
        self._objects, self._keys, self._pace = objects, keys, pace
        self._rhythm = rhythm or Rhythm()
        self._silence = Silence(pace, self._rhythm)
        self._readers = readers
        self._known, self._evictions, self._want_list = known, evictions, want_list

    @property
    def heartbeat_s(self) -> float:
        """How often a holder must beat: nothing else shows that it lives."""
        return self._rhythm.heartbeat_s

    def read(self, ids: Collection[TargetId]) -> Mapping[TargetId, Seen]:
        """Return every cell asked for.

        Raises:
            IntegrityError: a cell is damaged.
            HostError: there was no clear answer until the deadline.
        """
        wanted = tuple(dict.fromkeys(ids))
        threads = min(self._readers, len(wanted))
        if threads <= 1:
            return self._learnt({id_: self._read(id_) for id_ in wanted})
        with ThreadPoolExecutor(threads, thread_name_prefix="traintrack-read") as pool:
            return self._learnt(dict(zip(wanted, pool.map(self._read, wanted), strict=True)))

    def remembered(self, ids: Collection[TargetId]) -> Mapping[TargetId, Seen]:
        """Return those cells that this machine has seen DONE, as long as nothing was evicted; see `RemembersDone`."""
        return self._known.find(ids) if self._known is not None else {}

    def wants(self, id_: TargetId) -> tuple[Want, ...]:
        """Who waits for an ID; see `Wants`."""
        return self._want_list.of(id_) if self._want_list is not None else ()

    def swap(self, seen: Seen, cell: Cell) -> Seen:
        """Replace what was `seen` by `cell`, or raise.

        The request is sent again while the etag is the one that was seen: at most one of them can take effect, as
        no two writes have the same nonce and so no etag comes back. One's own write is known by its nonce.

        Raises:
            CellConflictError: the cell is not as it was seen.
            HostError: there was no clear answer until the deadline; the write may still take effect.
        """
        if not cell.nonce or (seen.cell is not None and cell.nonce == seen.cell.nonce):
            raise InternalError("a cell is written twice under one nonce", code="cell-nonce")
        if self._evictions is None or seen.cell is None or seen.cell.state is not CellState.DONE:
            return self._swap(seen, cell)
        with self._evictions.going_on():
            return self._swap(seen, cell)

    def _swap(self, seen: Seen, cell: Cell) -> Seen:
        data = cell_bytes(cell, seen.id)
        patience = Patience(self._pace, f"write the cell of {seen.id[:12]}")
        while True:
            try:
                return self._learnt_one(self._noted(Seen(seen.id, cell, self._put(seen, data))))
            except PreconditionFailedError as error:
                cause: Exception = error
            except UnknownOutcomeError as error:
                cause = error
            now = self._learnt_one(self._read(seen.id))
            if now.cell is not None and now.cell.nonce == cell.nonce:
                return now
            if now.version != seen.version:
                raise CellConflictError(now)
            patience.pause(cause)

    def liveness(self, owner: Owner) -> Liveness:
        """Tell if a holder is still there: by its process if that was on this machine, else by the silence of its cell.

        Silence counts since this process first read the cell.
        """
        here = seen_from_here(owner)
        return here if here is not Liveness.UNKNOWN else self._silence.liveness(owner.token)

    def wait(self, seen: Collection[Seen], timeout_s: float) -> None:
        """Return when a cell has changed or its holder was silent for long enough; looks every 1 to 5 s."""
        until = self._pace.monotonic() + timeout_s
        while (left_s := until - self._pace.monotonic()) > 0:
            poll_s = min((self._silence.poll_s(s.id) for s in seen), default=left_s)
            pause_s = poll_s * (0.8 + 0.4 * self._pace.spread())
            self._sleep(seen, min(pause_s, left_s))
            if pause_s >= left_s:
                return  # The caller looks now; twice in one moment would only cost.
            now = self.read([s.id for s in seen])
            if any(now[s.id].version != s.version or self._is_gone(now[s.id]) for s in seen):
                return
            if self._want_list is not None:
                self._want_list.add(s.id for s in seen)

    def _sleep(self, seen: Collection[Seen], seconds: float) -> None:
        """Sleep, but wake when a holder on this machine dies."""
        here = [o for s in seen if (o := _owner_of(s)) is not None and is_process_here(o)]
        until = self._pace.monotonic() + seconds
        while here and (left_s := until - self._pace.monotonic()) > 0:
            if any(seen_from_here(owner) is Liveness.GONE for owner in here):
                return
            self._pace.sleep(min(left_s, LOOK_HERE_S))
        if not here:
            self._pace.sleep(seconds)

    def _is_gone(self, seen: Seen) -> bool:
        owner = _owner_of(seen)
        return owner is not None and self.liveness(owner) is Liveness.GONE

    def _learnt_one(self, seen: Seen) -> Seen:
        self._learnt({seen.id: seen})
        return seen

    def _learnt(self, cells: Mapping[TargetId, Seen]) -> Mapping[TargetId, Seen]:
        if self._known is not None:
            self._known.learn(cells.values())
        if self._want_list is not None:
            for seen in cells.values():
                self._want_list.saw((seen,))
        return cells

    def _put(self, seen: Seen, data: bytes) -> Etag:
        key = self._keys.cell(seen.id)
        if not seen.version:
            return self._objects.put_if_absent(key, data)
        return self._objects.put_if_match(key, data, Etag(seen.version))

    def _read(self, id_: TargetId) -> Seen:
        key = self._keys.cell(id_)
        got = patiently(self._pace, f"read the cell of {id_[:12]}", lambda: self._objects.get(key))
        if got is None:
            return self._noted(Seen(id_, None, ""))
        return self._noted(Seen(id_, read_cell(got.data, id_), got.etag))

    def _noted(self, seen: Seen) -> Seen:
        cell = seen.cell
        held = cell is not None and cell.state is CellState.HELD and cell.owner is not None
        self._silence.observe(seen.id, seen.version, cell.owner.token if held and cell and cell.owner else None)
        return seen


def _owner_of(seen: Seen) -> Owner | None:
    return seen.cell.owner if seen.cell is not None else None
