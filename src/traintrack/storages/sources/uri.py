"""What the URI of a source says: its scheme, and the file that is named last."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from traintrack.action.manifest import name_is_allowed

FILE = "file"


def scheme_of(uri: str) -> str:
    """Return the scheme; a plain path has that of files."""
    scheme, found, _ = uri.partition("://")
    return scheme if found else FILE


def last_name(uri: str) -> str:
    """Return the name of the file that a URL ends in, `data` where that is no name a file may have."""
    name = unquote(urlsplit(uri).path.rpartition("/")[2], errors="replace")
    return name if name_is_allowed(name) else "data"
