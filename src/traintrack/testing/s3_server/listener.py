"""Takes connections on loopback and gives each a thread."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Final

HOST: Final = "127.0.0.1"
_BACKLOG: Final = 1024


class Listener:
    """Listens from the beginning on, on a free port if none is named; `close` ends it with all its connections."""

    def __init__(self, serve: Callable[[socket.socket], None], port: int = 0) -> None:
        self._serve = serve
        self._socket = socket.create_server((HOST, port), backlog=_BACKLOG)
        self.port: int = self._socket.getsockname()[1]
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._closed = False
        self._thread = threading.Thread(target=self._accept, name=f"listener {self.port}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close everything, and wait until nothing is taken any more."""
        with self._lock:
            self._closed = True
            connections = list(self._connections)
        for one in (self._socket, *connections):
            # Closing alone would leave a thread that waits in the kernel where it is.
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _accept(self) -> None:
        while not self._closed:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection: socket.socket) -> None:
        try:
            if not self._closed:
                self._serve(connection)
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()
