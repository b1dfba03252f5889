"""One continuous effort to make one ID, kept through attempts: what it reads, holds and has tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct, field

from traintrack.action.action import Action, Origin, Resources
from traintrack.action.cell import Failure, Result
from traintrack.action.failure import FailureClass
from traintrack.action.job import Handle, Job, JobInput, JobState
from traintrack.action.key import action_key
from traintrack.action.plan import Reason
from traintrack.action.record import AttemptNote, InputRead, Who
from traintrack.digest import ActionKey, ArtifactDigest, TargetId, canonical_json, content_digest
from traintrack.errors import HostError, InputError, IntegrityError
from traintrack.execute.hand_over import HandOver
from traintrack.execute.lease import Lease
from traintrack.execute.slots import Grant
from traintrack.ports.at_once import at_once
from traintrack.ports.clock import Clock
from traintrack.ports.runner import Runner
from traintrack.ports.storage import Storage


class Materials(Protocol):
    """What an action needs besides its inputs, and what is known about its failures."""

    def provide(self, action: Action) -> None:
        """See to it that code and lock files of the action are kept in the storage.

        Raises:
            InputError: the code has a link out of `paths`, a submodule or the like.
        """

    def secrets(self, action: Action) -> Mapping[str, str]:
        """The values of the action's secrets by name.

        Raises:
            HostError: one is not to be had.
        """

    def explain(self, action: Action, state: JobState) -> str | None:
        """A hint for a failure that only the workspace knows, such as a module outside `paths`."""


class Ports(Struct, frozen=True):
    """What a run works with, passed as one to those who pass it on."""

    storage: Storage
    runner: Runner
    clock: Clock
    materials: Materials
    who: Who
    others: HandOver = HandOver()


class Consumption(Struct, frozen=True):
    """The inputs of an action as they stand: read off once, and the same for key, job and record."""

    inputs: tuple[InputRead, ...]
    jobs: tuple[JobInput, ...]
    key: ActionKey


class InputNotStandingError(Exception):
    """An input stood when its consumer became ready and stands no more: it is being made again."""


class DamagedInputError(Exception):
    """An input's bytes are not what they were; `words` name the path."""

    def __init__(self, id_: TargetId, words: str) -> None:
        super().__init__(words)
        self.id = id_
        self.words = words


class Flight(Struct):
    """The state of one effort; only the thread that currently works on it touches it.

    `lease` is None for a comparison run of `--force`, whose result stands already. `resumed`: another run began it.
    `failures` are of this flight, oldest first.
    """

    action: Action
    reason: Reason
    consumption: Consumption
    name: str
    lease: Lease | None
    resources: Resources
    started: float
    standing: Result | None = None
    handle: Handle | None = None
    grant: Grant | None = None
    attempt: int = 0
    resumed: bool = False
    checkpoint: str | None = None
    failures: list[FailureClass] = field(default_factory=list)
    notes: list[AttemptNote] = field(default_factory=list)

    @property
    def id(self) -> TargetId:
        """Whose flight it is."""
        return self.action.id

    @property
    def task_s(self) -> float:
        """How long the last attempt ran that has ended, in seconds."""
        return self.notes[-1].duration_s if self.notes else 0.0

    def note(self, state: JobState) -> None:
        """Remember how an attempt ended."""
        self.notes.append(
            AttemptNote(
                self.attempt,
                state.failure.value if state.failure else None,
                state.message,
                state.exit_code,
                state.timings.task_s,
                state.log,
            )
        )
        if state.failure is not None:
            self.failures.append(state.failure)
        self.checkpoint = state.checkpoint or self.checkpoint

    def failure(self, state: JobState) -> Failure:
        """The failure that waiters share."""
        kind = state.failure or FailureClass.PLATFORM
        return Failure(self.name, kind.value, state.message, state.exit_code, log=state.log)


def consume(
    action: Action, standing: Callable[[TargetId], Result], storage: Storage, label_of: Callable[[TargetId], str]
) -> Consumption:
    """Read off what the action is about to consume, and check those bytes.

    Raises:
        DamagedInputError: bytes are missing or changed.
        InputError: an input has no such path.
    """
    contents: dict[tuple[TargetId, str | None], ArtifactDigest] = {}
    stored: dict[tuple[TargetId, str | None], Result] = {}
    for item in action.inputs:
        if item.origin is not None:
            contents[item.id, item.subpath] = _pinned_part(item.origin, item.subpath)
        else:
            stored[item.id, item.subpath] = standing(item.id)
    found = at_once(storage, lambda part: _content(stored[part], *part, storage, label_of), tuple(stored))
    contents |= zip(stored, found, strict=True)
    inputs = tuple(
        InputRead(
            i.id,
            standing(i.id).artifact,
            contents[i.id, i.subpath],
            ".".join(str(part) for part in i.arg_path),
            i.subpath,
            label_of(i.id),
        )
        for i in action.inputs
    )
    jobs = tuple(
        JobInput(i.arg_path, i.folder, standing(i.id).artifact, i.subpath, i.deliver, i.origin) for i in action.inputs
    )
    return Consumption(inputs, jobs, action_key(action, contents))


def start_attempt(flight: Flight, ports: Ports, run: str) -> Handle:
    """Begin the next attempt of a flight and return its handle.

    Raises:
        HostError: the runner could not start it.
    """
    flight.attempt += 1
    grant = flight.grant or Grant(1.0, 0)
    job = Job(
        flight=flight.name,
        attempt=flight.attempt,
        action=flight.action,
        inputs=flight.consumption.jobs,
        resources=flight.resources,
        run=run,
        checkpoint=flight.checkpoint,
        resumed=flight.resumed,
        gpus=grant.gpus,
        secrets=ports.materials.secrets(flight.action),
    )
    handles = ports.runner.start([job])
    if len(handles) != 1:
        raise HostError("the runner started nothing and gave no reason", code="runner", hint="run `traintrack doctor`")
    flight.handle = handles[0]
    return handles[0]


def _pinned_part(origin: Origin, subpath: str | None) -> ArtifactDigest:
    """What stands for a part of data outside of the storage: nobody knows the bytes of just that part."""
    if subpath is None:
        return origin.pinned
    return ArtifactDigest(content_digest(canonical_json({"origin": origin.pinned, "path": subpath})))


def _content(
    result: Result, id_: TargetId, subpath: str | None, storage: Storage, label_of: Callable[[TargetId], str]
) -> ArtifactDigest:
    words = storage.artifacts.fetch(result, subpath)
    if words is not None:
        raise DamagedInputError(id_, words)
    if subpath is None:
        return result.artifact
    try:
        part = storage.artifacts.manifest(result).part(subpath)
    except IntegrityError as error:
        raise DamagedInputError(id_, error.message) from error
    if part is None:
        raise InputError(
            f"`{label_of(id_)}` has no `{subpath}`",
            code="no-such-path",
            hint=f"see what it has: `ls $(traintrack pull {label_of(id_)})`",
        )
    return part.digest()
