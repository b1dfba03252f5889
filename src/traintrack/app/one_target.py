"""A command that is about one target: from the text on the command line to its label and declaration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traintrack.app.project import Project, select_labels
from traintrack.errors import UsageError
from traintrack.label import Label, parse_label
from traintrack.workspace.model import Layer, Target


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


def left_out_of(project: Project, label_text: str) -> dict[str, tuple[Mapping[str, Any], ...]] | None:
    """What the fan-ins of a label leave out as it is declared: coordinates by the path of the argument.

    None where that is not the label's own to say: it is a part of a graph from a template, which others use too.
    """
    target = declared(project, parse_label(label_text))
    if target is None or any(_is_of_part(layer) for layer in target.layers):
        return None
    return {path: tuple(some) for path, some in target.spec.except_.items()}


def _is_of_part(layer: Layer) -> bool:
    return layer.base[:1] == ("templates",) and layer.base[2:3] == ("targets",)
