"""Stored JSON is read by many threads at once, also the first of its kind."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """\
import sys
import threading
from traintrack.action.stored import decode_stored

TYPES = '''
from __future__ import annotations
from collections.abc import Mapping
from enum import Enum
from typing import Any
from msgspec import Struct

class Kind(str, Enum):
    A = "a"

class Inner(Struct, frozen=True):
    a: int
    b: str | None = None
    m: Mapping[str, Any] = {}

class Outer(Struct, frozen=True):
    x: Inner | None = None
    y: tuple[Inner, ...] = ()
    z: Mapping[str, tuple[str, ...]] = {}
    e: Kind | None = None
'''
sys.setswitchinterval(1e-6)
wrong = []
for _ in range(150):
    exec(TYPES, globals())
    outer, barrier = Outer, threading.Barrier(8)

    def read():
        barrier.wait()
        found = decode_stored(b'{"x": {"a": 1}, "y": [{"a": 2}], "e": "a"}', outer)
        if (found.x.a, found.y[0].a, found.e) != (1, 2, Kind.A):
            wrong.append(found)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
sys.exit(len(wrong))
"""


def test_types_that_many_threads_read_for_the_first_time_at_once_are_read_right() -> None:
    """In a process of its own: what goes wrong here ends it."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
