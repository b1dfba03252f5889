"""The collector's counter: the last part of every key, so that a delete that comes late hits nothing alive.

Whoever publishes reads it after the cell was written HELD{publishing} (rule R6 in docs/explanation/protocol.md).
"""

from __future__ import annotations

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from traintrack.action.cell import new_nonce
from traintrack.action.stored import decode_stored
from traintrack.errors import HostError, IntegrityError
from traintrack.ports.objects import Etag, Objects, PreconditionFailedError, UnknownOutcomeError
from traintrack.storages.objects.keys import Keys
from traintrack.storages.objects.pace import Pace, Patience, patiently

ROUND_FORMAT = "traintrack/round/1"


class Round(Struct, frozen=True):
    """The content of `gc/cell`. `number` never falls; `owner` is the token of the collector at work, empty if none is."""

    number: int
    nonce: str
    owner: str = ""
    format: str = ROUND_FORMAT


class SeenRound(Struct, frozen=True):
    """The round as it was read."""

    round: Round
    etag: Etag


class RoundConflictError(Exception):
    """Another collector changed the round's object; `seen` is how it stands."""

    def __init__(self, seen: SeenRound) -> None:
        super().__init__("another collector is at work")
        self.seen = seen


class Rounds:
    """The round of one namespace. Workers only read it."""

    def __init__(self, objects: Objects, keys: Keys, pace: Pace) -> None:
        self._objects, self._keys, self._pace = objects, keys, pace

    def create(self) -> None:
        """Make the first round of a new store; one that is there stays.

        Raises:
            HostError: there was no clear answer until the deadline.
        """
        patience = Patience(self._pace, "make the first round")
        data = msgspec.json.encode(Round(0, new_nonce()))
        while True:
            try:
                self._objects.put_if_absent(self._keys.collector, data)
                return
            except PreconditionFailedError:
                return
            except UnknownOutcomeError as error:
                patience.pause(error)

    def current(self) -> int:
        """The number that new keys get.

        Raises:
            HostError: the store has none, or gave no clear answer.
        """
        return self.read().round.number

    def read(self) -> SeenRound:
        """Return the round's object.

        Raises:
            HostError: the store has none, or gave no clear answer.
            IntegrityError: it is damaged or newer.
        """
        key = self._keys.collector
        got = patiently(self._pace, "read the round", lambda: self._objects.get(key))
        if got is None:
            # A made-up 0 would name keys that deletes of former rounds are still under way to.
            raise HostError(
                f"the store has lost `{key}`",
                code="round-missing",
                hint="restore the object from the bucket's versions; nothing is published without it",
            )
        return SeenRound(_decode(got.data, key), got.etag)

    def swap(self, seen: SeenRound, number: int, owner: str) -> SeenRound:
        """Replace the round as it was read, with the number and the collector's token.

        Raises:
            RoundConflictError: another collector changed it.
            HostError: there was no clear answer until the deadline.
        """
        wanted = replace(seen.round, number=number, owner=owner, nonce=new_nonce())
        data = msgspec.json.encode(wanted)
        patience = Patience(self._pace, "write the round")
        while True:
            try:
                return SeenRound(wanted, self._objects.put_if_match(self._keys.collector, data, seen.etag))
            except PreconditionFailedError as error:
                cause: Exception = error
            except UnknownOutcomeError as error:
                cause = error
            now = self.read()
            if now.round.nonce == wanted.nonce:
                return now
            if now.etag != seen.etag:
                raise RoundConflictError(now)
            patience.pause(cause)


def _decode(data: bytes, key: str) -> Round:
    try:
        found = decode_stored(data, Round)
    except msgspec.MsgspecError as error:
        raise IntegrityError(f"`{key}` cannot be read: {error}", code="round-damaged") from error
    if found.format != ROUND_FORMAT:
        raise IntegrityError(f"`{key}` has the unknown format `{found.format}`", code="round-format")
    return found
