"""How much may run at once. Pure bookkeeping: nothing is enforced here."""

from __future__ import annotations

from msgspec import Struct

from traintrack.action.action import Resources


class Capacity(Struct, frozen=True):
    """What an environment offers; None where it is not counted."""

    jobs: int
    cpu: float | None = None
    memory_bytes: int | None = None
    gpus: int = 0


class Grant(Struct, frozen=True):
    """What a task was given: its share, and the indices of its GPUs."""

    cpu: float
    memory_bytes: int
    gpus: tuple[int, ...] = ()


class Slots:
    """Gives out shares of a capacity. A task that asks for more than there is at all runs alone."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._jobs = 0
        self._cpu = 0.0
        self._memory = 0
        self._gpus = list(range(capacity.gpus))

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

    def take(self, resources: Resources) -> Grant | None:
        """Return a share, or None if there is not enough now."""
        whole = self._capacity
        cpu = resources.cpu if whole.cpu is None else min(resources.cpu, whole.cpu)
        memory = resources.memory_bytes or 0
        if whole.memory_bytes is not None:
            memory = min(memory, whole.memory_bytes)
        fits = (
            self._jobs < whole.jobs
            and (whole.cpu is None or self._cpu + cpu <= whole.cpu + 1e-9)
            and (whole.memory_bytes is None or self._memory + memory <= whole.memory_bytes)
            and resources.gpu <= len(self._gpus)
        )
        if not fits:
            return None
        gpus = tuple(self._gpus[: resources.gpu])
        del self._gpus[: resources.gpu]
        self._jobs += 1
        self._cpu += cpu
        self._memory += memory
        return Grant(cpu, memory, gpus)

    def give_back(self, grant: Grant) -> None:
        """Return a share."""
        self._jobs -= 1
        self._cpu -= grant.cpu
        self._memory -= grant.memory_bytes
        self._gpus = sorted([*self._gpus, *grant.gpus])
