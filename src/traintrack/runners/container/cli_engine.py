"""An engine driven by its program, and asked by what suits it: all that docker and podman have in common."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from traintrack.errors import HostError
from traintrack.runners.container import client as clients
from traintrack.runners.container.cli import Cli
from traintrack.runners.container.client import Client
from traintrack.runners.container.engine import ContainerId, ContainerSpec, Inspected, Status
from traintrack.runners.container.engine_errors import plain, refusal
from traintrack.runners.container.facts import inspected
from traintrack.runners.container.queries import Queries, Told
from traintrack.runners.container.run_command import Dialect, by_name, run_words
from traintrack.runners.container.variables import carry

_STARTING_S = 0.02
_ABOUT_TO_START_S = 20.0
_REFUSED_START = (125, 126, 127)
_NOT_EXECUTABLE, _NOT_FOUND = 126, 127

# Docker's init (tini) and podman's (catatonit) say so and no more, and end with these codes. The name of the program,
# which they repeat, may have line breaks.
_CODES_OF_INIT = {Dialect.DOCKER: (_NOT_EXECUTABLE, _NOT_FOUND), Dialect.PODMAN: (1,)}
_SAID_BY_INIT = re.compile(
    r"(\[FATAL tini \(\d+\)\]|ERROR \(catatonit:\d+\):) (?P<why>(exec .* failed|failed to exec pid1): .*)", re.DOTALL
)
_LONGEST_REFUSAL = 4096
_LONGEST_LAST_WORDS = 2000


class CliEngine:
    """The containers of an engine. Those that this object started are awaited through their own program."""

    def __init__(self, cli: Cli, queries: Queries, dialect: Dialect, network: str | None = None) -> None:
        self._cli = cli
        self._queries = queries
        self._dialect = dialect
        self._network = network
        self._clients: dict[ContainerId, Client] = {}
        self._refused: dict[ContainerId, tuple[str, int]] = {}

    @property
    def name(self) -> str:
        """`docker` or `podman`."""
        return self._dialect.value

    def command(self, spec: ContainerSpec) -> list[str]:
        """See `Engine`."""
        return self._cli.words(*self._run_words(spec, by_name(spec)))

    def start(self, spec: ContainerSpec, log: Path) -> ContainerId:
        """See `Engine`."""
        place = clients.place_of(log, spec.name)
        client = clients.run(self._cli, self._run_words(spec, ()), carry(spec.environment), log, place)
        container = client.made(spec)
        self._clients[container] = client
        return container

    def wait(self, container: ContainerId, timeout_s: float | None = None) -> bool:
        """See `Engine`."""
        client = self._clients.get(container)
        if client is None:
            return self._foreign_ended(container, timeout_s)
        end = None if timeout_s is None else time.monotonic() + timeout_s
        if not client.ended(timeout_s):
            return False
        if client.code >= 0 and client.code not in _REFUSED_START:
            return True
        return self._after_a_bad_end(container, client, end)

    def _foreign_ended(self, container: ContainerId, timeout_s: float | None) -> bool:
        """Engines say of one that is not started yet that it does not run: who made it may be about to start it."""
        begin = time.monotonic()
        limit = math.inf if timeout_s is None else timeout_s
        while self._queries.ended(container, None if timeout_s is None else max(begin + limit - time.monotonic(), 0.0)):
            found = self.inspect([container]).get(container)
            if found is None or found.status not in (Status.CREATED, Status.RUNNING):
                return True
            waited_s = time.monotonic() - begin
            if found.status is Status.CREATED and (found.error or waited_s > _ABOUT_TO_START_S):
                return True
            if waited_s >= limit:
                return False
            time.sleep(_STARTING_S)
        return False

    def _after_a_bad_end(self, container: ContainerId, client: Client, end: float | None) -> bool:
        """The program was killed or has lost its engine, or the container was never started, or the task ended so."""
        left_s = None if end is None else max(end - time.monotonic(), 0.0)
        # A program that was not killed has been told by the engine how the start went.
        ended = self._foreign_ended if client.code < 0 else self._queries.ended
        if not ended(container, left_s):
            return False
        found = self.inspect([container]).get(container)
        if found is None or container in self._refused:
            return True
        if not found.started:
            self._refused[container] = (plain(client.take_back()), client.code)
        elif client.code < 0 or _lost(client):
            client.take_back()
            self.log(container, client.log)
        return True

    def inspect(self, containers: Collection[ContainerId]) -> Mapping[ContainerId, Inspected]:
        """See `Engine`."""
        found = [self._read(told) for told in self._queries.containers(containers)]
        return {one.id: self._with_reason(one) for one in found}

    def find(self, labels: Mapping[str, str]) -> Sequence[Inspected]:
        """See `Engine`."""
        found = self.inspect([ContainerId(id_) for id_ in self._queries.labelled(labels)])
        # Not every engine's filter takes every value.
        exact = [one for one in found.values() if all(one.labels.get(k) == v for k, v in labels.items() if v)]
        return sorted(exact, key=lambda one: one.name)

    def _read(self, told: Told) -> Inspected:
        return inspected(told)

    def _with_reason(self, found: Inspected) -> Inspected:
        refused = self._refused.get(found.id)
        if refused is None and found.started and found.exit_code in _CODES_OF_INIT[self._dialect]:
            refused = self._refused_by_init(found.id)
        if refused is None:
            return found
        error, code = refused
        return replace(found, error=found.error or error, exit_code=code, started="")

    def _refused_by_init(self, container: ContainerId) -> tuple[str, int] | None:
        """What the init said if it could not run the command: the engine starts the init, and so sees no failure."""
        client = self._clients.get(container)
        if client is None:
            # Not `--tail`: podman 4.3.1 often shows nothing of a log of one line then.
            said = self._cli.head(["logs", container], _LONGEST_REFUSAL)
        else:
            said = client.said(_LONGEST_REFUSAL)
        match = _SAID_BY_INIT.fullmatch(said.strip())
        if match is None:
            return None
        return match["why"], _NOT_FOUND if "no such file" in said.lower() else _NOT_EXECUTABLE

    def log(self, container: ContainerId, to: Path) -> None:
        """See `Engine`."""
        begin = to.stat().st_size if to.exists() else 0
        if self._cli.write(["logs", container], to) != 0:
            said = to.read_bytes()[begin:].decode(errors="replace")
            raise refusal(self.name, said, container)

    def stop(self, containers: Collection[ContainerId], grace_s: float) -> None:
        """See `Engine`."""
        there = self._past_their_start(containers)
        if not there:
            return
        said = self._cli.ask("stop", "--time", str(math.ceil(grace_s)), *there, timeout_s=grace_s + 120)
        if said.code == 0:
            return
        alive = [one for one in self.inspect(there).values() if one.status is Status.RUNNING]
        if alive:
            raise refusal(self.name, said.err, alive[0].name)

    def _past_their_start(self, containers: Collection[ContainerId]) -> list[ContainerId]:
        """Those that exist, once they run or have ended: an engine that is told to stop too early does not heed it."""
        while True:
            found = self.inspect(containers)
            starting = [
                one.id
                for one in found.values()
                if one.status is Status.CREATED and one.id in self._clients and self._clients[one.id].running
            ]
            if not starting:
                return list(found)
            time.sleep(_STARTING_S)

    def remove(self, containers: Collection[ContainerId]) -> None:
        """See `Engine`."""
        self._queries.remove(containers)
        for container in containers:
            self._refused.pop(container, None)
            client = self._clients.pop(container, None)
            if client is not None:
                client.leave()

    def _run_words(self, spec: ContainerSpec, environment: Sequence[str]) -> list[str]:
        return run_words(spec, self._dialect, environment, self._network)


def _lost(client: Client) -> bool:
    """If the program lost its engine while the container ran: the task may end with the same code itself."""
    try:
        with open(client.log, "rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - _LONGEST_LAST_WORDS, 0))
            tail = file.read().decode(errors="replace").lower()
    except OSError as error:
        raise HostError(f"the log cannot be read: {error.strerror}", hint=f"look at `{client.log.parent}`") from error
    return "error waiting for container" in tail or "error during connect" in tail
