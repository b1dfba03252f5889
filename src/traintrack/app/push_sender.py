"""Sends results layer after layer, and decides about each what becomes of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Final

from traintrack.app.clean_code import Cleanness
from traintrack.app.push_order import Holding
from traintrack.app.push_report import PushedTarget, Pushing, PushState
from traintrack.app.push_send import Receiver, send, stands_as
from traintrack.app.read_storages import PushPlaces
from traintrack.digest import ArtifactDigest, TargetId
from traintrack.execute.heartbeats import beating
from traintrack.ports.storage import Seen, Storage

SENDERS: Final = 8


class Sender:
    """Sends layer after layer; `rows` say what became of each result so far."""

    def __init__(
        self,
        own: Storage,
        holdings: Mapping[TargetId, Holding],
        cleanness: Mapping[TargetId, Cleanness],
        places: PushPlaces,
        run: str,
        present: ExitStack,
    ) -> None:
        self._own, self._holdings, self._cleanness, self._places = own, holdings, cleanness, places
        self._run, self._present = run, present
        self._receivers: dict[str, Receiver] = {}
        self.rows: dict[TargetId, PushedTarget] = {}
        wanted = {read for one in holdings.values() for read, _, _ in one.inputs()} | set(holdings)
        self._there = {places.clean_name: dict(places.clean.storage.cells.read(wanted))}
        if places.other_name != places.clean_name:
            left = [id_ for id_ in wanted if stands_as(self._there[places.clean_name][id_]) is None]
            self._there[places.other_name] = dict(places.other.storage.cells.read(left))

    def send_layer(self, ids: Collection[TargetId], pushing: Pushing) -> None:
        """Send what may go of a layer, several at once."""
        going = []
        for id_ in ids:
            row = self._decided(id_, pushing)
            if row is None:
                going.append(id_)
                self._receiver(self._place(id_))
            else:
                self.rows[id_] = row
        with ThreadPoolExecutor(SENDERS, thread_name_prefix="traintrack-push") as pool:
            self.rows |= zip(going, pool.map(self._send, going), strict=True)

    def holding(self, id_: TargetId) -> Holding:
        """A result that is pushed."""
        return self._holdings[id_]

    def receivers(self) -> Mapping[str, Receiver]:
        """The namespaces that something was sent to, by name."""
        return self._receivers

    def _decided(self, id_: TargetId, pushing: Pushing) -> PushedTarget | None:
        """What becomes of a result without sending it; None if it goes."""
        holding = self._holdings[id_]
        if holding.result.home:
            return self._row(id_, PushState.BROUGHT_IN, f"it came from {holding.result.home}")
        standing = self._standing(id_)
        if standing == holding.result.artifact:
            return self._row(id_, PushState.THERE)
        if standing is not None:
            return self._row(id_, PushState.DIFFERS, "other bytes stand there for it, and stay")
        other = next((read for read in holding.inputs() if self._standing(read[0]) not in (None, read[1])), None)
        if other is not None:
            return self._row(id_, PushState.REFUSED, f"it was made from other bytes of {other[2] or other[0][:12]}")
        if pushing is Pushing.CLEAN and self._cleanness[id_] is Cleanness.DIRTY:
            return self._row(id_, PushState.DIRTY, "its code is not pushed")
        missing = next((read for read, _, _ in holding.inputs() if self._is_behind(read)), None)
        if missing is not None:
            return self._row(id_, PushState.BEHIND, f"{self.rows[missing].label} is not there")
        return None

    def _is_behind(self, id_: TargetId) -> bool:
        row = self.rows.get(id_)
        return row is not None and not row.state.is_there

    def _standing(self, id_: TargetId) -> ArtifactDigest | None:
        """What stands there for an ID, in the namespaces that its place lets one see."""
        clean = self._there[self._places.clean_name].get(id_)
        found = stands_as(clean) if clean is not None else None
        if found is not None or self._cleanness.get(id_) is Cleanness.CLEAN:
            return found
        other = self._there.get(self._places.other_name, {}).get(id_)
        return stands_as(other) if other is not None else None

    def _send(self, id_: TargetId) -> PushedTarget:
        name = self._place(id_)
        seen = send(self._own, self._holdings[id_], self._receivers[name])
        if seen is None:
            return self._row(id_, PushState.SENT, size_bytes=self._holdings[id_].record.size_bytes)
        self._there[name][id_] = seen
        return self._decided(id_, Pushing.ALL) or self._row(id_, PushState.BUSY, _busy(seen))

    def _place(self, id_: TargetId) -> str:
        places = self._places
        return places.clean_name if self._cleanness[id_] is Cleanness.CLEAN else places.other_name

    def _receiver(self, name: str) -> Receiver:
        if name not in self._receivers:
            opened = self._places.clean if name == self._places.clean_name else self._places.other
            owner = self._present.enter_context(opened.storage.present(self._run))
            storage, beats = beating(opened.storage, lambda _: None)
            if beats is not None:
                self._present.callback(beats.close)
                beats.start()
            self._receivers[name] = Receiver(storage, opened.staging, owner)
        return self._receivers[name]

    def _row(self, id_: TargetId, state: PushState, detail: str = "", size_bytes: int = 0) -> PushedTarget:
        label = self._holdings[id_].record.label
        return PushedTarget(label, id_, state, self._place(id_), self._cleanness[id_], detail, size_bytes)


def _busy(seen: Seen) -> str:
    owner = seen.cell.owner if seen.cell else None
    return f"{owner.user}@{owner.host} in {owner.run} is making it there" if owner else "it is being made there"
