from __future__ import annotations

import hashlib
from pathlib import Path

from small_workspace import Small

from traintrack.app.hash_targets import hash_targets


def test_the_id_is_the_hash_of_the_preimage(tmp_path: Path) -> None:
    small = Small(tmp_path)

    hashed = hash_targets(small.project(), ["//a:train", "//a:data"])

    assert [one.label for one in hashed] == ["//a:train", "//a:data"]
    for one in hashed:
        assert hashlib.sha256(one.preimage).hexdigest() == one.id


def test_it_makes_no_storage(tmp_path: Path) -> None:
    small = Small(tmp_path)

    hash_targets(small.project(), ["//..."])

    assert not (tmp_path / "store").exists()


def test_a_source_has_an_id_and_a_frozen_target_only_an_id(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.write("b/TTCONFIG.yaml", "targets:\n  raw: {source: raw}\n")
    small.write("b/TTLOCK.yaml", f"format: traintrack.lock/1\nsources:\n  raw: {{content: '{'a' * 64}'}}\n")
    small.write("a/TTLOCK.yaml", f"format: traintrack.lock/1\nfrozen:\n  data: {{id: '{'b' * 64}'}}\n")

    raw, data = hash_targets(small.project(), ["//b:raw", "//a:data"])

    assert hashlib.sha256(raw.preimage).hexdigest() == raw.id
    assert (data.id, data.preimage) == ("b" * 64, b"")
