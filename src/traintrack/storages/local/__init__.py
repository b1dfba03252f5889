"""A storage in a folder of a local disk; docs/explanation/protocol.md argues why it is safe."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from traintrack.storages.local.store import LocalStorage, open_local

__all__ = ["LocalStorage", "open_local"]


def __getattr__(name: str) -> object:
    # Late, so that `standing.py`, which says that there is nothing to do, brings no store with it.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from traintrack.storages.local import store  # noqa: PLC0415 - see above

    return getattr(store, name)
