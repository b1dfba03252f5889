"""The fork server for runs over a bucket: each is a run of some engineer, and may be one on another machine.

Besides the words of `fork_server.py`, `spawn` takes `environ`, which is the run's whole environment; `machine`, the
name of the machine that it is on for whoever looks at processes; and `patience_s`, after which it gives up a store
that gives no clear answer.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "races"))

from fork_server import ForkServer

from traintrack.app import open_storage, pull
from traintrack.storages.cache import cache
from traintrack.storages.objects import pace, presence, store
from traintrack.storages.s3 import bucket, probe

IMPORTED = (open_storage, pull, cache, store, bucket, probe)


class CrowdServer(ForkServer):
    def _become(self, order: dict[str, Any]) -> None:
        os.environ.clear()
        os.environ.update(order["environ"])
        machine, patience_s = order["machine"], order["patience_s"]
        if machine:
            # No code of traintrack knows of this: a process of another machine cannot be seen.
            presence.process_world = lambda: machine
        if patience_s is not None:
            shorten_patience(patience_s)
        super()._become(order)


def shorten_patience(longest_s: float) -> None:
    real = pace.Patience.__init__

    def begin(self: pace.Patience, of: pace.Pace, doing: str, deadline_s: float = pace.DEADLINE_S) -> None:
        real(self, of, doing, min(deadline_s, longest_s))

    pace.Patience.__init__ = begin  # type: ignore[method-assign]


if __name__ == "__main__":
    assert all(IMPORTED)
    CrowdServer().serve()
