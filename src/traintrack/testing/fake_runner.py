"""A runner that plays tasks from a script: the official double for tests of the executor."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct

from traintrack.action.action import Action
from traintrack.action.failure import FailureClass
from traintrack.action.job import Capabilities, Handle, Job, JobPhase, JobState, Output
from traintrack.action.manifest import Entry, make_manifest
from traintrack.action.record import Isolation
from traintrack.digest import content_digest
from traintrack.errors import TraintrackError


class Played(Struct, frozen=True):
    """How a task ends: `content` is what its one file holds, or `failure` says how it failed.

    `hold` keeps it running until the event is set or it is stopped.
    """

    content: bytes = b""
    failure: FailureClass | None = None
    message: str = ""
    hold: threading.Event | None = None


Script = Callable[[Job], Played]


class FakeRunner:
    """Ends every job as the script says.

    `executions` counts starts by label, `started` lists them in order, `resumed_from` the checkpoints given.
    """

    def __init__(self, script: Script | None = None) -> None:
        self._script = script or (lambda job: Played(job.action.label.encode()))
        self._condition = threading.Condition()
        self._changed: dict[Handle, JobState] = {}
        self._running: dict[Handle, threading.Event] = {}
        self.executions: Counter[str] = Counter()
        self.started: list[str] = []
        self.stopped: list[Handle] = []
        self.resumed_from: list[str | None] = []
        self.checkpoints: dict[str, str] = {}
        self.most_at_once = 0

    @property
    def capabilities(self) -> Capabilities:
        """It enforces nothing."""
        return Capabilities("fake", frozenset({"python"}), Isolation())

    def refuse(self, actions: Sequence[Action]) -> list[TraintrackError]:
        """It takes everything."""
        del actions
        return []

    def start(self, jobs: Sequence[Job]) -> list[Handle]:
        """Begin to play the jobs, each in a thread of its own."""
        handles = []
        for job in jobs:
            handle = Handle(f"{job.flight}.{job.attempt}")
            with self._condition:
                self.executions[job.action.label] += 1
                self.started.append(job.action.label)
                self.resumed_from.append(job.checkpoint)
                self._running[handle] = threading.Event()
                self.most_at_once = max(self.most_at_once, len(self._running))
            threading.Thread(target=self._play, args=(handle, job), daemon=True).start()
            handles.append(handle)
        return handles

    def poll(self, handles: Collection[Handle], wait_s: float) -> Mapping[Handle, JobState]:
        """Return what changed, as soon as something does; `handles` is read anew at each change."""
        with self._condition:
            self._condition.wait_for(lambda: any(h in self._changed for h in handles), wait_s)
            return {h: self._changed.pop(h) for h in handles if h in self._changed}

    def stop(self, handles: Collection[Handle], grace_s: float) -> None:
        """Let held jobs end as cancelled."""
        del grace_s
        with self._condition:
            self.stopped += handles
            for handle in handles:
                if handle in self._running:
                    self._running[handle].set()

    def find(self, flights: Collection[str]) -> Mapping[str, Handle]:
        """Map flights to jobs that still play."""
        with self._condition:
            return {h.partition(".")[0]: h for h in self._running if h.partition(".")[0] in flights}

    def find_checkpoint(self, flight: str) -> str | None:
        """The checkpoint that a test put into `checkpoints`."""
        return self.checkpoints.get(flight)

    def logs(self, handle: Handle, offset: int) -> bytes:
        """It has no logs."""
        del handle, offset
        return b""

    def _play(self, handle: Handle, job: Job) -> None:
        played = self._script(job)
        stopped = self._running[handle]
        while played.hold is not None and not played.hold.is_set() and not stopped.is_set():
            stopped.wait(0.005)
        state = self._ended(played, stopped=stopped.is_set() and played.hold is not None)
        with self._condition:
            del self._running[handle]
            self._changed[handle] = state
            self._condition.notify_all()

    def _ended(self, played: Played, *, stopped: bool) -> JobState:
        if stopped:
            return JobState(JobPhase.FINISHED, FailureClass.CANCELLED, "stopped", checkpoint="epoch-1")
        if played.failure is not None:
            return JobState(JobPhase.FINISHED, played.failure, played.message or "it failed", exit_code=1)
        digest = content_digest(played.content)
        manifest = make_manifest([Entry("out.txt", size=len(played.content), digest=digest)])
        return JobState(JobPhase.FINISHED, output=Output("memory", manifest))
