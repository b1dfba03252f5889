"""Runs tasks as processes of this user, with uv environments for Python images."""

from traintrack.runners.process.runner import ProcessRunner

__all__ = ["ProcessRunner"]
