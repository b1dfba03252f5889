from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from traintrack.action.cell import Result
from traintrack.action.job import Output
from traintrack.action.manifest import Entry, EntryType, make_manifest
from traintrack.digest import ArtifactDigest, ContentDigest, content_digest
from traintrack.errors import HostError, IntegrityError, NotFoundError, UsageError
from traintrack.ports.objects import UnknownOutcomeError
from traintrack.storages.cache.cache import Cache, open_cache
from traintrack.storages.local import LocalStorage, open_local
from traintrack.storages.objects.artifacts import ObjectArtifacts
from traintrack.storages.objects.keys import Keys, digest_of
from traintrack.storages.objects.layout import keys_of
from traintrack.storages.objects.rounds import Rounds
from traintrack.testing.memory_objects import MemoryObjects
from traintrack.testing.memory_storage import MemoryKept
from traintrack.testing.storage_suite import StorageSuite, published, staged

MIB = 1 << 20
KEYS = Keys("ns")
FILES = {
    "a.txt": b"aaaa",
    "d/b.bin": b"b" * 5000,
    "d/c.bin": b"c" * 300_000,
    "d/e/empty": b"",
    "große Datei \U0001f600.bin": bytes(range(256)) * 8 * 1024 * 2,
    "exact.bin": b"x" * MIB,
    "same.txt": b"aaaa",
}


class HastyPace:
    """Time that passes by itself, so that no test sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 0.01
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def spread(self) -> float:
        return 1.0


class OddObjects(MemoryObjects):
    """Objects that can be made to answer oddly; `asked` has every request."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.cut_after: int | None = None
        self.flips: dict[str, int] = {}
        self._odd_guard = threading.Lock()

    def _read(self, doing: str, request):
        self.asked.append(doing)
        return super()._read(doing, request)

    def _write(self, doing: str, request):
        self.asked.append(doing)
        return super()._write(doing, request)

    def read(self, key: str, start: int, length: int) -> Iterator[bytes]:
        sent = 0
        for chunk in super().read(key, start, length):
            with self._odd_guard:
                left = self.flips.get(key, 0)
                self.flips[key] = left - 1
            part = chunk if left <= 0 else bytes([chunk[0] ^ 1]) + chunk[1:]
            if self.cut_after is not None and sent + len(part) > self.cut_after:
                yield part[: self.cut_after - sent]
                raise UnknownOutcomeError("cut")
            sent += len(part)
            yield part


class Side:
    """One machine that uses the store: its own cache, the same objects."""

    def __init__(self, objects: MemoryObjects, kept: MemoryKept, folder: Path, pace: object | None = None) -> None:
        self.cache: Cache = open_cache(folder)
        self.pace = pace or HastyPace()
        self.rounds = Rounds(objects, KEYS, self.pace)  # type: ignore[arg-type]
        self.rounds.create()
        self.artifacts = ObjectArtifacts(objects, KEYS, self.rounds, self.pace, kept, self.cache)  # type: ignore[arg-type]
        self.staging = self.cache.staging


@pytest.fixture
def objects() -> OddObjects:
    return OddObjects()


@pytest.fixture
def kept() -> MemoryKept:
    return MemoryKept()


@pytest.fixture
def maker(objects: OddObjects, kept: MemoryKept, tmp_path: Path) -> Side:
    return Side(objects, kept, tmp_path / "maker")


@pytest.fixture
def reader(objects: OddObjects, kept: MemoryKept, tmp_path: Path) -> Side:
    return Side(objects, kept, tmp_path / "reader")


def objects_of(objects: MemoryObjects, result: Result) -> list[str]:
    return sorted(keys_of(objects.objects[result.layout]))


def packs_of(objects: MemoryObjects, result: Result) -> list[str]:
    whole = {content_digest(data) for data in FILES.values()}
    return [key for key in objects_of(objects, result) if digest_of(key) not in whole]


