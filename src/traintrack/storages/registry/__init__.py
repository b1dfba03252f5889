"""Asks container registries what a tag points at."""
