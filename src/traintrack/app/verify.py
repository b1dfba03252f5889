"""`verify`: look for damage in a storage, and set it aside so that a run makes again what is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from traintrack.app.environment import Environment
from traintrack.app.project import Project, action_graph, select_labels
from traintrack.app.recorded import run_documents
from traintrack.app.verify_code import NamedObjects
from traintrack.digest import TargetId
from traintrack.errors import HostError
from traintrack.ports.verify import Cost, Depth, Finding, Looked, Mended, Scope, Survey, TellsCost, Verifiable

MUCH_BYTES = 10 << 30
"""A look that reads more than that from afar is announced."""

_MOST_ROUNDS = 3
"""What was set aside may leave names and hints that lead nowhere, which the next look finds."""


class VerifyOptions(Struct, frozen=True):
    """What the command line says. `share` (0 to 1) of the results is hashed, chosen by `seed`."""

    depth: Depth = Depth.DATA
    share: float = 1.0
    seed: str = ""
    repair: bool = False


class VerifyAnswer(Struct, frozen=True):
    """What `verify` found and did. `left` are the findings that stand at the end: without a repair all of them.

    `remake` are the labels of results that were taken away, sorted.
    """

    environment: str
    storage: str
    depth: Depth
    survey: Survey
    left: tuple[Finding, ...]
    mended: tuple[Mended, ...] = ()
    remake: tuple[str, ...] = ()


def verify(
    project: Project,
    environment: Environment,
    texts: Sequence[str],
    options: VerifyOptions,
    tell: Callable[[Looked], None],
    warn: Callable[[Cost], None] = lambda _: None,
) -> VerifyAnswer:
    """Look at the results that the patterns name, or at the whole storage if there is no pattern.

    Without `options.repair` nothing is changed. `tell` hears how far the look is, and `warn` before it begins if it
    reads much from afar.

    Raises:
        HostError: the storage cannot be looked at, or not be written.
        TraintrackError: files or graph are wrong; only where patterns are given.
    """
    storage = environment.storage
    if not isinstance(storage, Verifiable):
        raise HostError(
            f"the storage {storage.name} cannot be looked over by this version",
            code="unsupported",
            hint="take an environment whose storage is a folder, with `--env`",
        )
    labels = _labels(project, texts) if texts else {}
    scope = Scope(options.depth, tuple(labels) if texts else None, options.share, options.seed)
    judge = NamedObjects(project).judge
    if isinstance(storage, TellsCost) and options.depth is Depth.DATA:
        cost = storage.cost(scope)
        if cost is not None and cost.size_bytes > MUCH_BYTES:
            warn(cost)
    first = storage.survey(scope, judge, tell)
    mended: list[Mended] = []
    last = first
    for _ in range(_MOST_ROUNDS if options.repair else 0):
        if not last.findings:
            break
        mended += storage.mend(last.findings)
        last = storage.survey(scope, judge, tell)
    freed = dict(one for mend in mended for one in mend.freed)
    known = _labels_of(environment, first.findings + last.findings, freed, labels)
    return VerifyAnswer(
        environment.name,
        storage.name,
        options.depth,
        replace(first, findings=_told(first.findings, known)),
        _told(last.findings, known),
        tuple(mended),
        tuple(sorted({label for id_ in freed if (label := known.get(id_, ""))})),
    )


def _labels(project: Project, texts: Sequence[str]) -> dict[TargetId, str]:
    labels = [str(label) for label in select_labels(project, texts)]
    graph = action_graph(project, labels)
    return {graph.labels[label]: label for label in labels}


def _labels_of(
    environment: Environment, findings: Iterable[Finding], freed: dict[TargetId, str], known: dict[TargetId, str]
) -> dict[TargetId, str]:
    """The labels of IDs: as they were asked for, as records say, and where a record is lost as run documents do."""
    labels = {id_: label for id_, label in freed.items() if label}
    labels |= {one.id: one.label for one in findings if one.id is not None and one.label}
    labels |= known
    unknown = {one.id for one in findings if one.id is not None} | set(freed)
    unknown -= set(labels)
    if not unknown:
        return labels
    for document in run_documents(environment.storage):
        for row in document.targets:
            if row.id in unknown:
                labels.setdefault(row.id, row.label)
    return labels


def _told(findings: Iterable[Finding], labels: dict[TargetId, str]) -> tuple[Finding, ...]:
    return tuple(replace(one, label=labels.get(one.id, "")) if one.id is not None else one for one in findings)