def content(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def stages(side: Side) -> list[str]:
    folder = side.cache.root / "stage"
    return os.listdir(folder) if folder.exists() else []


ARTIFACT_CASES = [
    name
    for name in dir(StorageSuite)
    if name.startswith("test_")
    and any(
        word in name for word in ("artifact", "links_and", "an_empty_output", "hostile", "what_is_not", "discarded")
    )
]


@pytest.mark.parametrize("name", ARTIFACT_CASES)
def test_the_conformance_suite_holds_for(name: str, objects: OddObjects, kept: MemoryKept, tmp_path: Path) -> None:
    class Suite(StorageSuite):
        def open(self) -> Side:  # type: ignore[override]
            return Side(objects, kept, tmp_path / "cache")

    getattr(Suite(), name)()


def test_what_one_publishes_another_fetches_byte_for_byte(maker: Side, reader: Side) -> None:
    result = published(maker, FILES)
    assert reader.artifacts.check(result) is None
    assert not reader.cache.has(result.artifact)

    assert reader.artifacts.fetch(result) is None

    root = reader.artifacts.path(result.artifact)
    assert content(root) == dict(sorted(FILES.items()))
    assert all(not p.stat().st_mode & 0o222 for p in root.rglob("*"))


def test_links_rights_and_empty_folders_are_fetched(maker: Side, reader: Side) -> None:
    root = maker.staging.new_stage("flight.1") / "out"
    (root / "empty/inner").mkdir(parents=True)
    (root / "tool").write_bytes(b"#!/bin/sh\n")
    (root / "tool").chmod(0o755)
    (root / "data").mkdir()
    (root / "data/x").write_bytes(b"x")
    (root / "latest").symlink_to("data")
    result = maker.artifacts.publish(Output(os.fspath(root), maker.staging.scan(root)))

    assert reader.artifacts.fetch(result) is None

    at = reader.artifacts.path(result.artifact)
    assert (at / "empty/inner").is_dir()
    assert os.readlink(at / "latest") == "data"
    assert os.access(at / "tool", os.X_OK)
    assert not os.access(at / "data/x", os.X_OK)


def test_what_was_published_here_is_not_downloaded(maker: Side, objects: OddObjects) -> None:
    result = published(maker, FILES)
    objects.asked.clear()

    assert maker.artifacts.fetch(result) is None
    assert content(maker.artifacts.path(result.artifact)) == dict(sorted(FILES.items()))
    assert objects.asked == []


def test_small_files_share_a_pack_and_large_ones_stand_alone(maker: Side, objects: OddObjects) -> None:
    result = published(maker, FILES)

    plain = {content_digest(d) for d in FILES.values() if len(d) >= MIB}
    assert {digest_of(k) for k in objects_of(objects, result)} >= plain
    (pack,) = packs_of(objects, result)
    # Equal files and empty ones take no place twice.
    assert objects.objects[pack] == b"aaaa" + b"b" * 5000 + b"c" * 300_000


def test_five_thousand_tiny_files_come_in_few_requests(maker: Side, reader: Side, objects: OddObjects) -> None:
    files = {f"{n // 100:02}/{n:04}": b"%d" % n for n in range(5000)}
    result = published(maker, files)
    objects.asked.clear()

    assert reader.artifacts.fetch(result) is None

    assert content(reader.artifacts.path(result.artifact)) == dict(sorted(files.items()))
    assert len(objects.asked) <= 3


def test_an_equal_artifact_of_this_round_is_only_looked_for(maker: Side, reader: Side, objects: OddObjects) -> None:
    first = published(maker, FILES)
    objects.asked.clear()

    second = published(reader, FILES)

    assert second == first
    assert not [doing for doing in objects.asked if doing.startswith("put")]


def test_the_same_artifact_in_another_round_has_keys_of_that_round(
    maker: Side, reader: Side, objects: OddObjects
) -> None:
    first = published(maker, FILES)
    seen = maker.rounds.read()
    maker.rounds.swap(seen, 7, "")
    second = published(reader, FILES)

    assert (second.artifact, second.manifest) == (first.artifact, first.manifest)
    assert all(key.endswith(".7") for key in [second.layout, *objects_of(objects, second)])
    for key in [first.layout, *objects_of(objects, first)]:
        del objects.objects[key]
    assert reader.artifacts.check(second) is None
    assert "is missing" in (reader.artifacts.check(first) or "")


def test_keys_that_a_finished_cell_names_are_used_again(maker: Side, objects: OddObjects, tmp_path: Path) -> None:
    result = published(maker, FILES)
    named = keys_of(objects.objects[result.layout])
    maker.rounds.swap(maker.rounds.read(), 7, "")
    gone = next(key for key in named if digest_of(key) == content_digest(FILES["exact.bin"]))
    del objects.objects[gone]
    folder = tmp_path / "again"
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)

    publisher = maker.artifacts._publisher
    layout = publisher.publish(os.fspath(folder), maker.artifacts.manifest(result), named)

    # The one that was gone was not put under its old name: a delete of that may be under way.
    assert keys_of(objects.objects[layout]) - named == {gone.replace(".0", ".7")}
    assert gone not in objects.objects


