"""A process that imports traintrack once and forks it for each run, so that a hundred of them cost no hundred imports.

It reads one JSON document per line. `spawn` forks a run that waits at the barrier, `go` lets all that wait begin; each
run is from then on what `python -m traintrack` is: a process of its own, in a group of its own, that ends as it does.
It answers with one document per fork and per end; at the end of its input it kills what is left.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from typing import Any

from pauses import pause_at

from traintrack import __main__ as program
from traintrack.app import environment, run_targets
from traintrack.cli import crash, progress
from traintrack.cli.commands import clean, run
from traintrack.runners.process import runner
from traintrack.storages import local

IMPORTED = (clean, crash, environment, local, progress, run, run_targets, runner)


class ForkServer:
    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._barrier = os.pipe()
        self._deaths = os.pipe()
        for end in self._deaths:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._deaths[1], warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        rest = b""
        while True:
            ready = select.select([0, self._deaths[0]], [], [])[0]
            if self._deaths[0] in ready:
                os.read(self._deaths[0], 4096)
                self._bury()
            if 0 not in ready:
                continue
            data = os.read(0, 1 << 16)
            if not data:
                self._kill_all()
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._obey(json.loads(line))

    def _obey(self, order: dict[str, Any]) -> None:
        if order["do"] == "go":
            for end in self._barrier:
                os.close(end)
            self._barrier = os.pipe()
            return
        pid = os.fork()
        if pid == 0:
            self._become(order)
        self._names[pid] = order["name"]
        _tell({"forked": order["name"], "pid": pid})

    def _become(self, order: dict[str, Any]) -> None:
        """Be a run: with streams, folder and signals as a shell would give them."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setpgid(0, 0)
        barrier = self._barrier[0]
        for end in (self._barrier[1], *self._deaths):
            os.close(end)
        for number, path in enumerate((os.devnull, order["out"], order["err"])):
            opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(opened, number)
            os.close(opened)
        os.chdir(order["folder"])
        os.read(barrier, 1)
        os.close(barrier)
        sys.argv = ["traintrack", *order["words"]]
        if order["pause"]:
            pause_at(order["pause"], order["note"])
        raise SystemExit(program.main())

    def _bury(self) -> None:
        while self._names:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            _tell({"ended": self._names.pop(pid), "code": os.waitstatus_to_exitcode(status)})

    def _kill_all(self) -> None:
        for pid in self._names:
            os.kill(pid, signal.SIGKILL)


def _tell(answer: dict[str, Any]) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    assert all(IMPORTED)
    ForkServer().serve()
