"""`hash`: the IDs of targets, from the repository alone."""

from __future__ import annotations

from collections.abc import Sequence

from traintrack.app.answers import HashedTarget
from traintrack.app.project import Project, identify
from traintrack.app.remember import remember


def hash_targets(project: Project, texts: Sequence[str]) -> tuple[HashedTarget, ...]:
    """Return the ID and the pre-image of every target that the patterns name, in their order.

    Runs nothing and asks no storage. The pre-image of a frozen target is empty: its ID is read, not computed.

    Raises:
        InputError: the workspace is wrong, or a pin is missing.
        NotFoundError: nothing matched.
    """
    identified = identify(project, texts)
    # Pins were not looked for, so that `run` will look before it trusts this.
    remember(project, texts, identified, is_pinned=False)
    graph = identified.actions
    found = []
    for label in map(str, identified.labels):
        id_ = graph.labels[label]
        action = graph.actions.get(id_) or graph.sources.get(id_)
        found.append(HashedTarget(label, id_, action.preimage if action else b""))
    return tuple(found)
