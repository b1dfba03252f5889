from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from traintrack.action.job import Output
from traintrack.action.manifest import Entry, Manifest, make_manifest
from traintrack.digest import ArtifactDigest, content_digest
from traintrack.errors import IntegrityError, NotFoundError
from traintrack.storages.cache.cache import Cache, open_cache
from traintrack.storages.cache.parts import needed
from traintrack.storages.local.notes import Notes, encode_notes, note_of

BLOCK = 4096 + 256


def described(files: dict[str, bytes]) -> tuple[ArtifactDigest, Manifest]:
    manifest = make_manifest(Entry(p, size=len(d), digest=content_digest(d)) for p, d in files.items())
    return manifest.digest(), manifest


def take(cache: Cache, files: dict[str, bytes], subpath: str | None = None) -> ArtifactDigest:
    digest, manifest = described(files)
    part = needed(manifest, subpath)
    assert part is not None

    def write(stage: Path) -> None:
        for entry in part.entries:
            (stage / entry.path).parent.mkdir(parents=True, exist_ok=True)
            (stage / entry.path).write_bytes(files[entry.path])

    cache.take_in(digest, manifest, part, write)
    return digest


def elsewhere(root: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Let another process do something with the cache, and end."""
    head = (
        "import os, sys, time; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "from test_cache import *\n"
        "cache = open_cache(Path(sys.argv[1]), 10 * BLOCK)\n"
    )
    argv = [sys.executable, "-c", head + code, str(root), str(Path(__file__).parent)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def made(number: int) -> dict[str, bytes]:
    return {"f": b"%d" % number}


def fill(root: Path, *numbers: int) -> None:
    """Let a process take in artifacts of one block each, one after the other, and end."""
    done = elsewhere(root, f"for n in {numbers!r}:\n    take(cache, made(n)); time.sleep(0.02)")
    assert done.returncode == 0, done.stderr


def here(cache: Cache, *numbers: int) -> list[int]:
    return [n for n in numbers if cache.has(described(made(n))[0])]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_what_is_taken_in_is_here_for_others_read_only(root: Path) -> None:
    digest = take(open_cache(root), {"d/x": b"x"})
    path = open_cache(root).path(digest, "d/x")

    assert path.read_bytes() == b"x"
    assert not path.stat().st_mode & 0o222
    assert open_cache(root).has(digest)
    assert not open_cache(root).has(digest, "d/y")


def test_what_was_not_used_for_longest_goes_first(root: Path) -> None:
    fill(root, *range(8))
    cache = open_cache(root, 10 * BLOCK)
    elsewhere(root, "cache.use(described(made(0))[0])")

    cache.shrink(3 * BLOCK)

    assert here(cache, *range(8)) == [0, 6, 7]


def test_taking_something_in_keeps_the_bound(root: Path) -> None:
    for first in (0, 10, 20):
        fill(root, *range(first, first + 10))
    cache = open_cache(root, 10 * BLOCK)

    assert len(here(cache, *range(30))) <= 10
    assert here(cache, 29) == [29]


def test_what_this_process_uses_stays_whatever_the_limit_is(root: Path) -> None:
    fill(root, 1, 2)
    cache = open_cache(root)
    assert cache.use(described(made(1))[0])

    assert open_cache(root).shrink(0).left_bytes == BLOCK
    del cache
    gc.collect()
    assert open_cache(root).shrink(0).left_bytes == BLOCK
    assert here(open_cache(root), 1, 2) == [1]


def test_what_a_killed_process_used_may_go(root: Path) -> None:
    done = elsewhere(root, "take(cache, made(1)); os.kill(os.getpid(), 9)")
    assert done.returncode == -9
    cache = open_cache(root)
    assert here(cache, 1) == [1]

    cache.shrink(0)

    assert here(cache, 1) == []


def test_what_is_too_large_for_the_bound_is_taken_in_all_the_same(root: Path) -> None:
    cache = open_cache(root, BLOCK)

    digest = take(cache, {str(n): b"%d" % n for n in range(20)})

    assert cache.has(digest)


def test_using_what_is_not_here_is_told(root: Path) -> None:
    assert not open_cache(root).use(described(made(1))[0])


def test_a_process_that_dies_while_it_writes_leaves_a_stage_that_is_swept(root: Path) -> None:
    done = elsewhere(
        root,
        "digest, manifest = described(made(1))\n"
        "def write(stage):\n"
        "    (stage / 'f').write_bytes(b'ha'); os.kill(os.getpid(), 9)\n"
        "cache.take_in(digest, manifest, needed(manifest, None), write)",
    )
    assert done.returncode == -9
    assert len(os.listdir(root / "stage")) == 1
    cache = open_cache(root)
    assert here(cache, 1) == []

    cache.shrink(0)

    assert os.listdir(root / "stage") == []
    assert not any((root / "in-use").glob("*/*"))


def test_the_stages_of_runs_are_not_swept(root: Path) -> None:
    elsewhere(root, "cache.staging.new_stage('flight.1'); os.kill(os.getpid(), 9)")

    open_cache(root).shrink(0)

    assert [name.partition("~")[0] for name in os.listdir(root / "stage")] == ["flight.1"]


def test_parts_stand_apart_until_the_whole_is_here(root: Path) -> None:
    files = {"a": b"a", "d/x": b"x" * 9000, "d/y": b"y"}
    cache = open_cache(root)
    digest = take(cache, files, "d/x")
    take(cache, files, "a")

    assert cache.path(digest, "d/x").read_bytes() == files["d/x"]
    assert cache.path(digest, "a").read_bytes() == b"a"
    assert not cache.use(digest)
    with pytest.raises(NotFoundError):
        cache.path(digest)
    manifest = described(files)[1]
    assert not cache.holds(digest, manifest, needed(manifest, "d"))
    assert cache.holds(digest, manifest, needed(manifest, "a"))

    take(cache, files)
    assert cache.path(digest).name == digest


def test_a_part_that_was_changed_is_not_believed(root: Path) -> None:
    files = {"d/x": b"x" * 9000, "y": b"y"}
    cache = open_cache(root)
    digest = take(cache, files, "d/x")
    path = cache.path(digest, "d/x")
    path.chmod(0o644)
    path.write_bytes(b"z" * 9000)
    manifest = described(files)[1]

    assert not cache.holds(digest, manifest, needed(manifest, "d/x"))
    take(cache, files, "d/x")
    assert cache.holds(digest, manifest, needed(manifest, "d/x"))


def test_parts_go_as_wholes_do(root: Path) -> None:
    elsewhere(root, "take(cache, {'a': b'a', 'b': b'b'}, 'a')")
    cache = open_cache(root)
    digest = described({"a": b"a", "b": b"b"})[0]
    assert cache.has(digest, "a")

    cache.shrink(0)

    assert not cache.has(digest, "a")
    assert not any((root / "layout-part").glob("*/*"))


def test_a_stage_of_a_run_becomes_an_artifact_by_rename(root: Path) -> None:
    cache = open_cache(root)
    with cache.present("run-1"):
        stage = cache.staging.new_stage("flight.1")
        (stage / "f").write_bytes(b"1")
        inode = (stage / "f").stat().st_ino
        manifest = cache.staging.scan(stage)
        cache.take_stage(manifest.digest(), Output(os.fspath(stage), manifest))

    assert cache.path(manifest.digest(), "f").stat().st_ino == inode
    # The run is over, and the process lives.
    assert cache.shrink(0).left_bytes == BLOCK


def test_a_stage_that_is_not_what_its_manifest_says_is_refused(root: Path) -> None:
    cache = open_cache(root)
    digest, manifest = described({"f": b"1"})
    with pytest.raises(IntegrityError):
        cache.take_in(digest, manifest, needed(manifest, None), lambda stage: (stage / "g").write_bytes(b"1"))

    assert not cache.has(digest)
    assert os.listdir(root / "stage") == []


def test_what_nobody_noted_is_counted_and_goes(root: Path) -> None:
    fill(root, 1)
    for path in sorted((root / "in-use").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    cache = open_cache(root)

    assert cache.shrink(1 << 30).left_bytes > 0
    assert cache.shrink(0).left_bytes == 0
    assert here(cache, 1) == []


def test_kept_objects_count_and_go_as_well(root: Path) -> None:
    cache = open_cache(root)
    digest = cache.kept.put(b"k" * 5000)

    assert cache.shrink(1 << 30).left_bytes == 8192
    assert cache.kept.get(digest) is not None
    cache.shrink(0)
    assert cache.kept.get(digest) is None


def test_one_waits_for_another_who_brings_the_same(root: Path) -> None:
    _, manifest = described(made(1))
    part = needed(manifest, None)
    code = (
        "digest, manifest = described(made(1))\n"
        "with cache.fetching(digest, needed(manifest, None)):\n"
        "    print('here', flush=True); time.sleep(0.5); take(cache, made(1))\n"
    )
    head = "import sys, time; sys.path.insert(0, sys.argv[2])\nfrom test_cache import *\ncache = open_cache(Path(sys.argv[1]))\n"
    argv = [sys.executable, "-c", head + code, str(root), str(Path(__file__).parent)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "here\n"
        cache = open_cache(root)
        began = time.monotonic()
        with cache.fetching(manifest.digest(), part):
            assert cache.holds(manifest.digest(), manifest, part)

    assert time.monotonic() - began > 0.2


def test_after_a_reboot_everything_is_hashed_once_more(root: Path) -> None:
    files = {"f": b"f" * 100_000}
    digest, manifest = described(files)
    part = needed(manifest, None)
    take(open_cache(root), files)
    path = open_cache(root).path(digest, "f")
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(b"g" * 100_000)
    path.chmod(0o444)
    os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))
    noted = Notes(1)
    noted.put(0, note_of(path.stat()))
    notes = root / "layout" / digest[:2] / digest
    notes.unlink()
    notes.write_bytes(encode_notes(noted, digest))
    # A power cut that lost bytes and kept all that a note tells: believed, until the machine was started anew.
    assert open_cache(root).holds(digest, manifest, part)

    (root / "boot").unlink()

    assert not open_cache(root).holds(digest, manifest, part)
