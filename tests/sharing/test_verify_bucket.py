"""Damage in a bucket of a real server: found by `verify`, set aside by `--repair`, and made again by one run."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from engineers import BUCKET, GRAPH, LIMIT_S, Engineer, Team

from traintrack.testing.s3_server import INTERNAL_ERROR, SLOW_DOWN, Rule

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit" / "storages"))

from broken_bucket import damaged

ALL = "//..."
REFUSED = 8
SEED = 20261121


class Store:
    """The objects of the store as the server has them, by key below the store's prefix."""

    def __init__(self, team: Team) -> None:
        self._buckets = team.s3.buckets

    def keys(self, prefix: str = "") -> list[str]:
        return [key.partition("/")[2] for key in self._buckets.keys(BUCKET, f"team/{prefix}")]

    def read(self, key: str) -> bytes:
        return self._buckets.read(BUCKET, f"team/{key}")

    def write(self, key: str, data: bytes) -> None:
        self._buckets.write(BUCKET, f"team/{key}", data)

    def remove(self, key: str) -> None:
        self._buckets.remove(BUCKET, f"team/{key}")

    def damage(self, key: str, how: str, chance: random.Random) -> str:
        self.write(key, damaged(self.read(key), how, chance))
        return key

    def results(self, engineer: Engineer) -> dict[str, dict[str, Any]]:
        """The content of the cell of each target, with its key, by name."""
        found = {}
        for row in engineer.do("run", ALL)["targets"]:
            key = f"default/cell/{row['id'][:2]}/{row['id']}"
            found[row["label"].rpartition(":")[2]] = {"key": key, **msgspec.json.decode(self.read(key))}
        return found

    def data_of(self, cell: dict[str, Any]) -> tuple[str, str]:
        """The keys of the large file and of the pack of a result."""
        objects = msgspec.json.decode(self.read(cell["result"]["layout"]))["objects"]
        by_size = sorted(objects, key=lambda item: item[1])
        return by_size[-1][0], by_size[0][0]


def verify(engineer: Engineer, *words: str) -> tuple[int, dict[str, Any]]:
    process = engineer.start("--json", "verify", *words)
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode in (0, REFUSED), f"{process.returncode}\n{out}\n{err}"
    return process.returncode, json.loads(out)


def kept(digest: str) -> str:
    return f"kept/{digest[:2]}/{digest}"


def paths(answer: dict[str, Any], which: str = "findings") -> set[str]:
    return {finding["path"] for finding in answer[which]}


def test_a_bucket_in_which_nothing_is_wrong_is_told_to_be_right_and_nothing_is_written(team: Team) -> None:
    ann = team.engineer("ann")
    ann.do("run", ALL)
    team.s3.log.clear()

    for words in ((), ("--quick",), (":train",), ("--sample", "50%")):
        code, answer = verify(ann, *words)
        assert (code, answer["findings"], answer["left"]) == (0, [], []), words
    assert not team.s3.log.requests("PutObject")
    assert not team.s3.log.requests("DeleteObject")


@pytest.mark.parametrize("turn", range(2))
def test_damage_of_every_kind_is_found_and_healed_by_one_repair_and_one_run(team: Team, turn: int) -> None:
    ann, bob = team.engineer("ann"), team.engineer("bob")
    store, chance = Store(team), random.Random(SEED + turn)
    cells = store.results(ann)
    prepare, train, evaluate = (cells[name] for name in GRAPH)
    by_size, by_bytes = planted(store, (prepare, train, evaluate), chance, turn)

    _, quick = verify(bob, "--quick")
    code, found = verify(bob)
    repaired, mended = verify(bob, "--repair")
    outcomes = ann.outcomes(ALL)
    clean, after = verify(bob)

    assert paths(quick) == by_size
    assert (code, paths(found)) == (REFUSED, by_size | by_bytes)
    assert (repaired, mended["left"]) == (0, [])
    assert set(mended["remake"]) == {f"//:{name}" for name in GRAPH}
    assert outcomes == dict.fromkeys(GRAPH, "executed")
    assert (clean, after["findings"]) == (0, [])
    assert bob.bytes_of("evaluate") == ann.bytes_of("evaluate")
    assert store.keys("quarantine/")


def planted(
    store: Store, cells: tuple[dict[str, Any], ...], chance: random.Random, turn: int
) -> tuple[set[str], set[str]]:
    """Damage each result and some documents; the second set changes neither size nor presence."""
    prepare, train, evaluate = cells
    large, pack = store.data_of(train)
    store.write("default/data/strange", b"somebody's")
    if turn:
        store.remove(kept(prepare["result"]["manifest"]))
        store.remove(large)
        sized = {kept(prepare["result"]["manifest"]), large}
        same = {store.damage(store.data_of(evaluate)[1], "flip", chance)}
    else:
        store.damage(kept(prepare["result"]["record"]), "cut", chance)
        store.damage(pack, "empty", chance)
        sized = {kept(prepare["result"]["record"]), pack, store.damage(evaluate["key"], "garbage", chance)}
        same = {store.damage(large, "flip", chance)}
    documents = {store.damage(store.keys(kind)[0], "garbage", chance) for kind in ("label/", "run/")[: 1 + turn]}
    return sized | documents | {"default/data/strange"}, same


def test_a_third_of_all_answers_bad_invents_no_damage(team: Team) -> None:
    ann = team.engineer("ann")
    ann.do("run", ALL)
    for number, what in enumerate((INTERNAL_ERROR, SLOW_DOWN)):
        team.s3.faults.add(Rule(what, probability=0.15, seed=number))

    code, answer = verify(ann)

    assert (code, answer["findings"]) == (0, [])


def test_the_lines_name_the_keys_and_the_next_command(team: Team) -> None:
    ann = team.engineer("ann")
    store = Store(team)
    large, _ = store.data_of(store.results(ann)["train"])
    store.damage(large, "flip", random.Random(1))
    process = ann.start("verify")
    out, err = process.communicate(timeout=LIMIT_S)

    assert process.returncode == REFUSED
    assert f"✗ {large}  the object has other bytes  //:" in out
    assert "traintrack verify --repair" in err
    assert "Traceback" not in err


def test_a_look_that_reads_much_says_so_in_one_line_before_it_begins(team: Team) -> None:
    ann = team.engineer("ann")
    ann.do("run", ALL)
    program = "import traintrack.app.verify as v; v.MUCH_BYTES = {}; import sys; sys.argv[1:] = ['verify', '{}'];"
    program += " from traintrack.__main__ import main; sys.exit(main())"

    def told(least: int, option: str) -> list[str]:
        argv = [sys.executable, "-c", program.format(least, option)]
        done = subprocess.run(
            argv, check=False, cwd=ann.work, env=ann.environ, capture_output=True, text=True, timeout=LIMIT_S
        )
        assert done.returncode == 0, done.stderr
        return [line for line in done.stderr.splitlines() if "will be read" in line]

    [line] = told(1 << 20, "--data")
    assert re.fullmatch(r"about \d+ requests and 1\.\d+ MiB will be read from the bucket", line)
    assert told(1 << 30, "--data") == []
    assert told(1 << 20, "--quick") == []
