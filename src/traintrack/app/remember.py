"""Keeps what a request came to, so that the same question over the same files need not be worked out again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from traintrack.app.known import Answer, Request, Sources, fingerprint_of_names, keep
from traintrack.app.project import Identified, Project
from traintrack.app.standing import note_seen
from traintrack.storages.local.standing import Mark, shard_marks
from traintrack.workspace.git_head import find_head
from traintrack.workspace.model import Workspace
from traintrack.workspace.source_control import WORKTREE


class Sighting(Struct, frozen=True):
    """A request about to be planned over the store in `folder`; `marks` were taken before the plan reads a cell."""

    request: Request
    answer: bytes
    folder: str
    marks: Mapping[str, Mark]


def begin_sighting(
    project: Project, texts: Sequence[str], found: Identified, folder: str, *, is_pinned: bool
) -> Sighting | None:
    """Keep the answer to a request, and look at a store's shards before the cells in them are read."""
    answer = remember(project, texts, found, is_pinned=is_pinned)
    if answer is None:
        return None
    marks = shard_marks(folder, {id_[:2] for id_ in found.actions.requested})
    return Sighting(request_of(project, texts), answer, folder, marks)


def end_sighting(sighting: Sighting | None, *, all_stood: bool) -> None:
    """Note that the store was opened, and its shards if all that was requested stood in them."""
    if sighting is not None:
        note_seen(sighting.request, sighting.answer, sighting.folder, sighting.marks if all_stood else {})


def remember(project: Project, texts: Sequence[str], found: Identified, *, is_pinned: bool) -> bytes | None:
    """Keep the answer to a request and return its name; None where there is none that would hold.

    What follows from a working tree or from words of the command line is never kept, nor is what follows from a
    HEAD that only git can tell. `is_pinned` says that no lock lacks a pin.
    """
    loader, workspace = project.loader, project.workspace
    commit = project.source.head()
    if not loader.is_plain or commit is None or commit != find_head(str(workspace.root.resolve())):
        return None
    if any(node.target.spec.commit == WORKTREE for node in found.targets.nodes.values()):
        return None
    graph = found.actions
    wanted = frozenset(graph.requested)
    sources = Sources(
        {"TTWORKSPACE.yaml": workspace.digest, **loader.files},
        {under: fingerprint_of_names(names) for under, names in loader.searched.items()},
        commit,
    )
    answer = Answer(
        {str(label): graph.labels[str(label)] for label in found.labels},
        graph.requested,
        sum(id_ in wanted for id_ in graph.labels.values()),
        _storages(workspace),
        is_pinned=is_pinned,
    )
    return keep(request_of(project, texts), sources, answer)


def request_of(project: Project, texts: Sequence[str]) -> Request:
    """Return the request that patterns make in a project."""
    return Request(str(project.workspace.root.resolve()), project.current_package, texts)


def _storages(workspace: Workspace) -> dict[str, str]:
    folders = {
        name: spec.storage
        for name, spec in workspace.environments.items()
        if spec.runner == "local" and "://" not in spec.storage
    }
    if workspace.default_env in folders:
        folders[""] = folders[workspace.default_env]
    return folders
