"""What was asked of the server, in the order in which it was answered."""

from __future__ import annotations

import fnmatch
import threading

from msgspec import Struct

from traintrack.testing.s3_server.access import check_operations


class LoggedRequest(Struct, frozen=True):
    """A request as it was answered.

    Args:
        operation: its name in S3's reference, empty if it has none.
        status: what was answered; 0: nothing was.
        code: that of an error.
        range: the Range header, empty if there was none.
        received_bytes: of the body of the request.
        sent_bytes: of the body of the answer, as far as it was meant to be sent.
        under_way: requests that were under way when this one had come, with itself.
        conditional: it had a condition.
        effects: what rules did to it, by their tags; `delivered` for a late one that takes effect.
    """

    operation: str
    bucket: str
    key: str
    status: int
    code: str = ""
    range: str = ""
    received_bytes: int = 0
    sent_bytes: int = 0
    access_key: str = ""
    under_way: int = 1
    conditional: bool = False
    effects: tuple[str, ...] = ()


class RequestLog:
    """The requests since the last `clear`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[LoggedRequest] = []
        self._under_way = 0

    def requests(self, *operations: str, key: str = "*") -> list[LoggedRequest]:
        """Return those of some operations (none named: all) whose key, or prefix of a list, is like a pattern.

        Raises:
            ValueError: there is no such operation.
        """
        check_operations(operations)
        with self._lock:
            found = list(self._requests)
        return [
            one
            for one in found
            if (not operations or one.operation in operations) and (key == "*" or fnmatch.fnmatchcase(one.key, key))
        ]

    def count(self, *operations: str, key: str = "*") -> int:
        """Return how many there were, as `requests` would."""
        return len(self.requests(*operations, key=key))

    def most_under_way(self) -> int:
        """Return how many requests were under way at once."""
        return max((one.under_way for one in self.requests()), default=0)

    def clear(self) -> None:
        """Forget what was asked."""
        with self._lock:
            self._requests.clear()

    # What the server calls

    def begin(self) -> int:
        """Count a request that has come, and return how many are under way."""
        with self._lock:
            self._under_way += 1
            return self._under_way

    def end(self) -> None:
        """Count a request that is over."""
        with self._lock:
            self._under_way -= 1

    def add(self, request: LoggedRequest) -> None:
        """Note a request."""
        with self._lock:
            self._requests.append(request)
