"""Which data objects the standing results of a namespace name, and how long each should be; made for a million keys."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct

from traintrack.digest import TargetId
from traintrack.storages.objects.keys import digest_of, round_of
from traintrack.storages.objects.layout import StoredObject, is_data_key


class Named(Struct, frozen=True):
    """An object that layouts name, with the IDs whose results have these layouts."""

    object: StoredObject
    layouts: tuple[str, ...]
    ids: tuple[TargetId, ...]


class NamedObjects:
    """Collects what layouts name; what was found in a listing is ticked off."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._numbers: dict[str, int] = {}
        self._layouts: list[str] = []
        self._ids: list[list[bytes]] = []
        self._open: dict[bytes, tuple[int, ...]] = {}
        """Packed key → size and the numbers of the layouts that say so; a size that was found is -1 - size."""
        self._contradictions: list[tuple[StoredObject, int]] = []

    def add(self, layout: str, objects: Collection[StoredObject], id_: TargetId) -> None:
        """Note that the result of an ID has this layout; `objects` may be left out where another ID came first."""
        number = self._numbers.get(layout)
        if number is None:
            number = self._numbers[layout] = len(self._layouts)
            self._layouts.append(layout)
            self._ids.append([])
        if not self._ids[number] or bytes.fromhex(id_) not in self._ids[number]:
            self._ids[number].append(bytes.fromhex(id_))
        for item in objects:
            self._add(item, number)

    def found(self, key: str, size_bytes: int) -> Named | None:
        """Take in that an object was listed; returned if it is named and has another size."""
        packed = self._packed(key)
        known = self._open.get(packed)
        if known is None:
            return None
        if known[0] != size_bytes:
            return self._named(packed, known)
        self._open[packed] = (-1 - known[0], *known[1:])
        return None

    def of(self, key: str) -> Named | None:
        """Who names an object, listed or not; None if nobody does."""
        packed = self._packed(key)
        known = self._open.get(packed)
        return None if known is None else self._named(packed, known)

    def missing(self) -> Iterator[Named]:
        """What is named and was not found with its size, by all layouts that name it."""
        for packed, known in self._open.items():
            if known[0] >= 0:
                yield self._named(packed, known)
        for item, number in self._contradictions:
            yield Named(item, (self._layouts[number],), self._ids_of((number,)))

    def all(self) -> Iterable[Named]:
        """All that is named."""
        return (self._named(packed, known) for packed, known in self._open.items())

    def _add(self, item: StoredObject, number: int) -> None:
        packed = self._packed(item.key)
        known = self._open.get(packed)
        if known is None:
            self._open[packed] = (item.size_bytes, number)
        elif known[0] not in (item.size_bytes, -1 - item.size_bytes):
            self._contradictions.append((item, number))
        elif number not in known[1:]:
            self._open[packed] = (*known, number)

    def _named(self, packed: bytes, known: tuple[int, ...]) -> Named:
        size = known[0] if known[0] >= 0 else -1 - known[0]
        layouts = tuple(self._layouts[number] for number in known[1:])
        return Named(StoredObject(self._unpacked(packed), size), layouts, self._ids_of(known[1:]))

    def _ids_of(self, numbers: Iterable[int]) -> tuple[TargetId, ...]:
        return tuple(dict.fromkeys(TargetId(raw.hex()) for number in numbers for raw in self._ids[number]))

    def _packed(self, key: str) -> bytes:
        """Half as long as the key, where it is one that is named by its bytes."""
        if not is_data_key(key, self._prefix):
            return key.encode()
        return b"\0" + bytes.fromhex(digest_of(key)) + str(round_of(key)).encode()

    def _unpacked(self, packed: bytes) -> str:
        if packed[:1] != b"\0":
            return packed.decode()
        digest = packed[1:33].hex()
        return f"{self._prefix}{digest[:2]}/{digest}.{packed[33:].decode()}"