@pytest.mark.parametrize("name", ["a.txt", "exact.bin", "huge.bin"])
def test_bytes_that_changed_after_they_were_hashed_are_never_stored(
    maker: Side, objects: OddObjects, name: str
) -> None:
    files = FILES | {"huge.bin": b"h" * (20 * MIB)}
    output = staged(maker, "flight.1", files)
    changed = bytearray(files[name])
    changed[-1] ^= 1
    (Path(output.staged) / name).write_bytes(changed)

    with pytest.raises(IntegrityError, match="changed after it was hashed"):
        maker.artifacts.publish(output)

    assert not [k for k in objects.objects if digest_of(k) == content_digest(files[name])]
    assert all(content_digest(d) == digest_of(k) for k, d in objects.objects.items() if k.startswith(KEYS.data))
    assert not maker.cache.has(output.manifest.digest())


def test_a_publisher_that_lost_its_hold_publishes_again_from_the_cache(maker: Side, objects: OddObjects) -> None:
    output = staged(maker, "flight.1", FILES)
    first = maker.artifacts.publish(output)
    maker.rounds.swap(maker.rounds.read(), 3, "")

    second = maker.artifacts.publish(output)

    assert not Path(output.staged).exists()
    assert second.layout.endswith(".3")
    assert second.artifact == first.artifact


def test_a_store_that_loses_what_it_was_given_is_told_before_anything_names_it(
    maker: Side, objects: OddObjects
) -> None:
    output = staged(maker, "flight.1", FILES)
    objects.put = lambda key, data: None  # type: ignore[method-assign]

    with pytest.raises(HostError) as caught:
        maker.artifacts.publish(output)

    assert caught.value.code == "blob-lost"


def test_a_part_is_fetched_alone_and_the_rest_later(maker: Side, reader: Side, objects: OddObjects) -> None:
    result = published(maker, FILES)
    objects.asked.clear()

    assert reader.artifacts.fetch(result, "d/b.bin") is None
    assert reader.artifacts.path(result.artifact, "d/b.bin").read_bytes() == FILES["d/b.bin"]
    with pytest.raises(NotFoundError):
        reader.artifacts.path(result.artifact)
    with pytest.raises(NotFoundError):
        reader.artifacts.path(result.artifact, "d/c.bin")
    assert [d for d in objects.asked if "+" in d] == [f"get {packs_of(objects, result)[0]} 4+5000"]

    assert reader.artifacts.fetch(result, "d") is None
    assert content(reader.artifacts.path(result.artifact, "d")) == {
        "b.bin": FILES["d/b.bin"],
        "c.bin": FILES["d/c.bin"],
        "e/empty": b"",
    }
    objects.asked.clear()
    assert reader.artifacts.fetch(result, "d/c.bin") is None
    assert objects.asked == []
    assert reader.artifacts.fetch(result) is None
    assert content(reader.artifacts.path(result.artifact)) == dict(sorted(FILES.items()))
    # What was here already did not come again.
    assert not [d for d in objects.asked if d.endswith("+305004")]


