"""All sources behind one door: picks the adapter of a URI, finds folders of this machine, fetches and checks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

from traintrack.action.action import Origin
from traintrack.errors import HostError, InputError, IntegrityError, TaskError
from traintrack.ports.sources import SourceEntry, SourceReader
from traintrack.storages.local.scan import scan_output
from traintrack.storages.sources.fetch import fetch_all
from traintrack.storages.sources.folder import FolderReader
from traintrack.storages.sources.listing import ListingDigest
from traintrack.storages.sources.patience import Patience
from traintrack.storages.sources.progress import Progress
from traintrack.storages.sources.uri import FILE, scheme_of

EFS = "efs"


class Sources:
    """The sources that a workspace can name from this machine."""

    def __init__(
        self,
        root: Path,
        mounts: Mapping[str, str],
        readers: Mapping[str, Callable[[], SourceReader]],
        patience: Patience | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            root: where relative paths start.
            mounts: the folder of each name in `efs://NAME/…`.
            readers: makers of the adapters by scheme, called when the first such URI comes.
            patience: how long cuts are borne.
        """
        self._root, self._mounts, self._makers = root, mounts, readers
        self._patience = patience or Patience()
        self._made: dict[str, SourceReader] = {}
        self._folders = FolderReader(self._local)

    def folder(self, uri: str) -> Path | None:
        """See `Origins`."""
        return self._local(uri) if scheme_of(uri) in (FILE, EFS) else None

    def list(self, uri: str) -> Iterator[SourceEntry]:
        """See `SourceReader`."""
        return self._reader(uri).list(uri)

    def fetch(self, uri: str, entries: Iterator[SourceEntry], place: Path, progress: Progress) -> None:
        """Bring listed files to the new folder `place`.

        Raises:
            TraintrackError: see `fetch_all`.
        """
        try:
            place.mkdir(parents=True)
        except OSError as error:
            message = f"`{place}` cannot be made: {(error.strerror or str(error)).lower()}"
            raise HostError(message, code="disk", hint="look at the disk: df -h") from error
        fetch_all(self._reader(uri), uri, entries, place, progress, self._patience)

    def bring(
        self, origin: Origin, place: Path, subpath: str | None = None, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        """See `Origins`."""
        listing = ListingDigest()
        part = None if origin.content is not None else subpath
        progress = Progress(origin.uri, lambda _: None, stopped=stopped)
        self.fetch(origin.uri, counted(self.list(origin.uri), listing, part), place, progress)
        if origin.listing is not None and listing.hexdigest() != origin.listing:
            raise changed(origin.uri, origin.listing, listing.hexdigest())
        if origin.content is not None:
            found = _content_of(place)
            if found != origin.content:
                raise changed(origin.uri, origin.content, found)
        if subpath is not None and not os.path.lexists(place / subpath):
            message = f"`{origin.uri}` has no `{subpath}`"
            raise InputError(message, code="no-such-path", hint="correct the path behind the label")
        _make_read_only(place)

    def _reader(self, uri: str) -> SourceReader:
        scheme = scheme_of(uri)
        if scheme in (FILE, EFS):
            return self._folders
        if scheme not in self._makers:
            hint = "use a path, `https://`, `s3://` or `efs://`"
            raise InputError(f"`{uri}` is of a kind that cannot be read", code="unsupported", hint=hint)
        if scheme not in self._made:
            self._made[scheme] = self._makers[scheme]()
        return self._made[scheme]

    def _local(self, uri: str) -> Path:
        if scheme_of(uri) != EFS:
            text = unquote(uri.removeprefix("file://")) if uri.startswith("file://") else uri
            return self._root / Path(text).expanduser()
        name, _, path = uri.removeprefix("efs://").partition("/")
        folder = self._mounts.get(name)
        if folder is None:
            raise InputError(
                f"`{uri}`: no environment says where `{name}` is mounted",
                code="source-not-mounted",
                hint=f"add `mounts: {{{name}: /mnt/{name}}}` to the environment in TTWORKSPACE.yaml",
            )
        mounted = self._root / Path(folder).expanduser()
        if not mounted.is_dir():
            raise InputError(
                f"`{uri}`: `{mounted}` is not there, so `{name}` is not mounted",
                code="source-not-mounted",
                hint=f"mount it, or correct `mounts` in TTWORKSPACE.yaml: ls {mounted}",
            )
        if ".." in path.split("/"):
            message = f"`{uri}` leads out of `{name}` with `..`"
            raise InputError(message, code="source-refused", hint="write the path without `..`")
        return mounted / path


def changed(uri: str, pinned: str, found: str, words: str | None = None, label: str | None = None) -> IntegrityError:
    """The error for data that is not what it was pinned to; `words` say where the first difference is."""
    more = f": {words}" if words else ""
    return IntegrityError(
        f"`{uri}` is not what it was pinned to: {found[:12]} and not {pinned[:12]}{more}",
        code="source-changed",
        hint=f"bring the pinned data back, or pin what is there now: traintrack lock --update {label or 'LABEL'}",
    )


def counted(entries: Iterator[SourceEntry], listing: ListingDigest, part: str | None = None) -> Iterator[SourceEntry]:
    """Add all entries to the listing, and yield those of the wanted part."""
    for entry in entries:
        listing.add(entry)
        if part is None or entry.path == part or entry.path.startswith(f"{part}/"):
            yield entry


def _content_of(place: Path) -> str:
    try:
        return scan_output(str(place)).digest()
    except TaskError as error:
        message = error.message.replace("the output is refused", "the data is refused")
        raise InputError(message, code="source-refused", hint="leave only files, folders and links there") from error


def _make_read_only(place: Path) -> None:
    for folder, _, names in os.walk(place):
        for name in names:
            path = f"{folder}/{name}"
            if not os.path.islink(path):
                os.chmod(path, 0o555 if os.access(path, os.X_OK) and os.stat(path).st_mode & 0o100 else 0o444)
