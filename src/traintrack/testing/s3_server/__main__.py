"""`python -m traintrack.testing.s3_server`: runs until SIGTERM, Ctrl-C, or the end of the process that it is bound to."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading

import msgspec

from traintrack.testing.s3_server.control import open_control
from traintrack.testing.s3_server.server import S3Server


def main() -> int:
    """Serve, and write to the port file where, once everything can be reached."""
    parser = argparse.ArgumentParser("traintrack.testing.s3_server", description="A strict S3 server on loopback.")
    parser.add_argument("--folder", required=True, help="where large bodies are kept; made if it is not there")
    parser.add_argument("--port-file", required=True, help="gets `port`, `control_port` and `secret`, as JSON")
    parser.add_argument("--port", type=int, default=0, help="to listen on; 0: a free one")
    parser.add_argument("--end-with", type=int, help="end when this process, its parent, does")
    asked = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    server = S3Server(asked.folder, port=asked.port)
    _write(asked.port_file, msgspec.json.encode(open_control(server.site, server.port)))
    while not ended.wait(0.5):
        if asked.end_with is not None and os.getppid() != asked.end_with:
            break
    server.close()
    return 0


def _write(path: str, data: bytes) -> None:
    """Make a file that only its owner reads, and that is whole as soon as it is there."""
    beside = f"{path}.{os.getpid()}"
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    os.replace(beside, path)


if __name__ == "__main__":
    sys.exit(main())