def test_a_part_that_was_changed_here_is_not_taken_into_the_whole(maker: Side, reader: Side) -> None:
    result = published(maker, FILES)
    reader.artifacts.fetch(result, "d/b.bin")
    path = reader.artifacts.path(result.artifact, "d/b.bin")
    path.chmod(0o644)
    path.write_bytes(b"z" * 5000)

    assert reader.artifacts.fetch(result) is None
    assert content(reader.artifacts.path(result.artifact)) == dict(sorted(FILES.items()))


def test_of_many_who_want_the_same_at_once_one_brings_it(maker: Side, reader: Side, objects: OddObjects) -> None:
    result = published(maker, FILES)
    objects.asked.clear()
    threads = [threading.Thread(target=reader.artifacts.fetch, args=(result,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert reader.cache.has(result.artifact)
    read = [doing for doing in objects.asked if "+" in doing]
    assert len(read) == len(set(read))


def test_a_part_behind_a_link_brings_the_whole(maker: Side, reader: Side) -> None:
    root = maker.staging.new_stage("flight.1") / "out"
    (root / "v1").mkdir(parents=True)
    (root / "v1/x").write_bytes(b"x")
    (root / "latest").symlink_to("v1")
    result = maker.artifacts.publish(Output(os.fspath(root), maker.staging.scan(root)))

    assert reader.artifacts.fetch(result, "latest/x") is None
    assert reader.artifacts.path(result.artifact, "latest/x").read_bytes() == b"x"


def test_a_path_that_the_artifact_never_had_is_not_wrong(maker: Side, reader: Side) -> None:
    result = published(maker, FILES)

    assert reader.artifacts.fetch(result, "nothing") is None
    assert reader.artifacts.check(result, "nothing") is None


@pytest.mark.parametrize("cut_after", [1, 1000, 700_000])
def test_a_cut_answer_goes_on_where_it_was(maker: Side, reader: Side, objects: OddObjects, cut_after: int) -> None:
    files = FILES | {"large.bin": os.urandom(20 * MIB + 17)} if cut_after > 1000 else {"a": b"a" * 20 * cut_after}
    result = published(maker, files)
    objects.cut_after = cut_after

    assert reader.artifacts.fetch(result) is None
    assert content(reader.artifacts.path(result.artifact)) == dict(sorted(files.items()))


@pytest.mark.parametrize("name", ["a.txt", "exact.bin", "large.bin"])
def test_wrong_bytes_are_read_once_more(maker: Side, reader: Side, objects: OddObjects, name: str) -> None:
    files = FILES | {"large.bin": os.urandom(20 * MIB)}
    result = published(maker, files)
    key = next((k for k in objects_of(objects, result) if digest_of(k) == content_digest(files[name])), None)
    objects.flips[key or min(packs_of(objects, result), key=lambda k: len(objects.objects[k]))] = 1

    assert reader.artifacts.fetch(result) is None
    assert content(reader.artifacts.path(result.artifact)) == dict(sorted(files.items()))


def flip(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


DAMAGE = {
    "flipped": (flip, "other bytes"),
    "truncated": (lambda data: data[:-1], "bytes, not"),
    "empty": (lambda _: b"", "bytes, not"),
    "missing": (None, "is missing"),
}


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("name", ["pack", "exact.bin", "large.bin"])
def test_damage_in_the_store_is_told_in_words_and_nothing_appears(
    maker: Side, reader: Side, objects: OddObjects, name: str, kind: str
) -> None:
    files = FILES | {"large.bin": os.urandom(20 * MIB)}
    result = published(maker, files)
    alone = next((k for k in objects_of(objects, result) if digest_of(k) == content_digest(files.get(name, b""))), None)
    key = alone or next(
        k for k in objects_of(objects, result) if digest_of(k) not in map(content_digest, files.values())
    )
    change, words = DAMAGE[kind]
    if change is None:
        del objects.objects[key]
    else:
        objects.objects[key] = change(objects.objects[key])

    assert words in (reader.artifacts.fetch(result) or "whole")
    assert not reader.cache.has(result.artifact)
    assert stages(reader) == []
    looked = reader.artifacts.check(result)
    assert (looked is None) == (kind == "flipped")


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_layout_is_told_in_words(maker: Side, reader: Side, objects: OddObjects, kind: str) -> None:
    result = published(maker, FILES)
    change, _ = DAMAGE[kind]
    if change is None:
        del objects.objects[result.layout]
    else:
        objects.objects[result.layout] = change(objects.objects[result.layout])

    assert "layout" in (reader.artifacts.fetch(result) or "")
    assert "layout" in (reader.artifacts.check(result) or "")


def test_a_layout_that_reads_well_and_is_not_the_one_that_was_named_is_refused(
    maker: Side, reader: Side, objects: OddObjects
) -> None:
    result = published(maker, FILES)
    objects.objects[result.layout] += b" "

    assert "other bytes than its name says" in (reader.artifacts.fetch(result) or "")


def test_a_store_that_gives_no_answer_is_a_host_error_and_no_damage(
    maker: Side, reader: Side, objects: OddObjects
) -> None:
    result = published(maker, FILES)
    objects.cut_after = 0

    with pytest.raises(HostError) as caught:
        reader.artifacts.fetch(result)

    assert caught.value.code == "storage-unclear"
    assert stages(reader) == []


def test_a_copy_that_was_changed_on_this_machine_is_fetched_again(maker: Side, reader: Side) -> None:
    result = published(maker, FILES)
    reader.artifacts.fetch(result)
    path = reader.artifacts.path(result.artifact, "exact.bin")
    path.chmod(0o644)
    path.write_bytes(b"y" * MIB)

    assert reader.artifacts.fetch(result) is None
    assert reader.artifacts.path(result.artifact, "exact.bin").read_bytes() == FILES["exact.bin"]


def test_a_result_with_the_file_list_of_another_artifact_is_refused(maker: Side, reader: Side) -> None:
    good = published(maker, FILES)
    other = published(maker, {"evil": b"evil"}, "flight.2")
    mixed = replace(good, manifest=other.manifest, layout=other.layout)

    assert "names the file list" in (reader.artifacts.fetch(mixed) or "")
    assert not reader.cache.has(good.artifact)


@pytest.mark.parametrize("path", ["../canary", "/canary", "a/../../canary", "", "a//b", "a\0b"])
def test_a_manifest_that_leads_out_is_refused_whole(reader: Side, kept: MemoryKept, path: str, tmp_path: Path) -> None:
    canary = reader.cache.root / "stage" / "canary"
    manifest = make_manifest([Entry(path, size=0, digest=content_digest(b""))])
    digest = kept.put(manifest.canonical())
    result = Result(ArtifactDigest(digest), digest, ContentDigest(""), KEYS.blob(content_digest(b"no"), 0))

    assert reader.artifacts.fetch(result) is not None
    assert not canary.exists()
    assert not (tmp_path / "canary").exists()


def test_nothing_is_written_through_a_link_of_a_hostile_manifest(
    reader: Side, kept: MemoryKept, objects: OddObjects, tmp_path: Path
) -> None:
    for target in (os.fspath(tmp_path), "../..", "loop"):
        manifest = make_manifest(
            [Entry("loop", EntryType.LINK, target=target), Entry("z", size=0, digest=content_digest(b""))]
        )
        digest = kept.put(manifest.canonical())
        layout = msgspec.json.encode({"format": "traintrack/layout/2", "objects": [], "rows": []})
        key = KEYS.blob(content_digest(layout), 0)
        objects.objects[key] = layout

        assert "link" in (reader.artifacts.fetch(Result(ArtifactDigest(digest), digest, ContentDigest(""), key)) or "")


@pytest.mark.parametrize("key", ["ns/cell/aa/x", "../x", "", "other/data/aa/" + "a" * 64 + ".0"])
def test_a_layout_key_of_another_place_is_not_read(maker: Side, reader: Side, objects: OddObjects, key: str) -> None:
    result = replace(published(maker, FILES), layout=key)
    objects.asked.clear()

    assert reader.artifacts.fetch(result) is not None
    assert objects.asked == []


def test_two_publishers_of_equal_bytes_get_one_result(maker: Side, reader: Side) -> None:
    outputs = [(maker, staged(maker, "flight.1", FILES)), (reader, staged(reader, "flight.2", FILES))]
    results: list[Result] = []
    threads = [
        threading.Thread(target=lambda side=side, output=output: results.append(side.artifacts.publish(output)))
        for side, output in outputs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 2
    assert results[0] == results[1]


def test_the_digest_is_that_of_a_folder_storage(maker: Side, tmp_path: Path) -> None:
    local: LocalStorage = open_local(tmp_path / "local")

    assert published(local, FILES).artifact == published(maker, FILES).artifact


def test_too_little_space_is_told_in_bytes_before_anything_is_read(
    maker: Side, reader: Side, objects: OddObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = published(maker, FILES)
    monkeypatch.setattr("traintrack.storages.cache.room.Room._free_bytes", lambda _: 1000)
    objects.asked.clear()

    with pytest.raises(HostError) as caught:
        reader.artifacts.fetch(result)

    assert caught.value.code == "disk-full"
    assert "1000 bytes free" in caught.value.message
    assert not [doing for doing in objects.asked if "+" in doing]


def test_copies_inside_the_store_have_plain_names(maker: Side, objects: OddObjects) -> None:
    result = published(maker, FILES)

    assert maker.artifacts.copy_out(result, None, "exports/v1/") == len(FILES)

    found = {k.removeprefix("exports/v1/"): d for k, d in objects.objects.items() if k.startswith("exports/")}
    assert found == FILES
    assert [doing for doing in objects.asked if doing.startswith("copy")]


def test_a_part_is_copied_out_with_names_of_its_own(maker: Side, objects: OddObjects) -> None:
    result = published(maker, FILES)

    maker.artifacts.copy_out(result, "d", "exports/d/")
    maker.artifacts.copy_out(result, "d/b.bin", "exports/one/")

    found = sorted(k for k in objects.objects if k.startswith("exports/"))
    assert found == ["exports/d/b.bin", "exports/d/c.bin", "exports/d/e/empty", "exports/one/b.bin"]


def test_links_are_copied_out_as_what_they_lead_to(maker: Side, objects: OddObjects) -> None:
    root = maker.staging.new_stage("flight.1") / "out"
    (root / "v1").mkdir(parents=True)
    (root / "v1/x").write_bytes(b"x")
    (root / "v1/me").symlink_to(".")
    (root / "latest").symlink_to("v1")
    (root / "x").symlink_to("latest/x")
    result = maker.artifacts.publish(Output(os.fspath(root), maker.staging.scan(root)))

    maker.artifacts.copy_out(result, None, "exports/")

    assert sorted(k for k in objects.objects if k.startswith("exports/")) == [
        "exports/latest/x",
        "exports/v1/x",
        "exports/x",
    ]


@pytest.mark.parametrize("prefix", ["", "exports", "ns/data/", "ns/", "kept/", "run/x/", "/", "store.json/"])
def test_nothing_is_copied_out_over_the_stores_own_keys(maker: Side, prefix: str, objects: OddObjects) -> None:
    result = published(maker, FILES)
    before = dict(objects.objects)

    with pytest.raises(UsageError):
        maker.artifacts.copy_out(result, None, prefix)

    assert objects.objects == before


def test_damage_is_told_by_who_copies_out(maker: Side, objects: OddObjects) -> None:
    result = published(maker, FILES)
    (pack,) = packs_of(objects, result)
    objects.objects[pack] = flip(objects.objects[pack])

    with pytest.raises(IntegrityError, match="other bytes"):
        maker.artifacts.copy_out(result, None, "exports/")
