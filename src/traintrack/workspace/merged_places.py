"""The places of merged fields, for messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from traintrack.errors import Location
from traintrack.workspace.interpolate import HoleError, text_of
from traintrack.workspace.model import KeyPath, Layer, place_in


class MergedPlaces:
    """Places of merged fields, in the layers that they come from; numbers that came out of holes have a text too."""

    def __init__(self, layers: Sequence[Layer], fields: Mapping[str, Any]) -> None:
        self._layers = layers
        self._fields = fields

    def value(self, path: KeyPath) -> Location:
        """The place of a value."""
        return place_in(self._layers, path) or Location("", 1, 1)

    def key(self, path: KeyPath) -> Location:
        """The place of a value, which is where the reader looks."""
        return self.value(path)

    def text(self, path: KeyPath) -> str | None:
        """The text of a number."""
        value: Any = self._fields
        try:
            for part in path:
                value = value[part]
            return text_of(value)
        except (HoleError, LookupError, TypeError):
            return None
