"""Finds keys of a round that has not been yet: the store was set back by hand, and its collector counts from there."""

from __future__ import annotations

from collections.abc import Iterator

from traintrack.errors import HostError, IntegrityError
from traintrack.ports.verify import Finding, FindingKind
from traintrack.storages.objects.keys import Keys, round_of
from traintrack.storages.objects.rounds import Rounds

_MISSING = "round-missing"


class HigherRounds:
    """Looks at the round before and after all keys; only what is above both is wrong, as the round never falls."""

    def __init__(self, rounds: Rounds, keys: Keys) -> None:
        self._rounds, self._keys = rounds, keys
        self._number: int | None = None
        self._above: list[str] = []

    def begin(self) -> None:
        """Read the round for the first time; what is wrong with its object is told at the end.

        Raises:
            HostError: it cannot be read.
        """
        self._number, _ = self._read()

    def saw(self, key: str) -> None:
        """Take in a key of data."""
        number = round_of(key)
        if self._number is not None and number is not None and number > self._number:
            self._above.append(key)

    def findings(self) -> Iterator[Finding]:
        """Read the round again, and yield what is wrong.

        Raises:
            HostError: it cannot be read.
        """
        number, words = self._read()
        if number is None:
            yield Finding(self._keys.collector, FindingKind.CELL, words)
            return
        for key in self._above:
            found = round_of(key)
            if found is not None and found > number:
                words = f"the object is of round {found}, and the store is in round {number}: it was set back"
                yield Finding(key, FindingKind.ARTIFACT, words)

    def _read(self) -> tuple[int | None, str]:
        try:
            return self._rounds.read().round.number, ""
        except IntegrityError as error:
            return None, error.message
        except HostError as error:
            if error.code != _MISSING:
                raise
            return None, "the round is missing: nothing is published without it"
