"""The mark of a store in a bucket, `store.json`: made once, and the same for all who use the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from traintrack.action.cell import new_nonce
from traintrack.action.stored import decode_stored
from traintrack.errors import HostError, InputError, IntegrityError
from traintrack.ports.objects import Objects, PreconditionFailedError, UnknownOutcomeError
from traintrack.storages.objects.keys import STORE_MARK, Keys
from traintrack.storages.objects.known_cells import Evictions
from traintrack.storages.objects.pace import Pace, Patience, patiently
from traintrack.storages.objects.rounds import Rounds
from traintrack.storages.objects.silence import Rhythm

STORE_FORMAT: Final = "traintrack/store"
STORE_VERSION: Final = 1
HASH: Final = "blake3"

Probe = Callable[[], Mapping[str, Any]]
"""Looks if the bucket keeps the conditions that the protocol needs, and tells what it found.

Raises:
    HostError: it does not, so that nothing can be shared there.
"""


class StoreMark(Struct, frozen=True):
    """What is decided with a store. `id` is random; `probe` is what the first look at the bucket found."""

    id: str
    heartbeat_s: float = 10.0
    hash: str = HASH
    probe: Mapping[str, Any] = field(default_factory=dict)
    version: int = STORE_VERSION
    format: str = STORE_FORMAT

    @property
    def rhythm(self) -> Rhythm:
        """How often all holders of this store beat: a waiter with a rhythm of its own would take the living for dead."""
        return rhythm_of(self.heartbeat_s)


def rhythm_of(heartbeat_s: float) -> Rhythm:
    """The rhythm that goes with a heartbeat: waiters look ten times in the first one, later twice."""
    usual = Rhythm()
    first, longest = usual.first_poll_s / usual.heartbeat_s, usual.longest_poll_s / usual.heartbeat_s
    return Rhythm(
        heartbeat_s, min(usual.first_poll_s, first * heartbeat_s), min(usual.longest_poll_s, longest * heartbeat_s)
    )


def read_mark(objects: Objects, pace: Pace, name: str) -> StoreMark | None:
    """Read the mark of a store, None if there is no store yet.

    Raises:
        IntegrityError: it is damaged, or of a newer format.
        HostError: there was no clear answer until the deadline.
    """
    got = patiently(pace, f"open the store {name}", lambda: objects.get(STORE_MARK))
    return None if got is None else decode_mark(got.data, name)


def make_mark(objects: Objects, pace: Pace, name: str, probe: Probe, heartbeat_s: float | None) -> StoreMark:
    """Make a store where there is none; of those who do so at once, one decides for all.

    Raises:
        HostError: the bucket does not keep conditions, or there was no clear answer until the deadline.
        IntegrityError: another has made one of a newer format.
    """
    found = probe()
    mark = StoreMark(new_nonce(), heartbeat_s or StoreMark("").heartbeat_s, probe=found)
    patience = Patience(pace, f"make the store {name}")
    while True:
        try:
            objects.put_if_absent(STORE_MARK, msgspec.json.encode(mark))
            return mark
        except PreconditionFailedError as error:
            cause: Exception = error
        except UnknownOutcomeError as error:
            cause = error
        there = read_mark(objects, pace, name)
        if there is not None:
            return there
        patience.pause(cause)


def make_namespace(objects: Objects, keys: Keys, pace: Pace) -> str:
    """Make the round and the word of a new namespace, and return the word; what is there stays.

    Raises:
        HostError: the namespace is not new and has lost its round; or there was no clear answer until the deadline.
    """
    first = patiently(pace, f"list `{keys.cells}`", lambda: next(iter(objects.list(keys.cells)), None))
    rounds, evictions = Rounds(objects, keys, pace), Evictions(objects, keys, pace)
    if first is None:
        rounds.create()
    else:
        rounds.read()  # Never made up anew: deletes of former rounds may be under way to such keys.
    evictions.write()
    word = evictions.word()
    if word is None:
        raise HostError(
            f"`{keys.evicted}` was stored and is not there",
            code="store-lossy",
            hint="see that nothing but traintrack deletes in the bucket (lifecycle rules), then run it again",
        )
    return word


def decode_mark(data: bytes, name: str) -> StoreMark:
    """Read a mark.

    Raises:
        IntegrityError: it is damaged, of a newer format, or of another hash.
    """
    try:
        mark = decode_stored(data, StoreMark)
    except msgspec.MsgspecError as error:
        raise IntegrityError(
            f"`{name}{STORE_MARK}` is damaged: {error}",
            code="store-damaged",
            hint="restore the object from the bucket's versions",
        ) from error
    if mark.format != STORE_FORMAT or mark.version > STORE_VERSION or mark.hash != HASH or not mark.id:
        raise IntegrityError(
            f"the store {name} has another format than this traintrack knows",
            code="store-format",
            hint="use the newest traintrack, or another `storage`",
        )
    return mark


def demand_heartbeat(mark: StoreMark, heartbeat_s: float | None, name: str) -> None:
    """Refuse to beat otherwise than the others.

    Raises:
        InputError: the environment says another heartbeat than the store was made with.
    """
    if heartbeat_s is not None and heartbeat_s != mark.heartbeat_s:
        raise InputError(
            f"the store {name} was made with a heartbeat of {mark.heartbeat_s:g}s, not {heartbeat_s:g}s",
            code="heartbeat",
            hint=f"write `heartbeat: {mark.heartbeat_s:g}s` in the environment, or leave it out",
        )
