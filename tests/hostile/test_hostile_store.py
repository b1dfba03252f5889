"""Whatever stands in a store, commands say what is wrong in words, and touch nothing outside (faults F9, F13)."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from json_mutations import of_bytes, of_values
from shop import Shop, call, play, within

from traintrack.action.cell import Cell, CellState, Result, decode_cell, encode_cell
from traintrack.action.manifest import read_manifest
from traintrack.action.record import decode_record
from traintrack.cli.table import COMMANDS
from traintrack.digest import TargetId, content_digest
from traintrack.errors import IntegrityError
from traintrack.runners.contract.job_file import JobFiles, read_handle
from traintrack.storages.local.checksum import has_sum, with_sum
from traintrack.storages.local.sessions import Sessions

GOOD = frozenset({0, 4, 6, 8})
"""Done, no such result, the machine, integrity."""

GOOD_OF_A_RUN = GOOD | {1}
"""A target may fail for what is damaged below it, which is told with its label."""
CPU_S = 5.0

ASKED: tuple[tuple[str, ...], ...] = (
    ("status", "//..."),
    ("status", "//...", "--json"),
    ("why", "//a:train"),
    ("why", "//a:broken", "--json"),
    ("log", "//a:train"),
    ("log", "//a:broken"),
    ("log",),
    ("show", "--record", "//a:train"),
    ("show", "--record", "//a:train", "--json"),
    ("pull", "//a:train"),
    ("pull", "//a:train/part", "-o", "OUT"),
    ("pull", "//a:*", "-o", "OUT"),
    ("run", "-n", "//a:again"),
    ("run", "//a:again"),
    ("run", "--force", "//a:train"),
    ("clean", "-n"),
    *((("verify",), ("verify", "--data")) if any(c.name == "verify" for c in COMMANDS) else ()),
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


def damage(r: random.Random, shop: Shop) -> str:
    """Change one stored thing: its bytes as they lie, or its values under digests that fit again."""
    path = r.choice(shop.files())
    if r.random() < 0.35:
        return _consistent(r, shop)
    data = path.read_bytes()
    changed = r.choice((of_bytes, of_values))(r, data)
    if has_sum(data) and r.random() < 0.7:
        changed = resealed(changed, path.name)
    _put(path, changed)
    return f"{path.relative_to(shop.store)}: {changed[:400]!r}"


def _consistent(r: random.Random, shop: Shop) -> str:
    """Put a changed record, manifest or record with other unhashed arguments into a DONE cell, under its own digest."""
    cells = [p for p in (shop.store / "ns").rglob("*") if p.is_file() and b'"DONE"' in p.read_bytes()]
    cell_path = r.choice(sorted(cells))
    cell = json.loads(cell_path.read_bytes())
    what = r.choice(("record", "manifest", "unhashed"))
    if what == "unhashed":
        record = json.loads(_kept(shop, cell["result"]["record"]).read_bytes())
        record["unhashed"] = r.choice(
            ({"workers": 10**400}, {"$workers": [None]}, [], "workers", 7, None, {"": {"a": []}})
        )
        changed = json.dumps(record).encode()
        cell["result"]["record"] = _keep(shop, changed)
    else:
        changed = of_values(r, _kept(shop, cell["result"][what]).read_bytes())
        cell["result"][what] = _keep(shop, changed)
    _put(cell_path, resealed(json.dumps(cell).encode(), cell_path.name))
    return f"{what} of {cell_path.name[:12]}: {changed[:400]!r}"


def resealed(data: bytes, name: str) -> bytes:
    """Give stored JSON the checksum that it would have, so that what it says is believed; anything else stays."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return data
    if not isinstance(value, dict):
        return data
    value.pop("sum", None)
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    return with_sum(text, name) if value else data


def _kept(shop: Shop, digest: str) -> Path:
    return shop.store / "kept" / digest[:2] / digest


def _keep(shop: Shop, data: bytes) -> str:
    digest = content_digest(data)
    _put(_kept(shop, digest), data)
    return digest


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.unlink()
    path.write_bytes(data)


def fuzz(shop: Shop, seed: int, count: int, asked: int) -> None:
    codes: Counter[int] = Counter()
    slowest = 0.0
    for number in range(count):
        r = random.Random(f"{seed}/{number}")
        shop.restore()
        did = damage(r, shop)
        before = shop.outside()
        for words in r.sample(ASKED, asked):
            began = time.process_time()
            with within(120):
                code, out, err = call(*(str(shop.out) if w == "OUT" else w for w in words), directory=shop.small.root)
            slowest = max(slowest, time.process_time() - began)
            codes[code] += 1

            assert code in (GOOD_OF_A_RUN if words[0] == "run" else GOOD), (
                f"seed {seed}/{number}: {words} gave {code} after {did}\n{err}"
            )
            assert "Traceback" not in out + err
            assert code == 0 or err.strip() or out.strip(), "an error was not told"
        assert shop.outside() == before, f"seed {seed}/{number}: something outside changed after {did}"
    sys.stdout.write(f"seed {seed}: exit codes {dict(codes)}, longest {slowest:.2f} s of CPU\n")
    assert slowest < CPU_S


