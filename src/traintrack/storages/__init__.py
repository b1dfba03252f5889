"""Where bytes live: one package per kind of storage, each behind the protocols of `ports/storage.py`."""
