"""The axes of a target: its field `each` as a grid, those of its instance, and how many members that makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from traintrack.errors import InputError
from traintrack.label import Label, LabelError, parse_reference
from traintrack.workspace.axes import Grid, joined
from traintrack.workspace.family import Family
from traintrack.workspace.findings import Findings, NotedError, shown
from traintrack.workspace.interpolate import compiled, first_coordinates, has_holes
from traintrack.workspace.merged_places import MergedPlaces
from traintrack.workspace.model import FamilyOfTargets, KeyPath, Layer, Target
from traintrack.workspace.read_each import read_each
from traintrack.workspace.site import Site
from traintrack.workspace.stack import Stack
from traintrack.workspace.suggest import did_you_mean

MOST_MEMBERS: Final = 256
"""More members of a family need `max_members`, so that nobody is surprised by 40,000 jobs."""

HARD_LIMIT: Final = 100_000
"""No family has more, whatever `max_members` says: a plan of them takes minutes and gigabytes."""

_LABEL_HINT: Final = 'write `each: ":family"`'

Find = Callable[[Label], tuple[Target | FamilyOfTargets | None, Sequence[str]]]
"""Returns what a label names, and the names that there are where it is not declared."""


class OwnAxes:
    """Reads the axes of the targets of one package; what is wrong is noted in `errors`."""

    def __init__(self, package: str, stack: Stack, errors: list[InputError], find: Find) -> None:
        self._package = package
        self._stack = stack
        self._errors = errors
        self._find = find

    def grid(self, shaping: Sequence[Layer], site: Site) -> Grid | None:
        """Return the grid that layers declare, None if they declare none.

        Raises:
            NotedError: it is wrong.
        """
        each = self._stack.shape("each", shaping)
        if each is None:
            return None
        before = len(self._errors)
        findings = Findings(MergedPlaces(shaping, {"each": each}), self._errors)
        if has_holes(each):
            each = self._filled(each, site, findings)
        grid = read_each(each, ("each",), findings, lambda text, path: self._taken(text, path, site, findings))
        if grid is None or len(self._errors) != before:
            raise NotedError
        return grid

    def together(self, site: Site, own: Grid | None) -> Grid | None:
        """Return the axes of a part: those of its instance, then its own.

        Raises:
            NotedError: an axis is there twice.
        """
        outer = site.outer
        if outer is None or own is None:
            return outer if own is None else own
        twice = [axis for axis in own.axes if axis in outer.axes]
        for axis in twice:
            message = f"the axis `{axis}` is there twice: in `{shown(site.prefix)}`, and in what uses the template"
            error = InputError(message, code="axis-twice", location=site.place, hint="rename the outer one")
            self._errors.append(error)
        if twice:
            raise NotedError
        return joined(outer, own)

    def demand_few(self, grid: Grid, limit: int | None, site: Site) -> None:
        """Count the members before one is made; `limit` is what `max_members` says.

        Raises:
            NotedError: there would be too many.
        """
        count = grid.count()
        if count <= min(max(limit or 0, MOST_MEMBERS), HARD_LIMIT):
            return
        message = f"`{shown(site.name)}` would have {count:,} members"
        hint = f"add `max_members: {count}` if you mean it"
        if count > HARD_LIMIT:
            message, hint = f"{message}; {HARD_LIMIT:,} is the limit", "take fewer values"
        elif limit is not None:
            message, hint = (
                f"{message}, more than `max_members: {limit}`",
                f"write `max_members: {count}` if you mean it",
            )
        self._errors.append(InputError(message, code="too-many-members", location=site.place, hint=hint))
        raise NotedError

    def _filled(self, each: Any, site: Site, findings: Findings) -> Any:
        """Make `$${` plain in `each`; its axes depend on no others."""
        outer = site.outer
        names = [] if outer is None else [*outer.axes, first_coordinates(len(outer.axes))]
        before = len(self._errors)
        make = compiled(each, names, ("each",), findings)
        if len(self._errors) != before:
            raise NotedError
        if make is None:
            return each
        try:
            return make({})
        except KeyError as error:
            message = "the axes of a part cannot depend on those of the target that uses the template"
            findings.at_value(("each",), message, "dependent-axes", "give every member the same axes")
            raise NotedError from error

    def _taken(self, text: str, path: KeyPath, site: Site, findings: Findings) -> Grid | None:
        """The grid of another family, for `each: :train`."""
        if text.startswith("."):
            sibling = site.siblings.get(text[1:])
            if sibling is None:
                hint = "name a family that stands above it in the template"
                findings.at_value(path, f"`{shown(text)}` is no family of the template", "unknown-family", hint)
            return sibling
        label = self._label(text, path, findings)
        if label is None:
            return None
        try:
            declared, known = self._find(label)
        except InputError as error:
            taken = "" if error.code == "cycle" else f"the axes of `{label}` cannot be taken: "
            findings.at_value(path, f"{taken}{error.message}", error.code, error.hint or "name another family")
            return None
        if isinstance(declared, Family):
            return declared.grid
        what = "is no family" if declared is not None else "is not declared"
        others = [f":{name}" for name in known if declared is None]
        hint = did_you_mean(f":{label.name}", others, "write the axes out, or name a family")
        findings.at_value(path, f"`{label}` {what}", "unknown-family", hint)
        return None

    def _label(self, text: str, path: KeyPath, findings: Findings) -> Label | None:
        try:
            reference = parse_reference(text, self._package)
        except LabelError as error:
            findings.at_value(path, str(error), "bad-label", _LABEL_HINT)
            return None
        label = reference.label
        if label is None or reference.ref or reference.member or reference.path or reference.output:
            message = f"`{shown(text)}` is more than the label of a family"
            findings.at_value(path, message, "bad-label", _LABEL_HINT)
            return None
        return label
