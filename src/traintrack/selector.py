"""Which members of a family are meant: what stands behind the `@` of a label.

```
selector = item *( "," item )        item = axis "=" value | "*" | "."
```

`axis=value` names a coordinate, `*` all values of the axes that are left, `.` the coordinates of the target that
the selector stands in, on the axes that both have.
"""

from __future__ import annotations

import re

from msgspec import Struct

from traintrack.label import LabelError

_VALUE = re.compile(r"[A-Za-z0-9_.+-]+\Z")


class Selector(Struct, frozen=True):
    """`named` are coordinates by axis, as written. `here` stands for `.`, `rest` for `*`."""

    named: tuple[tuple[str, str], ...] = ()
    here: bool = False
    rest: bool = False


def parse_selector(text: str) -> Selector:
    """Read a selector, without the `@`.

    Raises:
        LabelError: it is none; the message says what is wrong.
    """
    named: dict[str, str] = {}
    here = rest = False
    for item in text.split(","):
        if item == "*":
            rest = True
            continue
        if item == ".":
            here = True
            continue
        axis, equals, value = item.partition("=")
        if not equals or not _VALUE.match(axis) or not _VALUE.match(value):
            raise LabelError(f"`@{text}` selects no members: `{item}` is none of `axis=value`, `*` and `.`")
        if axis in named:
            raise LabelError(f"`@{text}` names the axis `{axis}` twice")
        named[axis] = value
    return Selector(tuple(named.items()), here, rest)
