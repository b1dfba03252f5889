"""What a storage or a part of it can do beyond its port: whoever stands before it can do it in its name."""

from __future__ import annotations

from collections.abc import Collection


def further_parts(own: object, known: Collection[str]) -> dict[str, object]:
    """Return the public methods and parts of `own` that are not `known`, by name.

    Set on an object they make it what `own` is to `isinstance` with a protocol, as in `GroupCommits`.
    """
    methods = {name for name in dir(type(own)) if callable(getattr(type(own), name))}
    names = sorted(methods | set(getattr(own, "__dict__", ())))
    return {name: getattr(own, name) for name in names if not name.startswith("_") and name not in known}
