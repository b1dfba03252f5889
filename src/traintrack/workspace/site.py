"""A target about to be declared, which may become many: where it stands, and what it stands in."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from traintrack.errors import Location
from traintrack.workspace.axes import Grid
from traintrack.workspace.model import Layer
from traintrack.workspace.templates import Use


class Site(Struct, frozen=True):
    """A target: `name` as in its label, `prefix` begins the names of what it may be made of.

    `layer` is its own; `use` says where templates are looked up. A part of an instance has more: `inside` are the names
    of the instances around it, `below` the layers that these share with their parts, `outer` their axes, `limit` their
    `max_members`, and `siblings` the own grids of the parts declared so far.
    """

    name: str
    prefix: str
    layer: Layer
    use: Use
    place: Location
    inside: tuple[str, ...] = ()
    below: tuple[Layer, ...] = ()
    outer: Grid | None = None
    limit: int | None = None
    siblings: Mapping[str, Grid] = field(default_factory=dict)

    @property
    def is_result(self) -> bool:
        """Tell if it bears the label of the instance that it is the result of."""
        return bool(self.inside) and self.inside[-1] == self.name
