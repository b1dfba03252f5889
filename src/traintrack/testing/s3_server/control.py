"""What tests set in a server of another process: the same objects as in their own, reached over a port of its own.

Its messages are pickles, so it wants a secret that only stands in the port file.
"""

from __future__ import annotations

import secrets
import threading
from functools import partial
from multiprocessing.managers import BaseManager
from typing import Final, cast

import msgspec

from traintrack.testing.s3_server.listener import HOST
from traintrack.testing.s3_server.site import Site

PARTS: Final = ("buckets", "faults", "late", "log", "site")


class Ports(msgspec.Struct, frozen=True):
    """What the port file says."""

    port: int
    control_port: int
    secret: str


def open_control(site: Site, port: int) -> Ports:
    """Let other processes of this machine, which must know the secret, set what `site` has; as long as this one lives."""

    class Manager(BaseManager):
        """A class of its own, as what is registered belongs to the class."""

    for name in PARTS:
        Manager.register(name, callable=partial(_part, site, name))
    secret = secrets.token_hex(16)
    server = Manager((HOST, 0), secret.encode()).get_server()
    threading.Thread(target=server.serve_forever, name="control", daemon=True).start()
    _, control_port = cast("tuple[str, int]", server.address)
    return Ports(port, control_port, secret)


def connect_control(ports: Ports) -> BaseManager:
    """Return a manager whose methods, named as in `PARTS`, give what stands for those parts."""

    class Manager(BaseManager):
        """A class of its own, as what is registered belongs to the class."""

    for name in PARTS:
        Manager.register(name)
    manager = Manager((HOST, ports.control_port), ports.secret.encode())
    manager.connect()
    return manager


def _part(site: Site, name: str) -> object:
    parts = {"buckets": site.buckets, "faults": site.faults, "late": site.late, "log": site.log, "site": site}
    return parts[name]
