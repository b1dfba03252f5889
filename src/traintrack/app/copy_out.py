"""`pull -o s3://…`: results under plain names in a bucket, for who has no traintrack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from traintrack.action.cell import Result
from traintrack.app.environment import Environment
from traintrack.app.open_storage import open_export
from traintrack.app.project import Project
from traintrack.app.pull import Wanted, find_ids, find_results, find_wanted, place_each
from traintrack.digest import TargetId
from traintrack.errors import HostError, NotFoundError
from traintrack.ports.storage import Storage
from traintrack.ports.through import ReadsThrough


def copy_out(
    project: Project, environment: Environment, texts: Sequence[str], url: str, *, force: bool = False
) -> tuple[tuple[Wanted, TargetId, str], ...]:
    """Copy results to `url`/<target>/…, and return where each is; what stands there and is equal is left.

    Inside the bucket that has them no byte comes here; to another one they are streamed, from a folder they are sent.
    Files that differ, and others beside them, are an error; with `force` those of the same names are replaced.

    Raises:
        NotFoundError: a target has no result (`no-result`), or its result has no such path.
        UsageError: other files stand there, or a store of traintrack's.
        IntegrityError: the stored bytes are damaged.
        HostError: a storage or the bucket cannot be used.
    """
    wanted = find_wanted(project, texts)
    ids = find_ids(project, wanted)
    results = find_results(environment.storage, wanted, ids)
    # To the storage that has it a result is one of its own.
    plain = {item: replace(results[item.label], home="") for item in wanted}
    places = place_each(wanted, Path())
    export, begin = open_export(project.workspace, environment.spec, url)
    sources = {item: _source(environment.storage, item, results[item.label]) for item in wanted}
    there = {item: _folder(sources[item], item, plain[item], begin + places[item].as_posix()) for item in wanted}
    for folder, _ in there.values():
        export.demand_no_store(folder)
    for item, (folder, _) in there.items():
        send = export.replace if force else export.copy
        send(sources[item], plain[item], item.subpath, folder)
    root = url.rstrip("/")
    return tuple((item, ids[item.label], f"{root}/{name[len(begin) :]}") for item, (_, name) in there.items())


def _source(storage: Storage, item: Wanted, result: Result) -> Storage:
    """The storage that has the bytes.

    Raises:
        HostError: it is out of reach.
    """
    home = storage.home(result) if isinstance(storage, ReadsThrough) else storage
    if home is None:
        raise HostError(
            f"the result of `{item.label}` cannot be copied: its bytes are in {result.home}, which is out of reach",
            code="home-away",
            hint=f"try again later, or make it here: traintrack run --force --replace {item.label}",
        )
    return home


def _folder(source: Storage, item: Wanted, result: Result, place: str) -> tuple[str, str]:
    """The prefix of the keys of what is wanted, and the name of all: a file has its own, a folder ends in `/`.

    Raises:
        NotFoundError: there is no such path in the result.
    """
    part = source.artifacts.manifest(result).part(item.subpath)
    if part is None:
        raise NotFoundError(
            f"the result of `{item.label}` has no `{item.subpath}`",
            code="no-such-path",
            hint=f"traintrack pull {item.label}  # prints the folder to look into",
        )
    if len(part.entries) == 1 and not part.entries[0].path:
        return place.rpartition("/")[0] + "/", place
    return f"{place}/", f"{place}/"
