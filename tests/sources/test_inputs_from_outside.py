"""What a task finds of data that is in no storage."""

from __future__ import annotations

from pathlib import Path

import pytest
from bucket_server import BucketServer
from file_server import FileServer, Served
from opening import contents, digest_of, sources

from traintrack.action.action import Deliver, Origin
from traintrack.action.job import JobInput
from traintrack.digest import ArtifactDigest
from traintrack.errors import CancelledError, InputError
from traintrack.runners.contract.inputs import StagedInput, first_change, stage_inputs
from traintrack.storages.sources.progress import EVERY_S, Progress


class Nothing:
    """A storage that is asked for nothing."""


def staged(root: Path, *inputs: JobInput, stopped: bool = False) -> tuple[StagedInput, ...]:
    return stage_inputs(inputs, Nothing(), str(root / "in"), sources(root), lambda: stopped)


def given(name: str, origin: Origin, deliver: Deliver = Deliver.COPY, subpath: str | None = None) -> JobInput:
    return JobInput((name,), name, ArtifactDigest("0" * 64), subpath, deliver, origin)


def folder(root: Path) -> Origin:
    (root / "d/sub").mkdir(parents=True)
    (root / "d/a").write_text("a")
    (root / "d/sub/b").write_text("b")
    return Origin("d", listing=digest_of("d", root))


def test_two_inputs_from_one_place_are_fetched_once(tmp_path: Path) -> None:
    origin = folder(tmp_path)

    one, two = staged(tmp_path, given("x", origin), given("y", origin))

    assert one.source == two.source
    assert contents(Path(one.text)) == {"a": b"a", "sub/b": b"b"}
    assert Path(one.text).is_symlink()


def test_a_mount_is_watched_for_changes_as_every_input_is(tmp_path: Path) -> None:
    [item] = staged(tmp_path, given("x", folder(tmp_path), Deliver.MOUNT, "sub"))
    assert first_change([item]) is None
    (tmp_path / "d/sub/b").write_text("other")

    change = first_change([item])

    assert change is not None
    assert change[1] == "b"


def test_a_part_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no `none`"):
        staged(tmp_path, given("x", folder(tmp_path), Deliver.MOUNT, "none"))


def test_a_folder_by_uri_is_where_it_lies_and_a_url_is_itself(tmp_path: Path) -> None:
    near, far = staged(
        tmp_path,
        given("x", folder(tmp_path), Deliver.URI),
        given("y", Origin("s3://b/p/", listing="0" * 64), Deliver.URI, "a b/c"),
    )

    assert near.text == f"file://{tmp_path}/d"
    assert (far.text, far.source) == ("s3://b/p/a%20b/c", "")
    assert first_change([near, far]) is None


def test_fetching_ends_when_nobody_wants_the_task_any_more(
    tmp_path: Path, web: FileServer, buckets: BucketServer
) -> None:
    web.files["/d"] = Served(b"x" * 2_000_000)
    uri = web.url("/d")

    with pytest.raises(CancelledError):
        staged(tmp_path, given("x", Origin(uri, listing=digest_of(uri))), stopped=True)


def test_a_long_transfer_tells_now_and_then_how_far_it_is() -> None:
    now = [0.0]
    told: list[str] = []
    progress = Progress("fetching x", told.append, 3 << 30, now_s=lambda: now[0])

    for _ in range(30):
        progress.add(1 << 26)
        now[0] += EVERY_S / 10

    assert told == ["fetching x: 704 MiB of 3.0 GiB", "fetching x: 1.3 GiB of 3.0 GiB"]
