"""Output folders that tasks should not leave: taken or refused by path, with nothing outside touched (fault F15)."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import stat
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from shop import within

from traintrack.action.job import Output
from traintrack.action.manifest import EntryType
from traintrack.app.tree_copy import copy_tree, first_difference
from traintrack.errors import HostError, IntegrityError, TaskError
from traintrack.storages.local import open_local
from traintrack.storages.local.removal import remove_tree
from traintrack.storages.local.store import LocalStorage

NAMES: tuple[bytes, ...] = (
    *(b"a", b"b", b"c.txt", b"-rf", b"CON", b"name.", b" ", b"a b", "é".encode(), "e\u0301".encode(), b"A", b"x" * 255),
    *(b"new\nline", b"\x1b[2J", b"\xff\xfe", b"\xed\xa0\x80", b"\x7f", b"~", b"$(touch x)", b"a\\b", "\u202e".encode()),
    *(b"metrics.json", b".hidden", b".git", b"TTWORKSPACE.yaml", b"%2e%2e", b"..."),
)
LINKS = (
    "a",
    "b",
    "../a",
    "../../a",
    ".",
    "..",
    "./.",
    "missing",
    "/etc/passwd",
    "/",
    "a/b/../../c.txt",
    "loop",
    "x/" * 200,
    "a" * 4000,
)
SECRET = b"nobody may read or change this"


def grow(r: random.Random, folder: bytes, canary: str, depth: int = 0) -> None:
    """Fill a folder with whatever a task may leave."""
    for _ in range(r.choice((0, 1, 2, 4)) if depth else r.choice((1, 2, 3, 8))):
        # Odd things in one tree in two only, so that half of the trees are taken and go the whole way.
        place = os.path.join(folder, r.choice(NAMES[:12] if r.random() < 0.9 else NAMES))
        with contextlib.suppress(FileExistsError):
            _grow_one(r, place, canary, depth)


def _grow_one(r: random.Random, place: bytes, canary: str, depth: int) -> None:
    kind = r.choices(range(12), (30, 18, 14, 4, 3, 2, 2, 2, 2, 4, 2, 2))[0]
    if kind == 0:
        _write(place, r.randbytes(r.choice((0, 1, 5000, 200_000))))
        os.chmod(place, r.choice((0o644, 0o755, 0o600, 0o4755, 0o2755, 0o1777, 0o444)))
    elif kind == 1 and depth < 6:
        os.mkdir(place)
        grow(r, place, canary, depth + 1)
    elif kind == 2:
        os.symlink(r.choice(LINKS), place)
    elif kind == 3:
        os.symlink(r.choice((canary, f"{canary}/secret.txt", "/dev/zero")), place)
    elif kind == 4:
        os.mkfifo(place)
    elif kind == 5:
        with contextlib.suppress(OSError), contextlib.closing(socket.socket(socket.AF_UNIX)) as listening:
            listening.bind(place)
    elif kind == 6:
        # Only root may make devices; for all others it is one odd thing less.
        with contextlib.suppress(PermissionError):
            os.mknod(place, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    elif kind == 7:
        _write(place, b"")
        os.truncate(place, r.choice((1 << 20, 1 << 24)))
    elif kind == 8:
        _write(place, b"x")
        os.chmod(place, 0o000)
    elif kind == 9:
        os.link(f"{canary}/secret.txt", place)
    elif kind == 10:
        os.mkdir(place)
        os.chmod(place, r.choice((0o000, 0o111, 0o500, 0o1777)))
    else:
        _deep(place)


def _deep(place: bytes) -> None:
    """Folders so deep that no path of the kernel's reaches their end."""
    os.mkdir(place)
    fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(60):
        os.mkdir(b"d" * 100, dir_fd=fd)
        inner = os.open(b"d" * 100, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)


def _write(place: bytes, data: bytes) -> None:
    with open(place, "xb") as file:
        file.write(data)


