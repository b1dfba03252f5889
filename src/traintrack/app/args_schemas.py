"""The contract of a task's arguments: each target's `args` against the JSON Schema that it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from traintrack.app.project import Project
from traintrack.errors import InputError
from traintrack.workspace import args_schema
from traintrack.workspace.model import Target


def check_args(project: Project, targets: Iterable[Target]) -> Iterator[InputError]:
    """Tell what the arguments of targets have against their schemas, read at each target's commit; a file once."""
    read: dict[tuple[str, str], bytes | InputError | None] = {}
    for target in targets:
        path, commit = target.spec.args_schema, target.spec.commit
        if path is None or commit is None:
            continue
        if (commit, path) not in read:
            read[commit, path] = _read(project, commit, path)
        schema = read[commit, path]
        if isinstance(schema, InputError):
            yield schema
        elif schema is None:
            yield InputError(
                f"there is no file `{path}` at `{commit[:12]}`",
                code="missing-schema",
                location=target.place_of("args_schema"),
                hint=f"git add {path} && git commit, or correct `args_schema`",
            )
        else:
            yield from args_schema.check_args(schema, path, target.spec.args, target)


def _read(project: Project, commit: str, path: str) -> bytes | InputError | None:
    try:
        return project.source.read(commit, path)
    except InputError as error:
        return error
