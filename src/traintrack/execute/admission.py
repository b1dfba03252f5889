"""Which targets may start now: those whose needs are done, the most urgent first, as far as there is room for them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection, Mapping

from traintrack.action.action import Action
from traintrack.digest import TargetId
from traintrack.execute.critical_path import urgency
from traintrack.execute.line import Line
from traintrack.execute.ready_queue import ReadyQueue
from traintrack.execute.slots import Ask, Capacity, Grant, Slots


class Admission:
    """Keeps who waits for needs or for room, and who holds a share. Owned by the loop's thread; it starts nothing."""

    def __init__(self, capacity: Capacity, action_of: Callable[[TargetId], Action]) -> None:
        self._action_of = action_of
        self._slots = Slots(capacity)
        self._ready: ReadyQueue[TargetId] = ReadyQueue({})
        self._urgency: dict[TargetId, float] = {}
        self._no_room: Line[TargetId] = Line()
        self._not_looked_at: deque[TargetId] = deque()
        self._grants: dict[TargetId, Grant] = {}

    @property
    def is_full(self) -> bool:
        """Tell that nothing more can start now, whatever it asks for."""
        return self._slots.full

    @property
    def waits_for_room(self) -> bool:
        """Tell if somebody waits for room."""
        return len(self._no_room) > 0

    def enlist(
        self, needs: Mapping[TargetId, Collection[TargetId]], expected_s: Mapping[TargetId, float | None]
    ) -> None:
        """Let targets join, or come back, that are given after those they need, with the seconds they may take."""
        fresh = urgency(tuple(needs), needs, expected_s)
        self._urgency.update(fresh)
        self._ready.add(needs, fresh)

    def next_ready(self) -> TargetId | None:
        """Take out the most urgent target whose needs are done; None if there is none."""
        return self._ready.take()

    def impossible(self, id_: TargetId) -> str | None:
        """Say in words why there will never be room for a target, None if there may be."""
        return self._slots.impossible(self._action_of(id_).resources)

    def admit(self, id_: TargetId) -> Grant | None:
        """Give a target a share if there is room, and nobody has waited longer for it."""
        grant = None if self._no_room.is_open else self._slots.take(self._ask(id_))
        if grant is not None:
            self._grants[id_] = grant
        return grant

    def defer(self, id_: TargetId) -> bool:
        """Let a target wait that nobody has looked at, if its family has all that it may have; tell if it does.

        Others come first, who can start: it is looked at when nothing else is to be done.
        """
        if not self._slots.family_is_full(self._ask(id_)):
            return False
        self.wait(id_)
        self._not_looked_at.append(id_)
        return True

    def next_deferred(self) -> TargetId | None:
        """Take out a target to be looked at that waits for a place of its family; it may need none at all."""
        while self._not_looked_at:
            id_ = self._not_looked_at.popleft()
            if self._no_room.leave(id_):
                return id_
        return None

    def wait(self, id_: TargetId) -> None:
        """Let a target that has to be executed wait for room."""
        self._no_room.join(id_, self._ask(id_), self._urgency.get(id_, 0.0))

    def wait_first(self, id_: TargetId, ask: Ask) -> None:
        """Let a target wait before all others: what was begun, and is held, comes before what was not."""
        self._no_room.join(id_, ask, math.inf)

    def take_waiting(self) -> list[tuple[TargetId, Grant]]:
        """Take out those that there is room for now, each with its share."""
        taken = self._no_room.take(self._slots)
        self._grants.update(taken)
        return taken

    def holds(self, id_: TargetId) -> bool:
        """Tell if a target has a share."""
        return id_ in self._grants

    def give_back(self, id_: TargetId) -> None:
        """Take back the share of a target, if it has one."""
        grant = self._grants.pop(id_, None)
        if grant is not None:
            self._slots.give_back(grant)
            self._no_room.freed(grant.family)

    def done(self, id_: TargetId) -> None:
        """Tell that a target has its result: those that only waited for it become ready."""
        self._ready.done(id_)

    def drop(self, id_: TargetId) -> list[TargetId]:
        """Take out everything that needs a target, directly or not."""
        return self._ready.drop(id_)

    def clear(self) -> list[TargetId]:
        """Take out all that wait, those with a share keep it."""
        self._not_looked_at.clear()
        return [*self._ready.clear(), *self._no_room.clear()]

    def _ask(self, id_: TargetId) -> Ask:
        action = self._action_of(id_)
        return Ask(action.resources, action.parallel)
