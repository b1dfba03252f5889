"""A storage that reuses results of other storages: they are looked into, never written."""
