"""Results whose files lie in a bucket under their own names."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from collect_race import ALL, id_of
from msgspec.structs import replace
from test_object_collect import opened

from traintrack.action.cell import FreeReason, Owner, Result, new_nonce
from traintrack.action.job import Output
from traintrack.action.manifest import Entry, EntryType, make_manifest
from traintrack.action.placing import Placing
from traintrack.digest import content_digest
from traintrack.errors import IntegrityError
from traintrack.execute import lease as leases
from traintrack.ports.storage import Seen
from traintrack.storages.objects.agreement import layout_contradiction
from traintrack.storages.objects.keys import Keys, round_of
from traintrack.storages.objects.layout import keys_of, plain_folder
from traintrack.storages.objects.plain_layout import place_plainly
from traintrack.storages.objects.store import ObjectStorage
from traintrack.testing.memory_objects import MemoryObjects

FILES = {
    "data.csv": b"a,b\n1,2\n",
    "again.csv": b"a,b\n1,2\n",
    "empty": b"",
    "weights/v1.7": b"w" * 1_200_000,
    "weights/x/data/plain/y.9": b"deep",
    "große [Datei] %41 #1?.txt": b"odd",
}


@pytest.fixture
def bucket() -> MemoryObjects:
    return MemoryObjects()


@pytest.fixture
def store(bucket: MemoryObjects, tmp_path: Path) -> ObjectStorage:
    return opened(bucket, tmp_path)


def made(
    store: ObjectStorage, name: str = "t", files: dict[str, bytes] = FILES, placing: Placing = Placing.PLAIN
) -> Seen:
    """Make a result stand; `latest` is a link to `weights`."""
    with store.present(f"r-{name}-{new_nonce()[:6]}") as run:
        owner = Owner(new_nonce(), run.run)
        root = store.staging.new_stage(f"s-{new_nonce()}") / "out"
        for path, data in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
        (root / "latest").symlink_to("weights")
        id_ = id_of(name)
        lease = leases.acquire(store.cells, store.cells.read((id_,))[id_], owner, ())
        lease = leases.start_publishing(store.cells, lease)
        result = store.artifacts.publish(Output(str(root), store.staging.scan(root), placing=placing))
        leases.commit(store.cells, lease, result)
        return store.cells.read((id_,))[id_]


def result_of(seen: Seen) -> Result:
    assert seen.cell is not None
    assert seen.cell.result is not None
    return seen.cell.result


def by_name(bucket: MemoryObjects, folder: str) -> dict[str, bytes]:
    return {key[len(folder) :]: data for key, data in bucket.objects.items() if key.startswith(folder)}


def test_every_file_lies_under_its_own_name_and_what_a_link_leads_to_under_the_links(
    store: ObjectStorage, bucket: MemoryObjects
) -> None:
    result = result_of(made(store))
    url = store.artifacts.address(result)

    assert url == f"memory://default/data/plain/{result.artifact}.0/"
    latest = {path.replace("weights/", "latest/"): data for path, data in FILES.items() if path.startswith("weights/")}
    assert by_name(bucket, url.removeprefix("memory://")) == {**FILES, **latest}
    packed = result_of(made(store, "packed", placing=Placing.PACKED))
    assert store.artifacts.address(packed) is None
    assert packed.artifact == result.artifact


def test_another_machine_fetches_it_whole_and_in_part(
    store: ObjectStorage, bucket: MemoryObjects, tmp_path: Path
) -> None:
    result = result_of(made(store))
    other = opened(bucket, tmp_path / "other")

    assert other.artifacts.check(result) is None
    assert other.artifacts.fetch(result, "weights") is None
    assert other.artifacts.path(result.artifact, "weights/v1.7").read_bytes() == FILES["weights/v1.7"]
    assert other.artifacts.fetch(result) is None
    root = other.artifacts.path(result.artifact)
    assert {path: (root / path).read_bytes() for path in FILES} == FILES
    assert (root / "latest").readlink() == Path("weights")


@pytest.mark.parametrize("path", ["data.csv", "empty", "weights/v1.7"])
def test_what_is_missing_or_has_other_bytes_is_found(
    store: ObjectStorage, bucket: MemoryObjects, tmp_path: Path, path: str
) -> None:
    result = result_of(made(store))
    key = next(key for key in bucket.objects if key.endswith(f"/{path}") and "/plain/" in key)
    other = opened(bucket, tmp_path / "other")
    if path != "empty":
        bucket.objects[key] = b"?" + bucket.objects[key][1:]
        assert other.artifacts.fetch(result) is not None
    del bucket.objects[key]

    wrong = opened(bucket, tmp_path / "third").artifacts.check(result)
    assert wrong is None if path == "empty" else wrong == f"`{key}` is missing"
    again = result_of(made(store, "again"))
    assert again == replace(result, record=again.record)
    assert bucket.objects[key] == FILES[path]


def test_the_collector_takes_all_of_a_round_that_nothing_names_and_no_more(
    store: ObjectStorage, bucket: MemoryObjects, tmp_path: Path
) -> None:
    old, shared, new = made(store, "old", {**FILES, "n": b"old"}), made(store, "shared"), made(store, "new")
    folder = f"default/data/plain/{result_of(old).artifact}.0/"
    size = len(by_name(bucket, folder))
    store.collecting.collect([old, shared], ALL)
    assert len(by_name(bucket, folder)) == size
    late = made(store, "late", {**FILES, "n": b"old"})
    store.collecting.collect([], ALL)

    assert by_name(bucket, folder) == {}
    assert len(by_name(bucket, f"default/data/plain/{result_of(late).artifact}.1/")) == size
    third = opened(bucket, tmp_path / "third")
    for seen in (late, new):
        assert third.artifacts.fetch(result_of(seen)) is None
    cell = store.cells.read((old.id,))[old.id].cell
    assert cell is not None
    assert cell.free is FreeReason.EVICTED


@pytest.mark.parametrize(
    "key",
    [
        "default/data/plain/{a}.0/../x",
        "default/data/plain/{a}.0//x",
        "default/data/plain/{a}.0/",
        "default/data/plain/{a}/x",
        "default/data/plain/{a}.x/x",
        "default/data/plain/short.0/x",
        "other/data/plain/{a}.0/x",
        "default/cell/{a}",
        "default/data/plain/{a}.0/a\u0000b",
    ],
)
def test_a_layout_that_names_anything_else_is_refused(store: ObjectStorage, bucket: MemoryObjects, key: str) -> None:
    result = result_of(made(store, files={"x": b"bytes"}))
    document = msgspec.json.decode(bucket.objects[result.layout])
    document["objects"] = [[key.format(a=result.artifact), size] for _, size in document["objects"]][:1]
    document["rows"] = [0, 0]
    data = msgspec.json.encode(document)
    layout = Keys().blob(content_digest(data), 0)
    bucket.objects[layout] = data

    wrong = store.artifacts.check(replace(result, layout=layout))
    assert wrong is not None
    assert "names the key" in wrong


def test_a_result_that_is_not_believed_has_its_files_where_its_own_names_say(
    store: ObjectStorage, bucket: MemoryObjects
) -> None:
    result = result_of(made(store))
    manifest = store.artifacts.manifest(result)
    document = msgspec.json.decode(bucket.objects[result.layout])

    def planted(objects: list[list[object]]) -> Result:
        data = msgspec.json.encode({**document, "objects": objects})
        layout = Keys().blob(content_digest(data), 0)
        bucket.objects[layout] = data
        return replace(result, layout=layout)

    assert layout_contradiction(store, result, manifest) is None
    swap = {"data.csv": "again.csv", "again.csv": "data.csv"}
    renamed = [
        [f"{key.rpartition('/')[0]}/{swap.get(name := key.rpartition('/')[2], name)}", size]
        for key, size in document["objects"]
    ]
    assert "from other bytes" in str(layout_contradiction(store, planted(renamed), manifest))
    other = [[key.replace(result.artifact, "ab" * 32), size] for key, size in document["objects"]]
    assert "from other bytes" in str(layout_contradiction(store, planted(other), manifest))


def test_a_name_too_long_for_a_key_lies_by_its_digest() -> None:
    long = "/".join(["d" * 200] * 5) + "/x"
    digest = content_digest(b"long")
    manifest = make_manifest(
        [
            Entry(long, size=4, digest=digest),
            Entry("a", size=1, digest=content_digest(b"a")),
            Entry("l", EntryType.LINK, target="a"),
        ]
    )
    placement = place_plainly(manifest, Keys(), 3)
    folder = f"default/data/plain/{manifest.digest()}.3/"

    assert [item.key for item, _ in placement.files] == [f"{folder}a", Keys().blob(digest, 3), f"{folder}l"]
    assert list(placement.rows) == [0, 0, 1, 0]
    assert all(len(item.key.encode()) <= 1024 for item, _ in placement.files)
    edge = make_manifest([Entry("e" * 200 + "/" + "f" * 200, size=1, digest=digest)])
    room = 1024 - len(f"default/data/plain/{edge.digest()}.3/") - 401
    assert place_plainly(edge, Keys(), 3, room).files[0][0].key.endswith("f")
    assert place_plainly(edge, Keys(), 3, room + 1).files[0][0].key == Keys().blob(digest, 3)


@pytest.mark.parametrize(
    ("key", "round_"),
    [
        ("default/data/ab/" + "ab" * 32 + ".12", 12),
        ("default/data/plain/" + "ab" * 32 + ".3/model.7", 3),
        ("default/data/plain/" + "ab" * 32 + ".3/data/plain/x.9/y.8", 3),
        ("dev/ann/data/plain/" + "ab" * 32 + ".4/a", 4),
        ("default/data/notes.txt", None),
    ],
)
def test_the_round_of_a_key_is_never_read_from_the_name_of_a_file(key: str, round_: int | None) -> None:
    assert round_of(key) == round_


def test_a_folder_is_where_it_ends() -> None:
    key = "default/data/plain/" + "ab" * 32 + ".3/d/x"

    assert plain_folder(key, "default/data/") == "default/data/plain/" + "ab" * 32 + ".3/"
    assert plain_folder(key, "other/data/") is None
    with pytest.raises(IntegrityError):
        keys_of(b"{}")
