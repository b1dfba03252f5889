from __future__ import annotations

import threading
from pathlib import Path

import pytest

from traintrack.digest import ActionKey, target_id
from traintrack.errors import IntegrityError
from traintrack.storages.local import LocalStorage, open_local
from traintrack.storages.local.label_index import label_digest
from traintrack.testing.storage_suite import ID, run_document

KEY = ActionKey("a" * 64)
DAMAGES = [b"", b"{", b"null", b"\xff", b'{"format":"traintrack/label/9","workspace":"w","label":"l","entries":[]}']


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return open_local(tmp_path / "s")


def index(storage: LocalStorage) -> Path:
    digest = label_digest("ws", "//a:t")
    return storage.root / "label" / digest[:2] / digest


def damage(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


@pytest.mark.parametrize("data", [*DAMAGES, b"z" * 64, b"0" * 63])
def test_a_damaged_hint_is_none(storage: LocalStorage, data: bytes) -> None:
    storage.ledger.put_hint(KEY, ID)
    damage(storage.root / "ns/default/hint/aa" / KEY, data)

    assert storage.ledger.hint(KEY) is None


@pytest.mark.parametrize("data", DAMAGES)
def test_a_damaged_index_is_rebuilt_from_the_run_documents(storage: LocalStorage, data: bytes) -> None:
    for number in range(3):
        storage.ledger.put_run(run_document(f"r{number}", target_id(str(number).encode())))
    before = storage.ledger.history("ws", "//a:t")
    damage(index(storage), data)

    assert len(before) == 3
    assert storage.ledger.history("ws", "//a:t") == before
    storage.ledger.put_run(run_document("r3", target_id(b"3")))
    assert [h.run for h in storage.ledger.history("ws", "//a:t")] == ["r3", "r2", "r1", "r0"]


@pytest.mark.parametrize("data", DAMAGES)
def test_a_damaged_run_document_is_told_and_skipped_elsewhere(storage: LocalStorage, data: bytes) -> None:
    storage.ledger.put_run(run_document("r1", ID))
    damage(storage.root / "run/r1", data)

    with pytest.raises(IntegrityError) as caught:
        storage.ledger.run("r1")
    assert caught.value.code == "run-damaged"
    index(storage).unlink()
    index(storage).write_bytes(b"damaged")
    assert storage.ledger.history("ws", "//a:t") == ()


@pytest.mark.parametrize("run", ["", "../r1", "/", "a\0", "*"])
def test_what_is_no_run_name_finds_nothing(storage: LocalStorage, run: str) -> None:
    storage.ledger.put_run(run_document("r1", ID))

    assert storage.ledger.run(run) is None


def test_what_never_ran_leaves_no_history(storage: LocalStorage) -> None:
    storage.ledger.put_run(run_document("r1", ID, "blocked"))
    storage.ledger.put_run(run_document("r2", ID, "cancelled"))

    assert storage.ledger.history("ws", "//a:t") == ()


def test_runs_at_the_same_time_lose_no_entry(storage: LocalStorage) -> None:
    documents = [run_document(f"r{n}", target_id(str(n).encode())) for n in range(24)]
    gate = threading.Barrier(4)

    def put(part: int) -> None:
        gate.wait()
        for document in documents[part::4]:
            storage.ledger.put_run(document)

    threads = [threading.Thread(target=put, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {h.run for h in storage.ledger.history("ws", "//a:t")} == {d.run for d in documents}


def test_a_growing_log_is_found_in_its_stage_and_nowhere_else(storage: LocalStorage) -> None:
    stage = storage.staging.new_stage("flight.1")
    (stage / "log").write_bytes(b"so far")

    assert storage.ledger.log(f"stage/{stage.name}/log") == stage / "log"
    assert storage.ledger.log("stage/../store.json") is None
    assert storage.ledger.log("store.json") is None


@pytest.mark.parametrize("names", [1, 2])
def test_a_log_is_moved_unless_something_else_names_it(storage: LocalStorage, tmp_path: Path, names: int) -> None:
    source = storage.staging.new_stage("flight.1") / "log"
    for again in range(2):
        source.write_bytes(b"l" * 200_000 + b"%d" % again)
        if names == 2:
            (tmp_path / f"other{again}").hardlink_to(source)
        inode = source.stat().st_ino
        key = storage.ledger.put_log("flight.1", source)
        kept = storage.ledger.log(key)

        assert kept is not None
        assert kept.read_bytes() == b"l" * 200_000 + b"%d" % again
        assert kept.stat().st_mode & 0o777 == 0o444
        # The first one is copied too: only then its folder is there.
        assert (kept.stat().st_ino == inode) == (names == 1 and again == 1)
        source.unlink(missing_ok=True)


def test_a_link_in_the_place_of_a_log_is_not_moved(storage: LocalStorage, tmp_path: Path) -> None:
    (tmp_path / "words").write_bytes(b"words")
    (tmp_path / "log").symlink_to(tmp_path / "words")
    storage.ledger.put_log("flight.0", tmp_path / "words")
    (tmp_path / "words").write_bytes(b"words")
    kept = storage.ledger.log(storage.ledger.put_log("flight.1", tmp_path / "log"))

    assert kept is not None
    assert not kept.is_symlink()
