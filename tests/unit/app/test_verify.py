from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from broken_store import fill, look, put
from small_workspace import Small

from traintrack.action.cell import CellState, FreeReason, encode_cell, evict
from traintrack.action.event import RunDocument
from traintrack.app.verify import VerifyAnswer, VerifyOptions, verify
from traintrack.app.verify_code import pack_identities
from traintrack.errors import IntegrityError, NotFoundError
from traintrack.ports.verify import Depth, FindingKind, Scope
from traintrack.storages.local import open_local, verify_results
from traintrack.storages.local.locks import FileLock
from traintrack.workspace.code_pack import pack_code

FILES = {"weights/best.pt": b"w" * 40_000, "metrics.json": b"{}"}


@pytest.fixture
def small(tmp_path: Path) -> Small:
    small = Small(tmp_path / "w")
    small.make("//a:data")
    small.make("//a:train", files=FILES)
    return small


def verified(
    small: Small, *texts: str, depth: Depth = Depth.DATA, repair: bool = False, share: float = 1.0
) -> VerifyAnswer:
    options = VerifyOptions(depth, share, "seed", repair)
    return verify(small.project(), small.environment(), texts, options, lambda looked: None)


def kinds(answer: VerifyAnswer) -> list[tuple[str, str]]:
    return [(finding.kind.value, finding.label) for finding in answer.survey.findings]


