"""A runner over a real storage, with builders for code, artifacts and jobs whose tasks are shell scripts."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from traintrack.action.action import Action, Deliver, Input
from traintrack.action.image import Image
from traintrack.action.job import Handle, Job, JobInput, JobPhase, JobState, Output
from traintrack.digest import ArtifactDigest, JsonValue, TargetId, canonical_json, sha256_hex, target_id
from traintrack.ports.runner import Runner
from traintrack.ports.storage import Artifacts, Kept, Ledger, Staging

ENDS_WITHIN_S = 60.0
SHELL = ("sh",)
TASK = "src/task.sh"
_numbers = count(1)


class Bench(Struct, frozen=True):
    """A runner with the parts of the storage that it works over, and an image that has `sh` and can run there.

    `python` is how the image calls its Python 3.
    """

    runner: Runner
    staging: Staging
    artifacts: Artifacts
    kept: Kept
    ledger: Ledger
    image: Image
    python: str = "python"

    def enforces(self, word: str) -> bool:
        """Tell if the runner declares that it can enforce something."""
        return word in self.runner.capabilities.isolation.enforced

    def code(self, trees: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """Put folders of code and return `Action.code`: `trees` maps each path to its files, name to text."""
        return {path: put_code(self.kept, files) for path, files in trees.items()}

    def artifact(self, files: Mapping[str, str]) -> ArtifactDigest:
        """Publish an artifact of text files and return its digest."""
        folder = self.staging.new_stage("suite")
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return self.artifacts.publish(Output(str(folder), self.staging.scan(folder))).artifact

    def script(self, text: str, **fields: Any) -> Action:
        """Return the action of a shell script that gets CONFIG_YAML as $1 and OUTPUT_DIRECTORY as $2."""
        code = self.code({"src": {"task.sh": text}})
        return replace(make_action(self.image, code), **fields)

    def program(self, text: str, **fields: Any) -> Action:
        """Return the action of a Python program that gets CONFIG_YAML and OUTPUT_DIRECTORY, and has a module `near`."""
        code = self.code({"src": {"task.sh": text, "near.py": "WORD = 'near'\n"}})
        return replace(make_action(self.image, code), entrypoint=(self.python,), **fields)

    def run(self, job: Job) -> JobState:
        """Run a job to its end and return the last state."""
        (handle,) = self.runner.start([job])
        return self.finish(handle)

    def finish(self, handle: Handle) -> JobState:
        """Wait for the end of a job."""
        return self.await_phase(handle, JobPhase.FINISHED)

    def await_phase(self, handle: Handle, phase: JobPhase) -> JobState:
        """Wait until a job is in a phase and return that state."""
        deadline = time.monotonic() + ENDS_WITHIN_S
        while time.monotonic() < deadline:
            state = self.runner.poll([handle], 1.0).get(handle)
            if state is not None and state.phase is phase:
                return state
        raise AssertionError(f"the job was not {phase.value} within {ENDS_WITHIN_S:g} s")

    def await_log(self, handle: Handle, text: bytes) -> None:
        """Wait until a text stands in the log of a living job."""
        deadline = time.monotonic() + ENDS_WITHIN_S
        while time.monotonic() < deadline:
            if text in self.runner.logs(handle, 0):
                return
            time.sleep(0.01)
        raise AssertionError(f"{text!r} was not in the log within {ENDS_WITHIN_S:g} s")

    def output(self, state: JobState) -> dict[str, str]:
        """Publish the output of a success and return its text files by path."""
        assert state.output is not None, state
        result = self.artifacts.publish(state.output)
        folder = self.artifacts.path(result.artifact)
        return {e.path: (folder / e.path).read_text(encoding="utf-8") for e in state.output.manifest.entries}


class Wanted(Struct, frozen=True):
    """An input of a job for `make_job`: the artifact, and the part of it."""

    artifact: ArtifactDigest
    subpath: str | None = None
    deliver: Deliver = field(default=Deliver.COPY)


def make_action(image: Image, code: Mapping[str, str]) -> Action:
    """Return an action that runs `sh src/task.sh`."""
    preimage = canonical_json({"task": TASK, "code": code})
    return Action(
        id=target_id(preimage), preimage=preimage, task=TASK, image=image, entrypoint=SHELL, code=code, config={}
    )


def make_job(action: Action, inputs: Mapping[str, Wanted] | None = None, **fields: Any) -> Job:
    """Return the first attempt of a fresh flight; `inputs` maps arguments to what they are given."""
    wanted = inputs or {}
    references = tuple(
        Input(TargetId(sha256_hex(arg.encode())), (arg,), w.subpath, w.deliver) for arg, w in wanted.items()
    )
    config: JsonValue = {**(action.config if isinstance(action.config, Mapping) else {}), **dict.fromkeys(wanted)}
    job = Job(
        flight=f"flight{next(_numbers)}",
        attempt=1,
        action=replace(action, inputs=references, config=config),
        inputs=tuple(
            JobInput(r.arg_path, r.folder, wanted[str(r.arg_path[0])].artifact, r.subpath, r.deliver)
            for r in references
        ),
        resources=action.resources,
    )
    return replace(job, **fields)


def make_fan_in(action: Action, arg: str, members: Sequence[tuple[JsonValue, ArtifactDigest]]) -> Job:
    """Return a job whose argument is a list of members: coordinates, and the path of an artifact."""
    references = tuple(
        Input(TargetId(sha256_hex(f"{arg}.{n}".encode())), (arg, n, "path")) for n in range(len(members))
    )
    config: JsonValue = {arg: [{"at": at, "path": None} for at, _ in members]}
    inputs = tuple(
        JobInput(r.arg_path, r.folder, artifact) for r, (_, artifact) in zip(references, members, strict=True)
    )
    return Job(
        flight=f"flight{next(_numbers)}",
        attempt=1,
        action=replace(action, inputs=references, config=config),
        inputs=inputs,
        resources=action.resources,
    )


def put_code(kept: Kept, files: Mapping[str, str]) -> str:
    """Keep a tar of text files as the exporter writes it and return its object ID; programs begin with `#!`."""
    object_id = sha256_hex(json.dumps(files, sort_keys=True).encode())[:40]
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        for name in sorted(files):
            data = files[name].encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mode = 0o555 if files[name].startswith("#!") else 0o444
            tar.addfile(info, io.BytesIO(data))
    kept.put_named(f"code/{object_id}", sink.getvalue())
    return object_id
