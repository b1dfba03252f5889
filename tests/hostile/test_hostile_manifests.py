"""Manifests that want out: refused whole, and `pull` neither reads nor writes anything outside (faults F13, F15)."""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from shop import Shop, call, play, within
from test_hostile_store import GOOD, _keep, _put, resealed

from traintrack.action.manifest import EntryType, Manifest, read_manifest
from traintrack.digest import canonical_json, content_digest
from traintrack.errors import IntegrityError
from traintrack.storages.local.removal import remove_tree

WAYS_OUT = (
    *(
        "../x",
        "../../canary/secret.txt",
        "/etc/passwd",
        "/",
        "a/../../x",
        "..",
        ".",
        "",
        "a//b",
        "a/",
        "/a",
        "./a",
        "a/./b",
    ),
    *(
        "a\0b",
        "a\nb",
        "\x1b[2J",
        "a\\..\\b",
        "~/x",
        "~",
        "-rf",
        "CON",
        "a" * 256,
        "a/" * 2000 + "b",
        "é" * 128,
        "\u202e",
        "x" * 255,
    ),
    *("store", ".git/config", "$(touch x)", "C:\\x", "con/../../x", "a\x7f", " ", "a b", "TTWORKSPACE.yaml", "out.txt"),
)
TARGETS = (
    *(
        "x",
        "../x",
        "../../../canary/secret.txt",
        "/etc/passwd",
        "/dev/zero",
        "",
        ".",
        "..",
        "a/../../x",
        "loop",
        "\0",
        "a\nb",
    ),
    *(
        "./" * 1000 + "x",
        "x" * 4096,
        "link",
        "dir/link",
        "../dir/../link",
        "/proc/self/mem",
        "/proc/self/fd/0",
        "dir//x",
    ),
)
DIGESTS = ("0" * 64, "f" * 64, "F" * 64, "0" * 63, "", None, "../" * 21 + "x", content_digest(b"content"))
SIZES = (7, 0, -1, 2**62, 2**64, 10**30, 7.0, "7", None, True)


def entry(r: random.Random, names: list[str]) -> dict[str, Any]:
    """An entry that is right, or wrong in one or two of its fields."""
    path = r.choice((*names, *names, *names, *WAYS_OUT))
    kind = r.choice(("file", "file", "link", "dir", "fifo", "", None) if r.random() < 0.2 else ("file", "link", "dir"))
    made: dict[str, Any] = {"path": path, "type": kind}
    if kind == "file":
        made |= {"exec": r.random() < 0.2, "size": 7, "digest": DIGESTS[-1]}
    if kind == "link":
        made["target"] = r.choice(TARGETS)
    if r.random() < 0.15:
        made["digest"] = r.choice(DIGESTS)
    if r.random() < 0.15:
        made["size"] = r.choice(SIZES)
    if r.random() < 0.05:
        made[r.choice(("target", "exec", "extra"))] = r.choice((None, 1, "x", [], True))
    return made


def hostile_manifest(r: random.Random) -> bytes:
    """A manifest in canonical form, mostly sorted, of entries that want out or want to confuse."""
    if r.random() < 0.4:
        return _harmless(r)
    names = ["a", "a/b", "a/b/c", "dir/x", "dir", "link", "link/x", "loop", "z", "é", "e\u0301", "A"]
    rows = [entry(r, names) for _ in range(r.choice((0, 1, 1, 2, 2, 3, 6)))]
    if r.random() < 0.8:
        rows.sort(key=lambda row: str(row["path"]).encode("utf-8", "surrogatepass"))
    if rows and r.random() < 0.1:
        rows.append(dict(rows[-1]))
    return canonical_json(
        {"files": rows, "format": r.choice(("traintrack/manifest/1",) * 12 + ("traintrack/manifest/2",))}
    )


def _harmless(r: random.Random) -> bytes:
    """One that may be handed out, so that the tests see more than refusals."""
    rows: list[dict[str, Any]] = []
    for path in sorted(r.sample(["a", "dir/x", "z", "link", "e", "é"], r.randrange(1, 5))):
        if path == "link":
            rows.append({"path": path, "type": "link", "target": r.choice(("z", "dir", "./a", "missing", "dir/../z"))})
        elif path == "e":
            rows.append({"path": path, "type": "dir"})
        else:
            rows.append({"path": path, "type": "file", "exec": r.random() < 0.3, "size": 7, "digest": DIGESTS[-1]})
    return canonical_json({"files": rows, "format": "traintrack/manifest/1"})


def is_harmless(manifest: Manifest) -> bool:
    """Judge a manifest anew, by rules written apart from the code under test."""
    paths = [e.path for e in manifest.entries]
    if paths == [""]:
        return manifest.entries[0].type is EntryType.FILE
    kinds = {e.path: e.type for e in manifest.entries}
    for path in paths:
        parts = path.split("/")
        if path != os.path.normpath(path) or path.startswith("/") or ".." in parts or "\0" in path:
            return False
        above = ["/".join(parts[:n]) for n in range(1, len(parts))]
        if any(folder in kinds for folder in above) or any(len(p.encode()) > 255 for p in parts):
            return False
    links = [e for e in manifest.entries if e.type is EntryType.LINK]
    return len(set(paths)) == len(paths) and all(_stays(e.path, e.target or "/") for e in links)