def overwrite(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(0o444)


def artifact(small: Small, label: str = "//a:train") -> Path:
    id_ = small.id_of(label)
    cell = small.environment().storage.cells.read([id_])[id_].cell
    assert cell is not None
    assert cell.result is not None
    return small.environment().storage.artifacts.path(cell.result.artifact)


def test_a_healthy_store_has_no_findings_at_any_depth(small: Small) -> None:
    quick, data = verified(small, depth=Depth.QUICK), verified(small)

    assert (quick.survey.findings, quick.survey.looked.hashed_bytes) == ((), 0)
    assert (data.survey.findings, data.survey.looked.results) == ((), 2)
    assert data.survey.looked.hashed_bytes > 40_000


def test_equal_size_other_bytes_are_found_by_data_alone_and_told_with_the_label(small: Small) -> None:
    overwrite(artifact(small) / "metrics.json", b"[]")

    assert verified(small, depth=Depth.QUICK).survey.findings == ()
    assert kinds(verified(small)) == [("artifact", "//a:train")]


def test_a_quick_look_finds_what_is_missing_cut_or_added(small: Small) -> None:
    folder = artifact(small)
    overwrite(folder / "metrics.json", b"")
    folder.chmod(0o755)
    (folder / "more").write_text("x")
    folder.chmod(0o555)

    answer = verified(small, depth=Depth.QUICK)

    assert [Path(finding.path).name for finding in answer.survey.findings] == ["metrics.json", "more"]


def test_patterns_limit_the_look_to_their_results(small: Small) -> None:
    overwrite(artifact(small) / "metrics.json", b"[]")

    assert verified(small, "//a:data").survey.findings == ()
    assert kinds(verified(small, "//a:train")) == [("artifact", "//a:train")]


def test_a_sample_hashes_a_part_and_looks_at_the_rest_quickly(tmp_path: Path) -> None:
    fill(tmp_path / "s", 30, random.Random(1))
    storage = open_local(tmp_path / "s")
    whole, part = look(storage), look(storage, Scope(share=0.3, seed="a"))

    assert whole.looked.results == part.looked.results == 30
    assert 0 < part.looked.hashed_bytes < whole.looked.hashed_bytes
    assert part.findings == ()


def test_looking_changes_nothing(small: Small) -> None:
    overwrite(artifact(small) / "metrics.json", b"[]")
    store = small.root / "store"

    def state() -> dict[str, int]:
        return {str(p): p.lstat().st_ctime_ns for p in store.rglob("*") if "lock" not in p.parts and p.is_file()}

    before = state()
    verified(small)

    assert state() == before


def test_a_damaged_cell_is_refused_by_name_of_the_command_that_sets_it_aside(small: Small) -> None:
    id_ = small.id_of("//a:train")
    path = small.root / "store/ns/default/cell" / id_[:2] / id_
    overwrite(path, path.read_bytes().replace(b'"epoch":1', b'"epoch":3'))

    with pytest.raises(IntegrityError) as caught:
        small.environment().storage.cells.read([id_])
    assert (caught.value.hint or "").startswith("traintrack verify --repair")
    answer = verified(small, repair=True)

    assert (answer.left, answer.remake) == ((), ("//a:train",))
    cell = small.environment().storage.cells.read([id_])[id_].cell
    assert cell is not None
    assert (cell.free and cell.free.value, cell.previous_record is not None) == ("corrupt", True)


def test_a_cell_without_a_checksum_from_an_older_version_is_still_read(small: Small) -> None:
    id_ = small.id_of("//a:train")
    storage = small.environment().storage
    cell = storage.cells.read([id_])[id_].cell
    assert cell is not None
    overwrite(small.root / "store/ns/default/cell" / id_[:2] / id_, encode_cell(cell))

    assert storage.cells.read([id_])[id_].cell == cell
    assert verified(small).survey.findings == ()


def test_a_cell_of_a_newer_format_is_told_and_left_alone(small: Small) -> None:
    id_ = small.id_of("//a:train")
    path = small.root / "store/ns/default/cell" / id_[:2] / id_
    overwrite(path, b'{"state":"DONE","epoch":1,"nonce":"n","format":"traintrack/cell/9"}')

    answer = verified(small, repair=True)

    assert [finding.kind for finding in answer.left] == [FindingKind.NEWER]
    assert b"cell/9" in path.read_bytes()


def test_hints_histories_and_run_documents_that_cannot_be_read_are_found_and_mended(small: Small) -> None:
    store = small.root / "store"
    history = next(p for p in (store / "label").rglob("*") if p.is_file())
    before = small.environment().storage.ledger.history("small", "//a:data")
    for path in (history, store / "run/r-0002"):
        overwrite(path, b"{")

    found = verified(small)
    answer = verified(small, repair=True)

    assert [finding.kind.value for finding in found.survey.findings] == ["history", "run"]
    assert answer.left == ()
    assert small.environment().storage.ledger.history("small", "//a:data") == before


def test_artifacts_that_no_result_names_are_only_noted(small: Small) -> None:
    id_ = small.id_of("//a:train")
    (small.root / "store/ns/default/cell" / id_[:2] / id_).unlink()
    for path in (small.root / "store/kept").rglob("*"):
        if path.is_file() and id_.encode() in path.read_bytes():
            path.unlink()

    answer = verified(small)

    assert answer.survey.findings == ()
    assert answer.survey.remarks == ("artifacts that no result names: 1",)


def test_code_and_lock_files_must_be_what_their_names_say(small: Small) -> None:
    kept, source = small.environment().storage.kept, small.project().source
    tree = source.object_at("HEAD", "src")
    file = source.object_at("HEAD", "src/train_model.py")
    assert tree is not None
    assert file is not None
    kept.put_named(f"code/{tree}", pack_code(source, tree, "src"))
    kept.put_named(f"code/{file.replace(':', '-')}", pack_code(source, file, "src/train_model.py"))
    assert verified(small).survey.findings == ()
    kept.put_named(f"code/{tree}", pack_code(source, file, "src/train_model.py"))
    kept.put_named(f"lock/{'0' * 64}", b"not this")

    answer = verified(small, repair=True)

    assert [finding.kind.value for finding in answer.survey.findings] == ["name", "name"]
    assert answer.left == ()
    assert not kept.has_named(f"code/{tree}")


def test_a_pack_hashes_to_the_object_that_git_names(small: Small) -> None:
    small.write("src/deep/er/x.py", "x = 1\n")
    (small.root / "src/run").write_text("#!/bin/sh\n")
    (small.root / "src/run").chmod(0o755)
    (small.root / "src/link").symlink_to("deep/er")
    small.commit("More")
    source = small.project().source
    tree = source.object_at("HEAD", "src")
    assert tree is not None

    assert pack_identities(pack_code(source, tree, "src"), len(tree)) == (tree,)
    assert pack_identities(b"no pack", 40) == ()


def test_names_of_code_that_were_swapped_lead_nowhere(small: Small) -> None:
    kept = small.environment().storage.kept
    kept.put_named("code/a", b"one")
    kept.put_named("code/b", b"two")
    folder = small.root / "store/kept/named/code"
    os.rename(folder / "a", folder / "x")
    os.rename(folder / "b", folder / "a")
    os.rename(folder / "x", folder / "b")

    assert (kept.get_named("code/a"), kept.has_named("code/b")) == (None, False)


def test_an_unknown_pattern_is_told(small: Small) -> None:
    with pytest.raises(NotFoundError):
        verified(small, "//nowhere:t")


def test_what_is_healed_between_two_looks_is_not_told(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = artifact(small) / "metrics.json"
    overwrite(broken, b"[]")

    class HealedWhileWaiting(FileLock):
        def __enter__(self) -> None:
            super().__enter__()
            overwrite(broken, FILES["metrics.json"])

    monkeypatch.setattr(verify_results, "FileLock", HealedWhileWaiting)

    assert verified(small).survey.findings == ()


def test_damage_under_a_cell_that_changed_meanwhile_is_not_told(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    overwrite(artifact(small) / "metrics.json", b"[]")
    cells, id_ = small.environment().storage.cells, small.id_of("//a:train")

    class EvictedWhileWaiting(FileLock):
        def __enter__(self) -> None:
            super().__enter__()
            seen = cells.read([id_])[id_]
            if seen.cell is not None and seen.cell.state is CellState.DONE:
                cells.swap(seen, evict(seen.cell, FreeReason.CORRUPT))

    monkeypatch.setattr(verify_results, "FileLock", EvictedWhileWaiting)

    assert verified(small).survey.findings == ()


def test_a_repair_leaves_what_another_has_healed(small: Small) -> None:
    broken = artifact(small) / "metrics.json"
    overwrite(broken, b"[]")
    storage = open_local(small.root / "store")
    findings = look(storage).findings
    overwrite(broken, FILES["metrics.json"])

    mended = storage.mend(findings)

    assert [one.words for one in mended] == ["was whole again"]
    assert verified(small).survey.findings == ()
    assert not (small.root / "store/quarantine").exists()


@pytest.mark.parametrize(("committed", "told"), [(True, ["cell"]), (False, [])])
def test_an_empty_cell_is_damage_only_if_its_result_had_stood(tmp_path: Path, committed: bool, told: list[str]) -> None:
    storage = open_local(tmp_path / "s")
    with storage.present("r-1"):
        row = put(storage, "//a:t", random.Random(1), 1)
    if committed:
        storage.ledger.put_run(RunDocument("r-1", "w", "local", "ada", "here", "", "", "run", (row,)))
    overwrite(tmp_path / "s/ns/default/cell" / row.id[:2] / row.id, b"")

    assert [finding.kind.value for finding in look(storage).findings] == told
