"""One action with thousands of inputs, up to the start of its task."""

from __future__ import annotations

import json
import threading
import time

import pytest
from msgspec.structs import replace

from traintrack.action.action import Action, Input
from traintrack.action.cell import Result
from traintrack.action.config import render_config
from traintrack.digest import ArtifactDigest, ContentDigest, JsonValue, TargetId, canonical_json, sha256_hex, target_id
from traintrack.execute.flight import DamagedInputError, consume
from traintrack.testing.builders import build_action
from traintrack.testing.memory_storage import MemoryStorage

COUNT = 10_000


def fan_in(count: int) -> Action:
    ids = [TargetId(sha256_hex(str(n).encode())) for n in range(count)]
    family: JsonValue = {"$family": [{"at": {"lr": n}, "$artifact": id_} for n, id_ in enumerate(ids)]}
    base = build_action("pick")
    preimage = canonical_json({**base.recipe, "args": {"evals": family}})
    return replace(
        base,
        id=target_id(preimage),
        preimage=preimage,
        config={"evals": [{"at": {"lr": n}, "path": None} for n in range(count)]},
        inputs=tuple(Input(id_, ("evals", n, "path")) for n, id_ in enumerate(ids)),
    )


def result_of(id_: TargetId) -> Result:
    return Result(ArtifactDigest(id_), ContentDigest(id_), ContentDigest(id_))


def test_ten_thousand_inputs_are_read_off_and_written_down_in_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    storage, action = MemoryStorage(), fan_in(COUNT)
    monkeypatch.setattr(storage.artifacts, "fetch", lambda result, subpath: None)
    began = time.process_time()

    found = consume(action, result_of, storage, str)
    text = render_config(action, {item.arg_path: f"/tt/in/{item.folder}" for item in found.jobs})

    assert time.process_time() - began < 1.5
    evals = json.loads(text)["evals"]
    assert evals[9_999] == {"at": {"lr": 9_999}, "path": "/tt/in/evals/9999/path"}
    assert [read.arg for read in found.inputs[:2]] == ["evals.0.path", "evals.1.path"]
    assert len(found.inputs) == len(evals) == COUNT


def test_inputs_that_cross_a_network_are_fetched_at_once_each_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    storage, together, action = MemoryStorage(), threading.Barrier(32), fan_in(32)
    storage.cells.heartbeat_s = 10.0
    asked: list[str] = []

    def fetch(result: Result, subpath: str | None) -> None:
        together.wait(10)
        asked.append(result.artifact)

    monkeypatch.setattr(storage.artifacts, "fetch", fetch)
    twice = replace(action, inputs=(*action.inputs, Input(action.inputs[0].id, ("first",))))

    found = consume(twice, result_of, storage, str)

    assert sorted(asked) == sorted(item.id for item in action.inputs)
    assert [read.content for read in found.inputs] == [item.id for item in twice.inputs]


def test_the_first_damaged_input_is_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    storage, action = MemoryStorage(), fan_in(100)
    storage.cells.heartbeat_s = 10.0
    bad = {action.inputs[n].id for n in (7, 30)}
    monkeypatch.setattr(
        storage.artifacts, "fetch", lambda result, subpath: "it is gone" if result.artifact in bad else None
    )

    with pytest.raises(DamagedInputError) as caught:
        consume(action, result_of, storage, str)

    assert caught.value.id == action.inputs[7].id
