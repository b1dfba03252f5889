"""The server in a thread of this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from traintrack.testing.s3_server.access import Access
from traintrack.testing.s3_server.buckets import Buckets
from traintrack.testing.s3_server.connection import serve_connection
from traintrack.testing.s3_server.faults import Faults
from traintrack.testing.s3_server.late import LateRequests
from traintrack.testing.s3_server.listener import HOST, Listener
from traintrack.testing.s3_server.request_log import RequestLog
from traintrack.testing.s3_server.site import Site


class S3Server:
    """Serves from the beginning on until `close`; `folder` is made if it is not there."""

    def __init__(self, folder: str | os.PathLike[str], access: Access | None = None, port: int = 0) -> None:
        os.makedirs(folder, exist_ok=True)
        self._site = Site(os.fspath(folder), access or Access())
        self._listener = Listener(partial(serve_connection, self._site), port)

    @property
    def site(self) -> Site:
        """All that tests set, in one."""
        return self._site

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._listener.port

    @property
    def url(self) -> str:
        """The endpoint, for requests of path style."""
        return f"http://{HOST}:{self.port}"

    @property
    def buckets(self) -> Buckets:
        """What it holds, past all rules and rights."""
        return self._site.buckets

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self._site.faults

    @property
    def late(self) -> LateRequests:
        """Requests that take effect later."""
        return self._site.late

    @property
    def log(self) -> RequestLog:
        """What was asked."""
        return self._site.log

    def allow(self, access: Access) -> None:
        """Set who may do what, from the next request on."""
        self._site.allow(access)

    def environ(self, access_key: str = "") -> dict[str, str]:
        """Return what a client is told in its environment, with the credentials of `access_key` (none named: the first)."""
        return client_environ(self.url, self._site.access, access_key)

    def close(self) -> None:
        """End it, with all that waits; what it held is gone."""
        self.faults.end()
        self.late.forget()
        self._listener.close()
        self.buckets.clear()


def client_environ(url: str, access: Access, access_key: str = "") -> dict[str, str]:
    """Return the variables that lead a client to a server; any credentials will do where it has no secrets."""
    key = access_key or next(iter(access.secrets), "key")
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": access.secrets.get(key, "secret"),
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }


@contextmanager
def running_server(folder: str | os.PathLike[str], access: Access | None = None) -> Iterator[S3Server]:
    """Run a server as long as the block lasts."""
    server = S3Server(folder, access)
    try:
        yield server
    finally:
        server.close()
