"""A command that is about one target: from the text on the command line to its label and declaration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traintrack.app.project import Project, select_labels
from traintrack.errors import UsageError
from traintrack.label import Label, parse_label
from traintrack.workspace.model import Target


def one_label(project: Project, text: str) -> Label:
    """Return the label that a pattern names.

    Raises:
        UsageError: it names several.
        NotFoundError: it names none.
    """
    labels = select_labels(project, [text])
    if len(labels) == 1:
        return labels[0]
    raise UsageError(
        f"`{text}` names {len(labels)} targets, and this command takes one",
        code="several-targets",
        hint=f"name one of them, such as `{labels[0]}`",
    )


def declared(project: Project, label: Label) -> Target | None:
    """The declaration of a label; None for a frozen one that is not declared any more."""
    return project.loader.experiment(label.package).targets.get(label.name)


def left_out_of(project: Project, label_text: str) -> dict[str, tuple[Mapping[str, Any], ...]]:
    """What the fan-ins of a label leave out as it is declared: coordinates by the path of the argument."""
    target = declared(project, parse_label(label_text))
    return {path: tuple(some) for path, some in target.spec.except_.items()} if target is not None else {}
