"""What every storage must do: subclass `StorageSuite`, say how to open yours, and let pytest collect it.

Plain asserts and no import of pytest, so that another runner of tests can take it as well.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from traintrack.action import cell as change
from traintrack.action.cell import Cell, CellState, FreeReason, Owner, Phase, Result
from traintrack.action.event import RunDocument, RunTarget
from traintrack.action.job import Output
from traintrack.action.manifest import EntryType, Manifest
from traintrack.digest import ActionKey, ArtifactDigest, ContentDigest, TargetId, content_digest, target_id
from traintrack.errors import NotFoundError, TaskError, TraintrackError
from traintrack.ports.storage import CellConflictError, Liveness, Seen, Staging, Storage

ID = target_id(b"one")
OTHER_ID = target_id(b"two")
OWNER = Owner(token="t" * 32, run="run-a")
STRANGER = Owner(token="s" * 32, run="run-b")
NO_DIGEST = ContentDigest("0" * 64)


class StagedStorage(Storage, Protocol):
    """A storage in which outputs can be staged."""

    @property
    def staging(self) -> Staging:
        """Where outputs come into being."""


def held(storage: Storage, id_: TargetId = ID, owner: Owner = OWNER) -> Seen:
    """Take a cell that is absent or free."""
    seen = storage.cells.read([id_])[id_]
    return storage.cells.swap(seen, change.acquire(seen.cell, owner))


def publishing(storage: Storage, id_: TargetId = ID, owner: Owner = OWNER) -> Seen:
    """Take a cell and announce that bytes are stored."""
    seen = held(storage, id_, owner)
    return storage.cells.swap(seen, change.publish(_cell(seen), owner))


def staged(storage: StagedStorage, name: str, files: dict[str, bytes]) -> Output:
    """Stage a folder with these files."""
    root = storage.staging.new_stage(name) / "out"
    root.mkdir()
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return Output(os.fspath(root), storage.staging.scan(root))


def published(storage: StagedStorage, files: dict[str, bytes], name: str = "flight.1") -> Result:
    """Store an artifact of these files."""
    return storage.artifacts.publish(staged(storage, name, files))


def refuses(action: Callable[[], object], kind: type[Exception]) -> Exception:
    """Call `action` and return the error of this kind that it must raise."""
    try:
        action()
    except kind as error:
        return error
    raise AssertionError(f"nothing was refused with {kind.__name__}")


class StorageSuite:
    """The conformance tests. `open` must reach the same storage each time within one test, and a new one in each."""

    def open(self) -> StagedStorage:
        """Open the storage of this test."""
        raise NotImplementedError

    def test_a_cell_that_was_never_written_is_absent(self) -> None:
        """Reading creates nothing."""
        seen = self.open().cells.read([ID, OTHER_ID])

        assert set(seen) == {ID, OTHER_ID}
        assert seen[ID].cell is None

    def test_a_swap_is_seen_by_who_opens_the_storage_later(self) -> None:
        """What swap returns is what read returns."""
        written = held(self.open())

        assert self.open().cells.read([ID])[ID] == written
        assert _cell(written).state is CellState.HELD

    def test_a_swap_of_an_older_version_is_refused_and_tells_how_the_cell_stands(self) -> None:
        """Compare-and-swap."""
        storage = self.open()
        before = storage.cells.read([ID])[ID]
        mine = held(storage)
        late = change.acquire(before.cell, STRANGER)

        error = refuses(lambda: self.open().cells.swap(before, late), CellConflictError)

        assert isinstance(error, CellConflictError)
        assert error.seen == mine

    def test_a_version_never_comes_back(self) -> None:
        """A holder that let go and took the cell again is not where it was."""
        storage = self.open()
        first = held(storage)
        freed = storage.cells.swap(first, change.release(_cell(first)))
        held(storage)

        refuses(lambda: storage.cells.swap(first, change.beat(_cell(first))), CellConflictError)
        refuses(lambda: storage.cells.swap(freed, change.acquire(freed.cell, STRANGER)), CellConflictError)

    def test_of_many_threads_one_takes_the_cell(self) -> None:
        """Law 3, inside one process."""
        storage = self.open()
        seen = storage.cells.read([ID])[ID]
        won: list[str] = []

        def contend(name: str) -> None:
            try:
                storage.cells.swap(seen, change.acquire(seen.cell, Owner(name, name)))
                won.append(name)
            except CellConflictError:
                pass

        _all_at_once([lambda n=n: contend(f"c{n}") for n in range(8)])  # type: ignore[misc]

        assert len(won) == 1

    def test_a_committed_result_is_read_back_whole(self) -> None:
        """HELD{publishing} to DONE."""
        storage = self.open()
        seen = publishing(storage)
        result = replace(published(storage, {"a.txt": b"a"}), record=storage.kept.put(b"{}"))
        storage.cells.swap(seen, change.commit(_cell(seen), result))

        cell = _cell(self.open().cells.read([ID])[ID])
        assert cell.state is CellState.DONE
        assert cell.result == result

    def test_a_superseded_holder_cannot_commit(self) -> None:
        """A zombie's commit fails whatever any clock says."""
        storage = self.open()
        mine = publishing(storage)
        storage.cells.swap(mine, change.take_over(_cell(mine), STRANGER))
        result = Result(ArtifactDigest(NO_DIGEST), NO_DIGEST, NO_DIGEST)

        refuses(lambda: storage.cells.swap(mine, change.commit(_cell(mine), result)), CellConflictError)

    def test_an_evicted_cell_keeps_its_history(self) -> None:
        """DONE to FREE{corrupt} names the record that stood."""
        storage = self.open()
        seen = publishing(storage)
        result = replace(published(storage, {"a": b"a"}), record=storage.kept.put(b"record"))
        done = storage.cells.swap(seen, change.commit(_cell(seen), result))
        storage.cells.swap(done, change.evict(_cell(done), FreeReason.CORRUPT))

        cell = _cell(self.open().cells.read([ID])[ID])
        assert (cell.state, cell.free, cell.previous_record) == (CellState.FREE, FreeReason.CORRUPT, result.record)

    def test_a_run_lives_as_long_as_its_context(self) -> None:
        """Liveness is known, not guessed."""
        storage = self.open()
        with storage.present("run-x") as owner:
            during = self.open().cells.liveness(owner)

        assert (owner.run, owner.token) == ("run-x", "")
        assert during is Liveness.ALIVE
        assert self.open().cells.liveness(owner) is Liveness.GONE

    def test_waiting_ends_when_the_cell_changes(self) -> None:
        """And not only when the time is over."""
        storage = self.open()
        with storage.present("run-x") as owner:
            seen = held(storage, owner=owner)
            returned = threading.Event()

            def wait() -> None:
                storage.cells.wait([seen], 30.0)
                returned.set()

            thread = threading.Thread(target=wait, daemon=True)
            thread.start()
            storage.cells.swap(seen, change.release(_cell(seen)))

            assert returned.wait(5.0)
            thread.join()

    def test_waiting_ends_when_the_time_is_over(self) -> None:
        """A holder that lives and does nothing keeps nobody for ever."""
        storage = self.open()
        with storage.present("run-x") as owner:
            storage.cells.wait([held(storage, owner=owner)], 0.02)

    def test_kept_bytes_come_back_and_unknown_ones_are_none(self) -> None:
        """The key is the BLAKE3 of the bytes."""
        digest = self.open().kept.put(b"some bytes")

        assert digest == content_digest(b"some bytes")
        assert self.open().kept.get(digest) == b"some bytes"
        assert self.open().kept.get(NO_DIGEST) is None

    def test_named_bytes_come_back_and_unknown_names_are_none(self) -> None:
        """Empty bytes are bytes."""
        self.open().kept.put_named("code/abc", b"")

        assert self.open().kept.has_named("code/abc")
        assert self.open().kept.get_named("code/abc") == b""
        assert self.open().kept.get_named("code/abd") is None
        assert not self.open().kept.has_named("code/abd")

    def test_a_published_artifact_has_the_bytes_and_the_manifest(self) -> None:
        """The same digest as in every other storage."""
        storage = self.open()
        result = published(storage, {"model/w.bin": b"w" * 10_000, "metrics.json": b"{}"})

        manifest = self.open().artifacts.manifest(result)
        assert [e.path for e in manifest.entries] == ["metrics.json", "model/w.bin"]
        assert manifest.digest() == result.artifact
        other = self.open()
        assert other.artifacts.fetch(result) is None
        assert (other.artifacts.path(result.artifact) / "model/w.bin").read_bytes() == b"w" * 10_000
        assert other.artifacts.path(result.artifact, "metrics.json").read_bytes() == b"{}"
        assert self.open().artifacts.check(result) is None
        assert result.record == ""

    def test_an_equal_artifact_is_stored_once(self) -> None:
        """The second staged output is dropped."""
        storage = self.open()
        first = published(storage, {"a": b"a"}, "flight.1")
        output = staged(storage, "flight.2", {"a": b"a"})
        second = storage.artifacts.publish(output)

        assert first == second
        assert not Path(output.staged).exists()

    def test_links_and_empty_folders_survive(self) -> None:
        """A manifest of every type of entry."""
        storage = self.open()
        root = storage.staging.new_stage("flight.1") / "out"
        (root / "empty/inner").mkdir(parents=True)
        (root / "tool").write_bytes(b"#!/bin/sh\n")
        (root / "tool").chmod(0o755)
        (root / "latest").symlink_to("tool")
        result = storage.artifacts.publish(Output(os.fspath(root), storage.staging.scan(root)))

        kinds = {e.path: e.type for e in storage.artifacts.manifest(result).entries}
        at = storage.artifacts.path(result.artifact)
        assert kinds == {"empty/inner": EntryType.FOLDER, "latest": EntryType.LINK, "tool": EntryType.FILE}
        assert (at / "empty/inner").is_dir()
        assert os.readlink(at / "latest") == "tool"
        assert os.access(at / "tool", os.X_OK)

    def test_an_empty_output_is_an_artifact(self) -> None:
        """Whether it makes sense is not for the storage to say."""
        storage = self.open()
        result = published(storage, {})

        assert storage.artifacts.manifest(result) == Manifest(())
        assert storage.artifacts.check(result) is None

    def test_a_hostile_output_is_refused_by_path(self) -> None:
        """`scan` raises what the user can read."""
        storage = self.open()
        root = storage.staging.new_stage("flight.1")
        (root / "out").symlink_to("/etc/passwd")

        error = refuses(lambda: storage.staging.scan(root), TaskError)

        assert isinstance(error, TraintrackError)
        assert error.code == "output-refused"
        assert "`out`" in error.message

    def test_what_is_not_there_is_told(self) -> None:
        """A missing artifact is found by check and by path."""
        storage = self.open()
        result = published(storage, {"a": b"a"})
        stranger = replace(result, artifact=ArtifactDigest(NO_DIGEST), manifest=NO_DIGEST)

        assert storage.artifacts.check(stranger) is not None
        refuses(lambda: storage.artifacts.path(stranger.artifact), NotFoundError)
        refuses(lambda: storage.artifacts.path(result.artifact, "b"), NotFoundError)
        refuses(lambda: storage.artifacts.path(result.artifact, "../a"), NotFoundError)

    def test_a_discarded_output_is_gone(self) -> None:
        """And repeating it is harmless."""
        storage = self.open()
        output = staged(storage, "flight.1", {"a/b": b"b"})
        storage.artifacts.discard(output)
        storage.artifacts.discard(output)

        assert not Path(output.staged).exists()

    def test_the_last_hint_wins(self) -> None:
        """Hints may be overwritten."""
        key = ActionKey("a" * 64)
        before = self.open().ledger.hint(key)
        self.open().ledger.put_hint(key, ID)
        self.open().ledger.put_hint(key, OTHER_ID)

        assert before is None
        assert self.open().ledger.hint(key) == OTHER_ID

    def test_a_run_document_is_found_by_name_and_beginning(self) -> None:
        """An ambiguous beginning finds none."""
        for name in ("2026-a1", "2026-b2"):
            self.open().ledger.put_run(run_document(name, ID))

        ledger = self.open().ledger
        assert ledger.run("2026-a1") == run_document("2026-a1", ID)
        assert ledger.run("2026-b") == run_document("2026-b2", ID)
        assert ledger.run("2026") is None
        assert ledger.run("no") is None
        assert sorted(ledger.runs()) == ["2026-a1", "2026-b2"]

    def test_a_label_has_the_newest_fifty_results(self) -> None:
        """Newest first; a result that is reused is no new one."""
        ids = [target_id(str(n).encode()) for n in range(60)]
        for number, id_ in enumerate([*ids, ids[-1]]):
            self.open().ledger.put_run(run_document(f"r{number:03}", id_))

        history = self.open().ledger.history("ws", "//a:t")
        assert [h.id for h in history] == ids[:9:-1]
        assert history[0].run == "r059"
        assert self.open().ledger.history("other", "//a:t") == ()

    def test_a_log_is_kept_and_an_unknown_one_is_none(self) -> None:
        """The key that put_log returns finds it."""
        storage = self.open()
        source = storage.staging.new_stage("flight.1") / "log"
        source.write_bytes(b"line\n")
        key = storage.ledger.put_log("abc/flight.1.log", source)

        kept = self.open().ledger.log(key)
        assert kept is not None
        assert kept.read_bytes() == b"line\n"
        assert self.open().ledger.log("../" + key) is None
        assert self.open().ledger.log("nothing") is None


def run_document(run: str, id_: TargetId, outcome: str = "executed") -> RunDocument:
    """A run of one target, `//a:t` of workspace `ws`."""
    row = RunTarget("//a:t", id_, outcome, record=content_digest(id_.encode()))
    return RunDocument(run, "ws", "local", "user", "host", "2026-01-01", "2026-01-02", "traintrack run", (row,))


def _cell(seen: Seen) -> Cell:
    assert seen.cell is not None
    assert seen.cell.phase is None or isinstance(seen.cell.phase, Phase)
    return seen.cell


def _all_at_once(actions: list[Callable[[], None]]) -> None:
    gate = threading.Barrier(len(actions))

    def enter(action: Callable[[], None]) -> None:
        gate.wait()
        action()

    threads = [threading.Thread(target=enter, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
