from __future__ import annotations

import threading
import zlib
from pathlib import Path

import pytest
from git_builder import Repo, sample

from traintrack.errors import HostError, InputError, IntegrityError
from traintrack.workspace import git_objects
from traintrack.workspace.git import open_repository
from traintrack.workspace.git_object import TreeRow, format_tree, object_name, parse_tree
from traintrack.workspace.source_control import HEAD, TreeEntry


def loose(repo: Repo, oid: str) -> Path:
    return repo.top / ".git/objects" / oid[:2] / oid[2:]


def put(repo: Repo, oid: str, kind: str, data: bytes) -> None:
    file = loose(repo, oid)
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_bytes(zlib.compress(f"{kind} {len(data)}\0".encode() + data))


def put_tree(repo: Repo, rows: bytes) -> str:
    oid = object_name("tree", rows, 40)
    put(repo, oid, "tree", rows)
    return oid


def test_entries_are_sorted_by_the_bytes_of_their_paths(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    paths = ["a.b", "a/x", "a/b/c", "a0", "B", "ä", "z", "a-b", "\U0001f600", "\uffee"]
    for path in paths:
        repo.write(path)
    repo.commit()
    git = repo.open()
    listed = repo.git("-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", "HEAD").splitlines()

    found = [entry.path for entry in git.entries(git.object_at(HEAD, ".") or "")]

    assert found == listed == sorted(paths, key=str.encode)


def test_a_file_is_one_entry_without_a_path(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    git = repo.open()

    found = git.entries(git.object_at(HEAD, "src/run.sh") or "")

    assert found == (TreeEntry("", "100755", repo.tree("src/run.sh")),)


def test_very_deep_trees_are_listed(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    blob, mode = repo.tree("README.md"), "100644"
    for _ in range(1500):
        blob, mode = put_tree(repo, format_tree({"d": TreeRow(mode, blob)})), "40000"

    (found,) = repo.open().entries(blob)

    assert found.path == "/".join("d" * 1500)


def test_a_tree_that_unfolds_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = sample(tmp_path)
    row = TreeRow("100644", repo.tree("README.md"))
    for _ in range(40):
        row = TreeRow("40000", put_tree(repo, format_tree({"a": row, "b": row, "c": row})))
    monkeypatch.setattr(git_objects, "MAX_ENTRIES", 10_000)

    with pytest.raises(InputError) as caught:
        repo.open().entries(row.oid)
    assert caught.value.code == "too-many-files"


@pytest.mark.parametrize("name", [b"..", b".", b"", b"a/b"])
def test_a_hostile_name_in_a_tree_is_refused(tmp_path: Path, name: bytes) -> None:
    repo = sample(tmp_path)
    oid = put_tree(repo, b"100644 " + name + b"\0" + bytes.fromhex(repo.tree("README.md")))

    with pytest.raises(IntegrityError) as caught:
        repo.open().entries(oid)
    assert caught.value.code == "tree-refused"


@pytest.mark.parametrize("data", [b"100644 a\0abc", b"100644 a", b"100644", b"9 a\0" + bytes(20)])
def test_a_tree_that_is_cut_off_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        parse_tree("0" * 40, data)


def test_a_name_twice_in_a_tree_is_refused() -> None:
    row = b"100644 a\0" + bytes(20)

    with pytest.raises(IntegrityError, match="twice"):
        parse_tree("0" * 40, row + row)


def test_a_group_writable_mode_of_old_is_a_plain_file() -> None:
    assert parse_tree("0" * 40, b"100664 a\0" + bytes(20)) == {"a": TreeRow("100644", "0" * 40)}


def test_blobs_come_in_order_across_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_objects, "_WINDOW_COUNT", 7)
    monkeypatch.setattr(git_objects, "_WINDOW_BYTES", 5000)
    repo = Repo(tmp_path)
    contents = [bytes([n]) * (n * 97) for n in range(60)]
    for number, content in enumerate(contents):
        repo.write(f"{number:02}", content)
    repo.commit()
    git = repo.open()
    oids = [entry.oid for entry in git.entries(git.object_at(HEAD, ".") or "")]

    assert list(git.blobs(oids)) == contents
    assert list(git.blobs([oids[5], oids[3], oids[5]])) == [contents[5], contents[3], contents[5]]
    assert list(git.blobs([])) == []


def test_look_ups_may_come_between_two_blobs(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    git = repo.open()
    blobs = git.blobs([repo.tree("README.md"), repo.tree("src/train.py")])

    assert next(blobs) == b"read me\n"
    assert git.read(HEAD, "src/model/net.py") == b"layers = 3\n"
    assert next(blobs) == b"print('train')\n"


@pytest.mark.parametrize("path", ["src/train.py", "src"])
def test_an_object_with_other_bytes_than_its_name_is_refused(tmp_path: Path, path: str) -> None:
    repo = sample(tmp_path)
    oid = repo.tree(path)
    kind, data = ("tree", b"100644 evil\0" + bytes(20)) if path == "src" else ("blob", b"evil\n")
    put(repo, oid, kind, data)

    with pytest.raises((IntegrityError, HostError)) as caught:
        repo.open().read(HEAD, "src/train.py")
    assert caught.value.hint is not None


def test_a_damaged_object_is_told_and_the_next_question_is_answered(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    loose(repo, repo.tree("src/train.py")).chmod(0o644)
    loose(repo, repo.tree("src/train.py")).write_bytes(b"garbage")
    git = repo.open()

    with pytest.raises((HostError, IntegrityError)):
        git.read(HEAD, "src/train.py")
    assert git.read(HEAD, "src/model/net.py") == b"layers = 3\n"


def test_a_reader_that_died_is_started_again(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    git = repo.open()
    git.object_at(HEAD, "src")
    reader = git._store()._reader
    assert reader._process is not None
    reader._process.kill()
    reader._process.wait()

    with pytest.raises(HostError) as caught:
        git.read(HEAD, "src/train.py")
    assert caught.value.code == "git-failed"
    assert git.read(HEAD, "src/train.py") == b"print('train')\n"


def test_a_partial_clone_fetches_nothing_and_says_what_is_missing(tmp_path: Path) -> None:
    origin = sample(tmp_path / "origin")
    origin.git("config", "uploadpack.allowFilter", "true")
    url = f"file://{origin.top}"
    origin.git("clone", "-q", "--no-checkout", "--filter=blob:none", url, str(tmp_path / "clone"))
    git = open_repository(tmp_path / "clone")

    assert git.object_at(HEAD, "src") == origin.tree("src")
    with pytest.raises(HostError) as caught:
        git.read(HEAD, "src/train.py")
    assert caught.value.code == "object-missing"
    assert (caught.value.hint or "").startswith("git fetch --refetch --no-filter")
    origin.git("-C", str(tmp_path / "clone"), "fetch", "-q", "--refetch", "--no-filter")
    assert open_repository(tmp_path / "clone").read(HEAD, "src/train.py") == b"print('train')\n"


def test_objects_borrowed_from_another_repository_are_found(tmp_path: Path) -> None:
    origin = sample(tmp_path / "or:igin")
    origin.git("clone", "-q", "--shared", str(origin.top), str(tmp_path / "bor:rowed"))
    git = open_repository(tmp_path / "bor:rowed")

    assert git.read(HEAD, "src/train.py") == b"print('train')\n"


def test_packed_objects_and_those_that_come_later_are_found(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    git = repo.open()
    git.object_at(HEAD, "src")
    repo.write("src/later.py", "later\n")
    later = repo.commit()
    repo.git("gc", "-q")

    assert git.read(later, "src/later.py") == b"later\n"


def test_blobs_may_be_streamed_from_several_threads(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    git = repo.open()
    oids = [e.oid for e in git.entries(git.object_at(HEAD, "src") or "")]
    expected = list(git.blobs(oids))
    found: list[list[bytes]] = []
    threads = [threading.Thread(target=lambda: found.append(list(git.blobs(oids)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [expected] * 8