@contextlib.contextmanager
def swapping(r: random.Random, root: str, canary: str) -> Iterator[None]:
    """Put links in the place of folders and files and back, all the while, as a process left behind may do."""
    over = threading.Event()
    names = [os.path.join(os.fsencode(root), name) for name in os.listdir(os.fsencode(root))]

    def swap() -> None:
        while not over.is_set() and names:
            place, aside = r.choice(names), os.path.join(os.fsencode(root), b".aside")
            with contextlib.suppress(OSError):
                os.rename(place, aside)
                r.choice((os.symlink, lambda _, there: os.mkfifo(there)))(canary, place)
                os.unlink(place)
                os.rename(aside, place)

    thread = threading.Thread(target=swap, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Place:
    """A store, a canary beside it that some trees link to, and a folder to pull into."""

    def __init__(self, folder: Path) -> None:
        self.storage: LocalStorage = open_local(folder / "store")
        self.canary = folder / "canary"
        self.canary.mkdir()
        (self.canary / "secret.txt").write_bytes(SECRET)
        (self.canary / "secret.txt").chmod(0o640)
        self.out = folder / "out"

    def touched(self) -> tuple[object, ...]:
        """What must stay as it is. The number of links may change: trees hold hard links to the canary."""
        seen = (self.canary / "secret.txt").stat()
        return (
            os.listdir(self.canary),
            (self.canary / "secret.txt").read_bytes(),
            seen.st_mode,
            seen.st_mtime_ns,
            seen.st_uid,
        )


def one_tree(r: random.Random, place: Place, name: str) -> str:
    stage = place.storage.staging.new_stage(name)
    grow(r, os.fsencode(stage), os.fspath(place.canary))
    swapped = r.random() < 0.15
    try:
        with swapping(r, os.fspath(stage), os.fspath(place.canary)) if swapped else contextlib.nullcontext():
            manifest = place.storage.staging.scan(stage)
            result = place.storage.artifacts.publish(Output(os.fspath(stage), manifest))
    except TaskError as error:
        demand_named(error)
        return "refused"
    except (HostError, IntegrityError) as error:
        # Only what moves meanwhile may end otherwise than by a refusal, or by success.
        demand_movement(error, swapped=swapped)
        return "changed meanwhile"
    finally:
        remove_tree(os.fspath(stage))
    assert all(e.type in EntryType for e in manifest.entries)
    if swapped:
        return "taken"
    assert place.storage.artifacts.check(result) is None
    if max((len(e.path) for e in manifest.entries), default=0) > 3500:
        with pytest.raises(HostError, match="too long"):
            copy_tree(place.storage.artifacts.path(result.artifact), manifest, place.out / name)
        return "taken, too deep for a copy"
    copy_tree(place.storage.artifacts.path(result.artifact), manifest, place.out / name)
    assert first_difference(place.out / name, manifest) is None
    remove_tree(os.fspath(place.out / name))
    return "taken"


def demand_named(error: TaskError) -> None:
    assert error.code == "output-refused"
    assert "`" in error.message
    assert error.message.isprintable()


def demand_movement(error: Exception, *, swapped: bool) -> None:
    assert swapped, error


def trees(place: Place, seed: int, count: int) -> None:
    ends: Counter[str] = Counter()
    before = place.touched()
    for number in range(count):
        with within(60):
            ends[one_tree(random.Random(f"{seed}/{number}"), place, f"t{number}")] += 1

        assert place.touched() == before, f"seed {seed}/{number}: the canary changed"
    sys.stdout.write(f"seed {seed}: {dict(ends)}\n")
    assert ends["taken"] > count / 10
    assert ends["refused"] > count / 10


def test_100_hostile_trees_are_taken_or_refused(tmp_path: Path) -> None:
    trees(Place(tmp_path), 1, 100)


@pytest.mark.torture
def test_1000_hostile_trees_are_taken_or_refused(tmp_path: Path) -> None:
    trees(Place(tmp_path), 2, 1000)
