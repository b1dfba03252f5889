"""Cells as objects: compare-and-swap by etag, and an unclear answer is read before anything is decided."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from traintrack.action.cell import Cell, CellState, Owner, decode_cell, encode_cell
from traintrack.digest import TargetId
from traintrack.errors import InternalError
from traintrack.ports.objects import Etag, Objects, PreconditionFailedError, UnknownOutcomeError
from traintrack.ports.storage import CellConflictError, Liveness, Seen
from traintrack.storages.objects.keys import Keys
from traintrack.storages.objects.pace import Pace, Patience, patiently
from traintrack.storages.objects.silence import Rhythm, Silence

READERS = 16


class ObjectCells:
    """The cells of one namespace. The version of a cell is its etag, empty if it is absent."""

    def __init__(
        self, objects: Objects, keys: Keys, pace: Pace, rhythm: Rhythm | None = None, readers: int = READERS
    ) -> None:
        self._objects, self._keys, self._pace = objects, keys, pace
        self._rhythm = rhythm or Rhythm()
        self._silence = Silence(pace, self._rhythm)
        self._readers = readers

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
        if len(wanted) == 1 or self._readers == 1:
            return {id_: self._read(id_) for id_ in wanted}
        with ThreadPoolExecutor(self._readers, thread_name_prefix="traintrack-read") as pool:
            return dict(zip(wanted, pool.map(self._read, wanted), strict=True))

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
        data = encode_cell(cell)
        patience = Patience(self._pace, f"write the cell of {seen.id[:12]}")
        while True:
            try:
                return self._noted(Seen(seen.id, cell, self._put(seen, data)))
            except PreconditionFailedError as error:
                cause: Exception = error
            except UnknownOutcomeError as error:
                cause = error
            now = self._read(seen.id)
            if now.cell is not None and now.cell.nonce == cell.nonce:
                return now
            if now.version != seen.version:
                raise CellConflictError(now)
            patience.pause(cause)

    def liveness(self, owner: Owner) -> Liveness:
        """Tell if a holder is still there, by the silence of its cell since this process first read it."""
        return self._silence.liveness(owner.token)

    def wait(self, seen: Collection[Seen], timeout_s: float) -> None:
        """Return when a cell has changed or its holder was silent for long enough; looks every 1 to 5 s."""
        until = self._pace.monotonic() + timeout_s
        while (left_s := until - self._pace.monotonic()) > 0:
            poll_s = min((self._silence.poll_s(s.id) for s in seen), default=left_s)
            self._pace.sleep(min(poll_s * (0.8 + 0.4 * self._pace.spread()), left_s))
            now = self.read([s.id for s in seen])
            if any(now[s.id].version != s.version or self._is_gone(now[s.id]) for s in seen):
                return

    def _is_gone(self, seen: Seen) -> bool:
        owner = seen.cell.owner if seen.cell else None
        return owner is not None and self.liveness(owner) is Liveness.GONE

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
        return self._noted(Seen(id_, decode_cell(got.data, id_), got.etag))

    def _noted(self, seen: Seen) -> Seen:
        cell = seen.cell
        held = cell is not None and cell.state is CellState.HELD and cell.owner is not None
        self._silence.observe(seen.id, seen.version, cell.owner.token if held and cell and cell.owner else None)
        return seen
