"""Packs prove their names, also where files of Git LFS and submodules stand in them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from small_workspace import Small

from traintrack.app.verify_code import NamedObjects, pack_identities
from traintrack.runners.contract.call import python_folders
from traintrack.runners.contract.code_folder import read_pack
from traintrack.workspace.code_pack import pack_code


@pytest.fixture
def outer(tmp_path: Path) -> Small:
    """A workspace with a submodule at `src/sub`, which has a file of Git LFS, as the workspace has."""
    inner, outer = Small(tmp_path / "inner"), Small(tmp_path / "outer")
    in_lfs(inner, "src/inner.bin", b"inner weights")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.root), "src/sub")
    in_lfs(outer, "src/outer.bin", b"outer weights")
    oid = hashlib.sha256(b"inner weights").hexdigest()
    outer.write(f".git/modules/src/sub/lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}", "inner weights")
    return outer


def in_lfs(small: Small, path: str, data: bytes) -> None:
    oid = hashlib.sha256(data).hexdigest()
    small.write(path, f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n")
    small.write(f".git/lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}", data.decode())
    small.commit("A large file")


@pytest.mark.parametrize("path", ["src", "src/sub", "src/outer.bin", "."])
def test_a_pack_with_more_than_git_holds_still_hashes_to_its_object(outer: Small, path: str) -> None:
    source = outer.project().source
    object_id = source.object_at("HEAD", path)
    assert object_id is not None

    data = pack_code(source, object_id, path)

    assert object_id.replace(":", "-") in pack_identities(data, 40)
    assert NamedObjects(outer.project()).judge(f"code/{object_id.replace(':', '-')}", data) is None


@pytest.mark.parametrize("weights", [b"outer weights", b"inner weights"])
def test_another_file_than_that_of_a_pointer_is_seen(outer: Small, weights: bytes) -> None:
    source = outer.project().source
    object_id = source.object_at("HEAD", "src")
    assert object_id is not None
    data = pack_code(source, object_id, "src")

    changed = data.replace(weights, weights[::-1])

    assert changed != data
    assert pack_identities(changed, 40) == ()
    assert NamedObjects(outer.project()).judge(f"code/{object_id}", changed) is not None


def test_another_file_in_a_submodule_is_seen(outer: Small) -> None:
    source = outer.project().source
    object_id = source.object_at("HEAD", "src/sub")
    assert object_id is not None
    data = pack_code(source, object_id, "src/sub")

    assert pack_identities(data.replace(b"print('train')", b"print('TRAIN')"), 40) == ()


@pytest.mark.parametrize(("path", "below"), [("src", "src/sub"), ("src/sub", "src/sub")])
def test_a_task_gets_the_files_of_a_submodule_at_their_places(outer: Small, path: str, below: str) -> None:
    source = outer.project().source
    object_id = source.object_at("HEAD", path)
    assert object_id is not None

    found = read_pack(pack_code(source, object_id, path), path, object_id)

    assert found[f"{below}/src/inner.bin"].data == b"inner weights"
    assert found[f"{below}/src/train_model.py"].data == b"print('train')\n"
    assert python_folders({path: object_id}, "/work") == [f"/work/{path}"]