@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_stores_are_answered_with_words(seed: int, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, shop.folder / "backup" / "cache")

    fuzz(shop, seed, 25, 3)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(100, 110))
def test_thousands_of_damaged_stores_are_answered_with_words(
    seed: int, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(monkeypatch, shop.folder / "backup" / "cache")

    fuzz(shop, seed, 200, 6)


def test_a_pipe_in_the_place_of_any_stored_file_is_not_waited_for(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, shop.folder / "backup" / "cache")
    kinds = {path.relative_to(shop.store).parts[0]: path for path in shop.files()}
    shop.restore()
    for kind, path in kinds.items():
        path.unlink()
        os.mkfifo(path)
        for words in (("status", "//..."), ("why", "//a:train"), ("pull", "//a:train"), ("run", "-n", "//a:again")):
            with within(60):
                code, _, err = call(*words, directory=shop.small.root)

            assert code in GOOD, (kind, words, err)
        shop.restore()


def test_a_handle_that_no_job_file_says_is_none_of_ours(tmp_path: Path) -> None:
    jobs = JobFiles(tmp_path / "runner")
    fields = {"flight": "f", "attempt": 1, "stage": "/", "out": "/", "marker": "m", "boot_id": "b", "runner_pid": 1}
    hostile = json.dumps({**fields, "runner_started": "1"})

    assert jobs.known(hostile) is None
    facts = read_handle(hostile)
    assert facts is not None
    jobs_facts = type(facts)(**{**fields, "stage": str(tmp_path), "runner_started": "1"})
    (tmp_path / "runner").mkdir(exist_ok=True)
    jobs.add(jobs_facts)
    assert jobs.known(jobs_facts.handle) == jobs_facts
    assert jobs.known(hostile) is None


@pytest.mark.parametrize("text", ["", "null", "[]", '{"flight": 1}', "[" * 100_000, "\ud800", '{"marker": "../../x"}'])
def test_a_text_that_is_no_handle_is_none(text: str) -> None:
    assert read_handle(text) is None


DEEP = 100_000
UNREADABLE = {
    "nested in a field that is known": b'{"id":"x","preimage":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
    "nested in a field that is not": b'{"zzz":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "half a character": b'{"id":"\xff","format":"\xc3"}',
    "half a pair": b'{"id":"\\ud800"}',
    "a huge number": b'{"epoch":' + b"9" * 5000 + b"}",
    "nothing": b"",
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE.keys())
@pytest.mark.parametrize("read", [decode_record, read_manifest, lambda data: decode_cell(data, TargetId("a" * 64))])
def test_bytes_that_break_readers_of_json_are_damage_and_no_bug(read: Any, data: bytes) -> None:
    with pytest.raises(IntegrityError):
        read(data)


def test_a_record_that_is_read_but_could_not_be_walked_is_damaged() -> None:
    deep = b'{"a":' * 500 + b"1" + b"}" * 500
    data = b'{"id":"x","label":"","place":"","workspace":"","who":{},"preimage":' + deep + b"}"

    with pytest.raises(IntegrityError, match="nested"):
        decode_record(data)


@pytest.mark.parametrize(
    "cell",
    [
        Cell(CellState.DONE, 1, "n"),
        Cell(CellState.HELD, 1, "n"),
        Cell(CellState.FREE, 1, ""),
        Cell(CellState.DONE, 1, "n", result=Result("../../canary", "0" * 64, "")),
        Cell(CellState.DONE, 1, "n", result=Result("0" * 64, "/etc/passwd", "")),
        Cell(CellState.DONE, 1, "n", result=Result("0" * 64 + "/..", "0" * 64, "")),
        Cell(CellState.DONE, 1, "n", result=Result("F" * 64, "0" * 64, "")),
    ],
)
def test_a_cell_that_could_never_have_been_written_is_damaged(cell: Cell) -> None:
    with pytest.raises(IntegrityError) as caught:
        decode_cell(encode_cell(cell), TargetId("a" * 64))

    assert caught.value.code == "cell-damaged"


@pytest.mark.parametrize("name", ["../../canary/secret.txt", "a\0b", "", "x/y", ".."])
def test_a_run_that_a_cell_names_is_looked_up_in_one_folder_only(name: str, tmp_path: Path) -> None:
    (tmp_path / "canary").mkdir()
    os.mkfifo(tmp_path / "canary" / "secret.txt")

    with within(30):
        assert Sessions(str(tmp_path / "store" / "alive")).is_alive(name) is False
