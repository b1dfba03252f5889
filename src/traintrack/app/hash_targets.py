"""`hash`: the IDs of targets, from the repository alone."""

from __future__ import annotations

from collections.abc import Sequence

from traintrack.app.answers import HashedTarget
from traintrack.app.project import Project, action_graph, select_labels


def hash_targets(project: Project, texts: Sequence[str]) -> tuple[HashedTarget, ...]:
    """Return the ID and the pre-image of every target that the patterns name, in their order.

    Runs nothing and asks no storage. The pre-image of a frozen target is empty: its ID is read, not computed.

    Raises:
        InputError: the workspace is wrong, or a pin is missing.
        NotFoundError: nothing matched.
    """
    labels = [str(label) for label in select_labels(project, texts)]
    graph = action_graph(project, labels)
    found = []
    for label in labels:
        id_ = graph.labels[label]
        action = graph.actions.get(id_) or graph.sources.get(id_)
        found.append(HashedTarget(label, id_, action.preimage if action else b""))
    return tuple(found)
