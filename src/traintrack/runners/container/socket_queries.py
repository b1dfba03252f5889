"""Questions to docker through its local socket.

Its program costs 10 to 15 ms of a core per question, most of it to start; the socket costs less than one. All that a
task asks for often goes this way: the Engine API as of 1.41 (docs.docker.com/reference/api/engine).
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from traintrack.errors import HostError
from traintrack.runners.container.engine import ContainerId
from traintrack.runners.container.engine_errors import refusal, silent
from traintrack.runners.container.queries import Told, label_words

_ANSWER_S = 120.0


class SocketQueries:
    """Asks the daemon behind the socket `path`; may be used by many threads at once."""

    def __init__(self, path: str) -> None:
        self._path = path

    def containers(self, ids: Collection[str]) -> list[Told]:
        """See `Queries`."""
        told = (self._ask("GET", f"/containers/{quote(id_, safe='')}/json") for id_ in ids)
        return [one for one in told if one is not None]

    def labelled(self, labels: Mapping[str, str]) -> list[str]:
        """See `Queries`."""
        query = urlencode({"all": "1", "filters": json.dumps({"label": label_words(labels)})})
        return [one["Id"] for one in self._ask("GET", f"/containers/json?{query}") or ()]

    def ended(self, container: ContainerId, timeout_s: float | None) -> bool:
        """See `Queries`."""
        try:
            self._ask("POST", f"/containers/{container}/wait", timeout_s)
        except TimeoutError:
            return False
        return True

    def remove(self, containers: Collection[ContainerId]) -> None:
        """See `Queries`."""
        for container in containers:
            end = time.monotonic() + _ANSWER_S
            # A conflict: somebody else removes it just now, and it is gone when a question does not find it.
            while self._ask("DELETE", f"/containers/{container}?force=1&v=1", conflict="busy") == "busy":
                if time.monotonic() > end:
                    raise silent("docker", _ANSWER_S)
                time.sleep(0.02)

    def image(self, ref: str) -> Told | None:
        """See `Queries`."""
        found: Told | None = self._ask("GET", f"/images/{quote(ref, safe='/:@')}/json")
        return found

    def _ask(
        self, method: str, path: str, timeout_s: float | None = _ANSWER_S, conflict: str | None = None
    ) -> Any:  # JSON
        """Return the answer; None if what is asked about is not there.

        Raises:
            TimeoutError: it takes longer than `timeout_s`.
            HostError: the daemon cannot be reached or refuses.
        """
        connection = _Connection(self._path, timeout_s)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(self._path, error) from error
        finally:
            connection.close()
        if answer.status == http.client.NOT_FOUND:
            return None
        if answer.status == http.client.CONFLICT and conflict is not None:
            return conflict
        if answer.status >= http.client.BAD_REQUEST:
            raise refusal("docker", _message(body))
        return json.loads(body) if body else True


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket of this machine."""

    def __init__(self, path: str, timeout_s: float | None) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _unreachable(path: str, error: Exception) -> HostError:
    said = "permission denied while trying to connect" if isinstance(error, PermissionError) else ""
    return refusal("docker", said or f"cannot connect to the docker daemon at {path}: {error}")


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")
