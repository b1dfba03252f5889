"""Labels and patterns as words of a command that a person copies."""

from __future__ import annotations

import shlex


def shell_word(text: str) -> str:
    """Return a label or pattern as one word: what selects members is quoted, anything else only where a shell needs it."""
    return f"'{text}'" if "@" in text and "'" not in text else shlex.quote(text)