def _stays(path: str, target: str) -> bool:
    """Tell if a link stays inside as far as its own text goes; where links lead to links is tested in test_links.py."""
    where = os.path.normpath(os.path.join("top", os.path.dirname(path), target))
    return not target.startswith("/") and where.split("/")[0] == "top"


def judge(seed: int, count: int) -> None:
    ends: Counter[str] = Counter()
    for number in range(count):
        data = hostile_manifest(random.Random(f"{seed}/{number}"))
        try:
            manifest = read_manifest(data)
        except IntegrityError as error:
            ends["refused" if error.code.startswith("manifest-") else error.code] += 1
            continue
        assert is_harmless(manifest), f"seed {seed}/{number}: {data!r}"
        assert manifest.canonical() == data
        ends["taken"] += 1
    sys.stdout.write(f"seed {seed}: {dict(ends)}\n")
    assert ends["taken"] > 0
    assert ends["refused"] > count / 3


def test_2000_hostile_manifests_are_refused_or_harmless() -> None:
    judge(1, 2000)


@pytest.mark.torture
def test_100000_hostile_manifests_are_refused_or_harmless() -> None:
    judge(2, 100_000)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


def plant(r: random.Random, shop: Shop, data: bytes) -> None:
    """Let the result of `//a:train` name the manifest, and put a folder at its artifact that baits with links and pipes."""
    digest = _keep(shop, data)
    [cell_path] = [path for path in (shop.store / "ns").rglob(shop.train) if path.is_file()]
    cell = json.loads(cell_path.read_bytes())
    elsewhere = (cell["result"]["artifact"], "../../../canary", "..", digest[:63], f"{digest}/..")
    artifact = digest if r.random() < 0.8 else r.choice(elsewhere)
    cell["result"] |= {"manifest": digest, "artifact": artifact}
    _put(cell_path, resealed(json.dumps(cell).encode(), cell_path.name))
    folder = shop.store / "artifact" / digest[:2] / digest
    if folder.exists():
        remove_tree(os.fspath(folder))
    folder.mkdir(parents=True)
    try:
        manifest = read_manifest(data)
    except IntegrityError:
        manifest = Manifest(())
    if not manifest.entries or manifest.entries[0].path == "" or _is_too_long(manifest) or r.random() < 0.3:
        for name in ("a", "z", "link", "loop", "dir/x", "é"):
            _bait(r, folder / name, shop)
        return
    _fill(folder, manifest)
    if r.random() < 0.3:
        one = folder / r.choice(manifest.entries).path
        remove_tree(os.fspath(one))
        _bait(r, one, shop)


def _is_too_long(manifest: Manifest) -> bool:
    return any(len(item.path) > 3000 for item in manifest.entries)


def _fill(folder: Path, manifest: Manifest) -> None:
    """Let the folder be what its manifest says, so that a harmless one is handed out."""
    for item in manifest.entries:
        place = folder / item.path
        place.parent.mkdir(parents=True, exist_ok=True)
        if item.type is EntryType.LINK:
            place.symlink_to(item.target or "")
        elif item.type is EntryType.FOLDER:
            place.mkdir()
        else:
            place.write_bytes(b"content")
            place.chmod(0o755 if item.executable else 0o644)


def _bait(r: random.Random, place: Path, shop: Shop) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    match r.randrange(6):
        case 0:
            os.mkfifo(place)
        case 1:
            place.symlink_to(shop.canary / "secret.txt")
        case 2:
            place.symlink_to(shop.canary)
        case 3:
            place.symlink_to("/dev/zero")
        case _:
            place.write_bytes(b"content")


def pulls(shop: Shop, seed: int, count: int) -> None:
    codes: Counter[int] = Counter()
    for number in range(count):
        r = random.Random(f"{seed}/{number}")
        shop.restore()
        data = hostile_manifest(r)
        plant(r, shop, data)
        before = shop.outside()
        words = [
            "pull",
            r.choice(("//a:train", "//a:train", "//a:train/a", "//a:train/dir", "//a:train/link")),
            "-o",
            str(shop.out),
        ]
        if r.random() < 0.5:
            words.append("--force")
            (shop.out / "train").mkdir(parents=True)
            (shop.out / "train" / "a").symlink_to(shop.canary)
        with within(60):
            code, _, err = call(*words, directory=shop.small.root)
        codes[code] += 1

        assert code in GOOD, f"seed {seed}/{number}: {code} for {data!r}\n{err}"
        assert shop.outside() == before, f"seed {seed}/{number}: something outside changed for {data!r}"
        assert not any(b"nobody may read" in found for found in _copied(shop.out)), f"seed {seed}/{number}"
    sys.stdout.write(f"seed {seed}: exit codes {dict(codes)}\n")
    assert codes[0] > count / 30, "no harmless one was handed out"
    assert codes[8] > count / 3


def _copied(out: Path) -> list[bytes]:
    """The bytes of every regular file that was handed out, no link followed."""
    return [p.read_bytes() for p in out.rglob("*") if p.is_file() and not p.is_symlink() and shop_link(p, out)]


def shop_link(path: Path, out: Path) -> bool:
    """Tell if no folder above is a link, as the one that the test itself has put there."""
    return not any(parent.is_symlink() for parent in path.parents if parent.is_relative_to(out))


def test_100_hostile_manifests_reach_nothing_outside(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, shop.folder / "backup" / "cache")

    pulls(shop, 1, 100)


@pytest.mark.torture
def test_1000_hostile_manifests_reach_nothing_outside(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, shop.folder / "backup" / "cache")

    pulls(shop, 2, 1000)
