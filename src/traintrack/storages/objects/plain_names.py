"""The names that the files of an artifact have where there are no links and no empty folders."""

from __future__ import annotations

from collections.abc import Iterator

from traintrack.action.links import resolve_inside
from traintrack.action.manifest import Entry, EntryType, Manifest
from traintrack.errors import IntegrityError

_MOST_PER_ENTRY = 4
_ALWAYS_ALLOWED = 1000


def plain_names(manifest: Manifest, subpath: str | None) -> Iterator[tuple[str, Entry]]:
    """Yield a name, relative to `subpath`, for each file at or below it; a link has the files that it leads to.

    A single file has its own name. A link to a folder that it stands in has none.

    Raises:
        IntegrityError: links to folders multiply the files beyond measure.
    """
    links = {e.path: e.target or "" for e in manifest.entries if e.type is EntryType.LINK}
    where = resolve_inside(links, subpath or "") or ""
    most = _MOST_PER_ENTRY * len(manifest.entries) + _ALWAYS_ALLOWED
    name = (subpath or "").rpartition("/")[2]
    for number, found in enumerate(_Names(manifest, links).at(where, "", name, (where,))):
        if number >= most:
            raise IntegrityError("the links of the artifact multiply its files", code="too-many-names")
        yield found


class _Names:
    def __init__(self, manifest: Manifest, links: dict[str, str]) -> None:
        self._entries = manifest.entries
        self._files = {e.path: e for e in manifest.entries if e.type is EntryType.FILE} if links else None
        self._links = links

    def at(self, where: str, prefix: str, name: str, inside: tuple[str, ...]) -> Iterator[tuple[str, Entry]]:
        """What is at or below `where`, as `name` if it is a file, else with names that begin with `prefix`."""
        alone = self._files.get(where) if self._files is not None else None
        if alone is not None:
            yield name, alone
            return
        below = f"{where}/" if where else ""
        for entry in self._entries:
            if entry.path == where and entry.type is EntryType.FILE:
                yield name, entry
            elif entry.path.startswith(below):
                yield from self._entry(entry, f"{prefix}{entry.path[len(below) :]}", inside)

    def _entry(self, entry: Entry, name: str, inside: tuple[str, ...]) -> Iterator[tuple[str, Entry]]:
        if entry.type is EntryType.FILE:
            yield name, entry
        if entry.type is not EntryType.LINK:
            return
        target = resolve_inside(self._links, entry.path)
        above = f"{target}/" if target else ""
        if target is None or any(f"{folder}/".startswith(above) for folder in (*inside, entry.path)):
            return
        yield from self.at(target, f"{name}/", name, (*inside, target))
