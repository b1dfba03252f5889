"""Numbers in words: durations, sizes, counts and times, for people."""

from __future__ import annotations

_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


def duration_text(duration_s: float) -> str:
    """Spell a duration in at most two units: `0.3s`, `41s`, `2m 14s`, `3h 10m`, `2d 4h`."""
    if duration_s < 9.95:
        return f"{max(duration_s, 0.0):.1f}s"
    whole = round(duration_s)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d {whole % 86400 // 3600}h"


def size_text(size_bytes: int) -> str:
    """Spell a size with three digits: `0 B`, `812 B`, `1.20 MiB`, `34.5 GiB`."""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    size = float(size_bytes)
    unit = ""
    for unit in _UNITS:  # noqa: B007 - the unit that the loop ends at is the answer
        size /= 1024
        if size < 1023.5:
            break
    digits = 2 if size < 9.995 else 1 if size < 99.95 else 0
    return f"{size:.{digits}f} {unit}"


def count_text(count: int, thing: str) -> str:
    """Spell a count with its noun: `1 target`, `23 targets`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def time_text(iso: str) -> str:
    """Spell an ISO 8601 time in UTC without its fraction: `2026-04-16 12:04:31 UTC`; other text stays as it is."""
    day, separator, clock = iso.partition("T")
    if not separator or not clock.endswith(("Z", "+00:00")):
        return iso
    return f"{day} {clock.removesuffix('Z').removesuffix('+00:00').partition('.')[0]} UTC"


def names_text(names: tuple[str, ...] | list[str], most: int = 3) -> str:
    """Spell the first names and how many there are beyond: `a, b, c and 4 more`."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
