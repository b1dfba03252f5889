"""The server as a process of its own, which a test can stop, let go on, and kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, cast

import msgspec

from traintrack.testing.s3_server.access import Access
from traintrack.testing.s3_server.buckets import Buckets
from traintrack.testing.s3_server.control import Ports, connect_control
from traintrack.testing.s3_server.faults import Faults
from traintrack.testing.s3_server.late import LateRequests
from traintrack.testing.s3_server.listener import HOST
from traintrack.testing.s3_server.request_log import RequestLog
from traintrack.testing.s3_server.server import client_environ
from traintrack.testing.s3_server.site import Site

_START_S: Final = 30.0


class S3Process:
    """A server like `S3Server`: `buckets`, `faults`, `late` and `log` are those of the process."""

    def __init__(self, folder: str | os.PathLike[str], access: Access | None = None) -> None:
        os.makedirs(folder, exist_ok=True)
        self._access = access or Access()
        self._process, self._ports = _started(os.fspath(folder))
        self._manager = connect_control(self._ports)
        self.buckets = cast("Buckets", self._part("buckets"))
        self.faults = cast("Faults", self._part("faults"))
        self.late = cast("LateRequests", self._part("late"))
        self.log = cast("RequestLog", self._part("log"))
        self._site = cast("Site", self._part("site"))
        self.allow(self._access)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._ports.port

    @property
    def url(self) -> str:
        """The endpoint, for requests of path style."""
        return f"http://{HOST}:{self.port}"

    def environ(self, access_key: str = "") -> dict[str, str]:
        """Return what a client is told in its environment, see `S3Server`."""
        return client_environ(self.url, self._access, access_key)

    def allow(self, access: Access) -> None:
        """Set who may do what, from the next request on."""
        self._site.allow(access)
        self._access = access

    def pause(self) -> None:
        """Stop it: it takes connections and answers nothing; nor do `buckets`, `faults`, `late` and `log`."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on after `pause`."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it without warning; what it held is gone, but for files of large bodies in its folder."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self.go_on()
            self._process.terminate()
            self._process.wait()

    def _part(self, name: str) -> object:
        return getattr(self._manager, name)()


@contextmanager
def running_process(folder: str | os.PathLike[str], access: Access | None = None) -> Iterator[S3Process]:
    """Run a server in a process as long as the block lasts."""
    process = S3Process(folder, access)
    try:
        yield process
    finally:
        process.close()


def _started(folder: str) -> tuple[subprocess.Popen[bytes], Ports]:
    with tempfile.TemporaryDirectory(dir=folder) as beside:
        port_file = os.path.join(beside, "ports.json")
        words = (sys.executable, "-m", "traintrack.testing.s3_server", "--folder", folder, "--port-file", port_file)
        process = subprocess.Popen((*words, "--end-with", str(os.getpid())), stdin=subprocess.DEVNULL)
        end = time.monotonic() + _START_S
        while time.monotonic() < end and process.poll() is None:
            if os.path.exists(port_file):
                with open(port_file, "rb") as file:
                    return process, msgspec.json.decode(file.read(), type=Ports)
            time.sleep(0.01)
    process.kill()
    process.wait()
    raise TimeoutError("the S3 server did not start")
