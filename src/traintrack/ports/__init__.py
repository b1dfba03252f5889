"""Protocols only: what the executor needs of runners, storages, clocks and listeners."""
