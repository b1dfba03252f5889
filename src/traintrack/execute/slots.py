"""How much may run at once. Pure bookkeeping: nothing is enforced here."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from traintrack.action.action import Resources
from traintrack.action.parallel import Parallel


class Capacity(Struct, frozen=True):
    """What an environment offers; None where it is not counted."""

    jobs: int
    cpu: float | None = None
    memory_bytes: int | None = None
    gpus: int = 0


class Ask(Struct, frozen=True):
    """What has to be free before a task starts: what it asks for, and a place of its family where those are counted."""

    resources: Resources
    parallel: Parallel | None = None

    @property
    def family(self) -> str:
        """The family whose places are counted, empty without one."""
        return self.parallel.family if self.parallel else ""


class Grant(Struct, frozen=True):
    """What a task was given: its share, the indices of its GPUs, and the family that it holds a place of, if any."""

    cpu: float
    memory_bytes: int
    gpus: tuple[int, ...] = ()
    family: str = ""


class Slots:
    """Gives out shares of a capacity. A task that asks for more than there is at all runs alone."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._jobs = 0
        self._cpu = 0.0
        self._memory = 0
        self._gpus = list(range(capacity.gpus))
        self._families: Counter[str] = Counter()

    @property
    def busy(self) -> int:
        """How many tasks hold a share."""
        return self._jobs

    @property
    def full(self) -> bool:
        """Tell that nothing more can start now, whatever it asks for."""
        return self._jobs >= self._capacity.jobs

    def impossible(self, resources: Resources) -> str | None:
        """Say in words why a request can never be met here, None if it can."""
        if resources.gpu > self._capacity.gpus:
            return f"it asks for {resources.gpu} GPU and there are {self._capacity.gpus}"
        return None

    def family_is_full(self, ask: Ask) -> bool:
        """Tell that as many of its family have a share as may have one."""
        return ask.parallel is not None and self._families[ask.family] >= ask.parallel.most

    def take(self, ask: Ask) -> Grant | None:
        """Return a share, or None if there is not enough now."""
        whole, resources = self._capacity, ask.resources
        cpu = resources.cpu if whole.cpu is None else min(resources.cpu, whole.cpu)
        memory = resources.memory_bytes or 0
        if whole.memory_bytes is not None:
            memory = min(memory, whole.memory_bytes)
        fits = (
            self._jobs < whole.jobs
            and (whole.cpu is None or self._cpu + cpu <= whole.cpu + 1e-9)
            and (whole.memory_bytes is None or self._memory + memory <= whole.memory_bytes)
            and resources.gpu <= len(self._gpus)
            and not self.family_is_full(ask)
        )
        if not fits:
            return None
        gpus = tuple(self._gpus[: resources.gpu])
        del self._gpus[: resources.gpu]
        self._jobs += 1
        self._cpu += cpu
        self._memory += memory
        if ask.family:
            self._families[ask.family] += 1
        return Grant(cpu, memory, gpus, ask.family)

    def give_back(self, grant: Grant) -> None:
        """Return a share."""
        self._jobs -= 1
        self._cpu -= grant.cpu
        self._memory -= grant.memory_bytes
        self._gpus = sorted([*self._gpus, *grant.gpus])
        if grant.family:
            self._families[grant.family] -= 1
