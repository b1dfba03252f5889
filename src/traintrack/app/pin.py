"""`pin` and `unpin`: results that stay for ever, because somebody says so."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from traintrack.action.cell import CellState
from traintrack.app.environment import Environment
from traintrack.app.project import Project, action_graph, select_labels
from traintrack.app.roots import Pin, Roots, change_roots, read_roots
from traintrack.app.stock import collectable
from traintrack.errors import NotFoundError, UsageError


def pin(project: Project, environment: Environment, texts: Sequence[str], note: Pin) -> tuple[Pin, ...]:
    """Pin the results that stand for the labels; `note` says who, when, why and under which name.

    Pinning again replaces what was said.

    Raises:
        UsageError: a name for several results, or one that another pin has.
        NotFoundError: a label has no result.
        HostError: it cannot be written.
    """
    labels = [str(label) for label in select_labels(project, texts)]
    if note.name and len(labels) != 1:
        raise UsageError(
            f"`--as` names one result, and these are {len(labels)}", hint="name one label, or leave it out"
        )
    graph = action_graph(project, labels)
    pins = tuple(replace(note, id=graph.labels[label], label=label) for label in labels)
    _demand_results(environment, pins)

    def add(roots: Roots) -> Roots:
        ids = {pin.id for pin in pins}
        others = tuple(pin for pin in roots.pins if pin.id not in ids)
        _demand_free(note.name, others)
        return replace(roots, pins=(*others, *pins))

    change_roots(collectable(environment.storage).documents, project.workspace.name, add)
    return pins


def unpin(project: Project, environment: Environment, texts: Sequence[str]) -> tuple[Pin, ...]:
    """Take pins away, by label, name or the beginning of an ID; a label takes all pins of it, also of older results.

    Raises:
        NotFoundError: a text names no pin.
        HostError: it cannot be written.
    """
    removed: list[Pin] = []

    def remove(roots: Roots) -> Roots:
        removed.clear()
        for text in texts:
            found = [pin for pin in roots.pins if _is_meant(pin, text, project.current_package)]
            if not found:
                raise NotFoundError(f"`{text}` names no pin", code="no-such-pin", hint="traintrack pin --list")
            removed.extend(pin for pin in found if pin not in removed)
        return replace(roots, pins=tuple(pin for pin in roots.pins if pin not in removed))

    change_roots(collectable(environment.storage).documents, project.workspace.name, remove)
    return tuple(removed)


def pins(project: Project, environment: Environment) -> tuple[Pin, ...]:
    """Return the pins of this workspace, sorted by label and time.

    Raises:
        IntegrityError: they cannot be read.
    """
    roots = read_roots(collectable(environment.storage).documents, project.workspace.name)
    return tuple(sorted(roots.pins, key=lambda pin: (pin.label, pin.at, pin.id)))


def _demand_results(environment: Environment, wanted: Sequence[Pin]) -> None:
    cells = environment.storage.cells.read([pin.id for pin in wanted])
    for pin in wanted:
        cell = cells[pin.id].cell
        if cell is None or cell.state is not CellState.DONE:
            raise NotFoundError(
                f"`{pin.label}` has no result that could be pinned",
                code="no-result",
                hint=f"traintrack run {pin.label}",
            )


def _demand_free(name: str, others: Sequence[Pin]) -> None:
    holder = next((pin for pin in others if name and pin.name == name), None)
    if holder is not None:
        raise UsageError(
            f"`{name}` is the name of the pin of {holder.label}",
            code="name-taken",
            hint=f"traintrack unpin {name}  # or take another name",
        )


def _is_meant(pin: Pin, text: str, package: str) -> bool:
    label = f"//{package}{text}" if text.startswith(":") else text
    return label == pin.label or text == pin.name or (len(text) >= 8 and pin.id.startswith(text))
