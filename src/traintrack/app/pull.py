"""`pull`: hand out the results of targets, checked, as they lie in the storage or as a copy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from msgspec import Struct

from traintrack.action.cell import CellState, Result
from traintrack.action.manifest import Manifest
from traintrack.app.answers import PulledTarget
from traintrack.app.environment import Environment
from traintrack.app.kept_files import find_kept, unfold
from traintrack.app.one_target import declared
from traintrack.app.project import Project, action_graph, select_labels
from traintrack.app.tree_copy import copy_tree, replace_tree
from traintrack.digest import TargetId
from traintrack.errors import HostError, InputError, IntegrityError, NotFoundError, UsageError
from traintrack.label import Label, LabelError, parse_reference
from traintrack.ports.storage import Artifacts, Seen, Storage


class Wanted(Struct, frozen=True):
    """A target, or the part of its artifact at `subpath`."""

    label: Label
    subpath: str | None = None

    def __str__(self) -> str:
        return f"{self.label}/{self.subpath}" if self.subpath else str(self.label)


def pull(
    project: Project, environment: Environment, texts: Sequence[str], output: Path | None, *, force: bool = False
) -> tuple[PulledTarget, ...]:
    """Return where the results are, or copy them to `output`/<target> and return the copies.

    `texts` are patterns and references into artifacts (`:t/weights.bin`, `:t#model`). The targets of several
    folders with the same name go to `output`/<package>/<target>. What stands there and is equal is left;
    what differs is replaced only with `force`. Of a result whose bytes were removed its small files can still be had.

    Raises:
        NotFoundError: a target has no result (`no-result`), or its result has no such path.
        IntegrityError: the stored bytes are damaged.
        UsageError: something else stands where the copy goes.
    """
    storage = environment.storage
    wanted = find_wanted(project, texts)
    ids = find_ids(project, wanted)
    kept = _of_what_went(storage, wanted, ids)
    results = find_results(storage, [item for item in wanted if item not in kept], ids)
    for item in wanted:
        if item not in kept:
            _check(storage.artifacts, item, results[item.label])
    places = place_each(wanted, output) if output is not None else {}
    paths: dict[Wanted, Path] = {}
    for item in wanted:
        part, source = kept.get(item) or _here(storage, item, results[item.label])
        paths[item] = _copied(source, part, places[item], force) if places else source
    return tuple(PulledTarget(str(item), ids[item.label], paths[item]) for item in wanted)


def find_wanted(project: Project, texts: Sequence[str]) -> list[Wanted]:
    """What the command line names, in its order, each once."""
    patterns = [text for text in texts if not _names_a_part(text)]
    found = [Wanted(label) for label in select_labels(project, patterns)] if patterns or not texts else []
    found += [_part(project, text) for text in texts if _names_a_part(text)]
    return list(dict.fromkeys(found))


def _names_a_part(text: str) -> bool:
    return "#" in text or "/" in text.partition(":")[2]


def _part(project: Project, text: str) -> Wanted:
    absolute = text if text.startswith(("//", ":", "@", "-")) else f"//{project.current_package}/{text}"
    try:
        reference = parse_reference(absolute.replace("///", "//"), project.current_package)
    except LabelError as error:
        raise UsageError(str(error), code="bad-label", hint="write `//folder:target/path`") from error
    if reference.label is None or reference.ref or reference.member:
        raise UsageError(
            f"`{text}` cannot be pulled by this version: it names a revision, an alias or a member",
            code="unsupported",
            hint="name the target: `//folder:target/path`",
        )
    [label] = select_labels(project, [str(reference.label)])
    if reference.output is None:
        return Wanted(label, reference.path)
    return Wanted(label, _output_path(project, label, reference.output))


def _output_path(project: Project, label: Label, output: str) -> str:
    target = declared(project, label)
    outputs = target.spec.outputs if target else {}
    path = outputs.get(output)
    if path is not None:
        return path.rstrip("/")
    close = get_close_matches(output, outputs, 1)
    known = ", ".join(f"`{name}`" for name in outputs) or "none"
    raise InputError(
        f"`{label}` declares no output `{output}`",
        code="unknown-output",
        location=target.place if target else None,
        hint=f"did you mean `{label}#{close[0]}`?" if close else f"declared outputs: {known}",
    )


def find_ids(project: Project, wanted: Sequence[Wanted]) -> dict[Label, TargetId]:
    """The ID of each target.

    Raises:
        NotFoundError: one is data that stays where it is.
    """
    labels = list(dict.fromkeys(item.label for item in wanted))
    graph = action_graph(project, [str(label) for label in labels])
    for label in labels:
        source = graph.sources.get(graph.labels[str(label)])
        if source is not None and not source.imported:
            raise NotFoundError(
                f"`{label}` is no result: its data stays at `{source.uri}`",
                code="not-imported",
                hint=f"read it there, or write `import: true` in `{label}` and run it",
            )
    return {label: graph.labels[str(label)] for label in labels}


def find_results(storage: Storage, wanted: Sequence[Wanted], ids: Mapping[Label, TargetId]) -> dict[Label, Result]:
    """The result of each target.

    Raises:
        NotFoundError: one has none.
    """
    cells = storage.cells.read(list(dict.fromkeys(ids.values())))
    found: dict[Label, Result] = {}
    for label, id_ in ids.items():
        cell = cells[id_].cell
        if cell is not None and cell.state is CellState.DONE and cell.result is not None:
            found[label] = cell.result
    missing = [str(item.label) for item in wanted if item.label not in found]
    if missing:
        rest = f" and {len(missing) - 1} more have" if len(missing) > 1 else " has"
        kept = _kept_words(storage, wanted, cells, ids)
        raise NotFoundError(
            f"`{missing[0]}`{rest} no result in {storage.name}",
            code="no-result",
            hint="traintrack run " + " ".join(dict.fromkeys(missing)) + kept,
            details=missing[1:],
        )
    return found


def _kept_words(
    storage: Storage, wanted: Sequence[Wanted], cells: Mapping[TargetId, Seen], ids: Mapping[Label, TargetId]
) -> str:
    """How to get what is kept of the first result that went, as an addition to a hint."""
    for item in wanted:
        files = find_kept(storage, cells[ids[item.label]].cell)
        if files is not None:
            return f"  # what is kept of the last one: traintrack pull {item.label}/{files.manifest.entries[0].path}"
    return ""


def _check(artifacts: Artifacts, item: Wanted, result: Result) -> None:
    if item.subpath is not None and artifacts.manifest(result).part(item.subpath) is None:
        raise NotFoundError(
            f"the result of `{item.label}` has no `{item.subpath}`",
            code="no-such-path",
            hint=f"traintrack pull {item.label}  # prints the folder to look into",
        )
    wrong = artifacts.fetch(result, item.subpath)
    if wrong is not None and result.home:
        raise HostError(
            f"the result of `{item.label}` cannot be brought here: {wrong}",
            code="home-away",
            hint=f"try again later, or make it here: traintrack run --force --replace {item.label}",
        )
    if wrong is not None:
        raise IntegrityError(
            f"the result of `{item.label}` is damaged: {wrong}",
            code="artifact-damaged",
            # `run` alone would reuse what stands: mere reuse checks no bytes.
            hint=f"traintrack verify --repair {item.label} && traintrack run {item.label}",
        )


def place_each(wanted: Sequence[Wanted], output: Path) -> dict[Wanted, Path]:
    """`output`/<target>[/<subpath>], with the package between where two targets of one name are wanted."""
    packages = Counter(label.name for label in {item.label for item in wanted})
    places: dict[Wanted, Path] = {}
    for item in wanted:
        folder = output / item.label.package if packages[item.label.name] > 1 else output
        places[item] = folder / item.label.name / (item.subpath or "")
    return places


def _of_what_went(
    storage: Storage, wanted: Sequence[Wanted], ids: Mapping[Label, TargetId]
) -> dict[Wanted, tuple[Manifest, Path]]:
    """The parts of removed results that are kept, and where they are now; who wants the whole is not served by a part."""
    parts = [item for item in wanted if item.subpath is not None]
    cells = storage.cells.read(list(dict.fromkeys(ids[item.label] for item in parts))) if parts else {}
    found: dict[Wanted, tuple[Manifest, Path]] = {}
    for item in parts:
        files = find_kept(storage, cells[ids[item.label]].cell)
        part = files.manifest.part(item.subpath) if files is not None else None
        if files is not None and part is not None and item.subpath is not None:
            found[item] = (part, unfold(storage, files) / item.subpath)
    return found


def _here(storage: Storage, item: Wanted, result: Result) -> tuple[Manifest, Path]:
    part = storage.artifacts.manifest(result).part(item.subpath)
    assert part is not None
    return part, storage.artifacts.path(result.artifact, item.subpath)


def _copied(source: Path, part: Manifest, place: Path, force: bool) -> Path:  # noqa: FBT001
    if force:
        replace_tree(source, part, place)
    else:
        copy_tree(source, part, place)
    return place
