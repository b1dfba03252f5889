"""A storage in a folder of a local disk; docs/explanation/protocol.md argues why it is safe."""

from traintrack.storages.local.store import LocalStorage, open_local

__all__ = ["LocalStorage", "open_local"]
