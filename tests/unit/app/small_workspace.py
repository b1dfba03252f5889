"""Small real workspaces for tests: files, git, a storage, and results that no task had to make."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from traintrack.action.action import Action
from traintrack.action.cell import Failure, Result, acquire, commit, fail, publish, started
from traintrack.action.event import RunDocument, RunTarget
from traintrack.action.job import Output
from traintrack.action.record import AttemptNote, InputRead, Record, Timings, Who, encode_record
from traintrack.app.environment import Environment, open_environment
from traintrack.app.project import Project, action_graph, open_project
from traintrack.digest import TargetId

WORKSPACE = """\
workspace: small
defaults: {paths: [src]}
images:
  py: {python: "3.11", lock: requirements.lock}
environments:
  local: {runner: local, storage: store}
default_env: local
"""

EXPERIMENT = """\
defaults: {image: py, commit: HEAD}
targets:
  data:
    task: make_data
    args: {rows: 10}
  train:
    task: train_model
    outputs: {model: weights/best.pt}
    args:
      data: ":data"
      epochs: 3
    unhashed: {workers: 2}
"""

FILES = {
    "TTWORKSPACE.yaml": WORKSPACE,
    "a/TTCONFIG.yaml": EXPERIMENT,
    "src/train_model.py": "print('train')\n",
    "requirements.lock": "# nothing\n",
    ".gitignore": "store/\n",
}


class Small:
    """A workspace in `root`, committed. What a test changes it writes and, where it matters, commits."""

    def __init__(self, root: Path, files: Mapping[str, str] | None = None, *, base: Mapping[str, str] = FILES) -> None:
        self.root = root
        self._runs = 0
        self.git("init", "-q", "-b", "main")
        for path, text in {**base, **(files or {})}.items():
            self.write(path, text)
        self.commit("Begin")

    def git(self, *words: str) -> str:
        who = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in _WHO.items()}
        clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        quiet = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        self.root.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ("git", *words), cwd=self.root, env={**clean, **who, **quiet}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text(encoding="utf-8")
        assert old in text
        self.write(path, text.replace(old, new))

    def commit(self, message: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def project(self, below: str = ".") -> Project:
        return open_project(self.root / below)

    def environment(self) -> Environment:
        return open_environment(self.project().workspace, None)

    def id_of(self, label: str) -> TargetId:
        return action_graph(self.project(), [label]).labels[label]

    def make(self, *labels: str, files: Mapping[str, bytes] | None = None) -> str:
        """Put results of the labels, made of `files`, into the storage as one run; return the run's name."""
        return self._run(labels, lambda environment, action, run: self._made(environment, action, run, files))

    def fail(self, label: str, log: str = "it broke\n") -> str:
        """Let a target fail as one run; return the run's name."""
        return self._run((label,), lambda environment, action, run: self._failed(environment, action, run, log))

    def _run(self, labels, execute) -> str:
        self._runs += 1
        run = f"r-{self._runs:04}"
        project, environment = self.project(), self.environment()
        graph = action_graph(project, labels)
        rows = tuple(execute(environment, graph.actions[graph.labels[label]], run) for label in labels)
        time = f"2026-04-16T10:{self._runs:02}:00Z"
        document = RunDocument(run, "small", "local", "ada", "here", time, time, "traintrack run", rows)
        environment.storage.ledger.put_run(document)
        return run

    def hold(self, label: str, run: str):
        """Hold a target for as long as the context that is returned is open."""
        environment = self.environment()
        return _held(environment, self.id_of(label), run)

    def _made(self, environment: Environment, action: Action, run: str, files: Mapping[str, bytes] | None) -> RunTarget:
        storage = environment.storage
        stage = environment.staging.new_stage(f"{run}-{action.id[:8]}")
        for path, data in (files or {"out.txt": action.id.encode()}).items():
            (stage / path).parent.mkdir(parents=True, exist_ok=True)
            (stage / path).write_bytes(data)
        output = Output(str(stage), environment.staging.scan(stage))
        [seen] = storage.cells.read([action.id]).values()
        with storage.present(run) as owner:
            seen = storage.cells.swap(seen, acquire(seen.cell, owner))
            seen = storage.cells.swap(seen, publish(seen.cell, owner))
            result = storage.artifacts.publish(output)
            log = self._log(environment, f"{run}-{action.id[:8]}.1", f"made {action.label}\n")
            record = self._record(environment, action, run, (AttemptNote(1, log=log),), result, output)
            digest = storage.kept.put(encode_record(record))
            result = Result(result.artifact, result.manifest, digest, result.layout)
            storage.cells.swap(seen, commit(seen.cell, result))
        return RunTarget(action.label, action.id, "executed", attempts=1, record=digest, log=log)

    def _failed(self, environment: Environment, action: Action, run: str, text: str) -> RunTarget:
        storage = environment.storage
        [seen] = storage.cells.read([action.id]).values()
        with storage.present(run) as owner:
            seen = storage.cells.swap(seen, acquire(seen.cell, owner))
            logs = [self._log(environment, f"{run}-{action.id[:8]}.{n}", f"attempt {n}: {text}") for n in (1, 2)]
            notes = tuple(AttemptNote(n, "task", "exit 3", 3, 1.0, log) for n, log in enumerate(logs, 1))
            digest = storage.kept.put(encode_record(self._record(environment, action, run, notes, None, None)))
            failure = Failure(seen.cell.flight, "task", "exit 3", 3, digest, logs[-1])
            storage.cells.swap(seen, fail(seen.cell, failure, digest))
        return RunTarget(action.label, action.id, "failed", attempts=2, record=digest, log=logs[-1], failure="task")

    def _log(self, environment: Environment, name: str, text: str) -> str:
        source = self.root / ".git" / "log-of-a-task"
        source.write_text(text)
        return environment.storage.ledger.put_log(name, source)

    def _record(
        self, environment, action: Action, run: str, notes, result: Result | None, output: Output | None
    ) -> Record:
        storage = environment.storage
        reads = []
        for item in action.inputs:
            cell = storage.cells.read([item.id])[item.id].cell
            if cell is not None and cell.result is not None:
                label = next(name for name, id_ in self._labels(action).items() if id_ == item.id)
                artifact = cell.result.artifact
                reads.append(InputRead(item.id, artifact, artifact, item.folder, item.subpath, label))
        return Record(
            id=action.id,
            preimage=action.recipe,
            label=action.label,
            place=action.provenance.place,
            workspace="small",
            who=Who("ada", "here", run, "0"),
            outcome="success" if result else "failure",
            artifact=result.artifact if result else None,
            files=output.manifest.files if output else 0,
            size_bytes=output.manifest.size_bytes if output else 0,
            inputs=tuple(reads),
            timings=Timings(ended=f"2026-04-16T10:{self._runs:02}:30Z"),
            attempts=notes,
            reason={"code": "never-built"},
            commit=action.provenance.commit,
            unhashed=action.unhashed,
        )

    def _labels(self, action: Action) -> Mapping[str, TargetId]:
        return action_graph(self.project(), [action.label]).labels


class _held:  # noqa: N801
    def __init__(self, environment: Environment, id_: TargetId, run: str) -> None:
        self._environment, self._id, self._run = environment, id_, run

    def __enter__(self) -> None:
        cells = self._environment.storage.cells
        self._presence = self._environment.storage.present(self._run)
        owner = self._presence.__enter__()
        [seen] = cells.read([self._id]).values()
        seen = cells.swap(seen, acquire(seen.cell, owner))
        cells.swap(seen, started(seen.cell, "{}"))

    def __exit__(self, *error: object) -> None:
        self._presence.__exit__(*error)


_WHO = {"NAME": "Ada", "EMAIL": "ada@example.org", "DATE": "2026-04-16T09:30:00+0200"}
