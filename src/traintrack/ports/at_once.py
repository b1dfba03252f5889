"""Questions to a storage that are asked one by one: at once where each of them crosses a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from traintrack.ports.storage import Storage

IN_FLIGHT: Final = 64

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def at_once(storage: Storage, ask: Callable[[Item], Answer], items: Sequence[Item]) -> list[Answer]:
    """Return the answer for each item, in order; the first error in that order is raised.

    On a disk of this machine threads would only contend: a storage whose holders must beat is elsewhere.
    """
    if len(items) < 2 or storage.cells.heartbeat_s is None:
        return [ask(item) for item in items]
    with ThreadPoolExecutor(min(IN_FLIGHT, len(items)), thread_name_prefix="traintrack-ask") as pool:
        return list(pool.map(ask, items))
