"""The line of a run that had nothing to do."""

from __future__ import annotations

from traintrack.cli.quantity import count_text, duration_text


def up_to_date_text(requested: int, cached: int, took_s: float, label: str | None, folder: str | None) -> str:
    """Say that all stands, to go behind the mark; `label` is that of a single target, `folder` its artifact's."""
    counted = f"({count_text(cached, 'target')} cached) in {duration_text(took_s)}"
    if label is None:
        return f" {count_text(requested, 'target')} are up to date {counted}"
    return f" {label} is up to date {counted}{f' → {folder}' if folder else ''}"
