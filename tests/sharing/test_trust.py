"""Two roles and one bucket: the engine's namespace is written by the engine alone, and not even there all is believed.

What is planted is put past the bucket's policy, as one who administers it could.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from engineers import BUCKET, LIMIT_S, Engineer, Team
from msgspec.structs import replace

from traintrack.action.cell import Cell, Result, decode_cell, encode_cell
from traintrack.action.record import Record, decode_record, encode_record
from traintrack.digest import ContentDigest, TargetId, canonical_json, content_digest, target_id
from traintrack.errors import HostError
from traintrack.storages.objects.keys import kept_key
from traintrack.storages.s3.bucket import S3Bucket
from traintrack.testing.s3_server import Access, Right, Verb, running_server

READ, WRITE, LIST, DELETE = Verb.READ, Verb.WRITE, Verb.LIST, Verb.DELETE
OF_ALL = ("default/", "dev/", "kept/", "kept-named/", "run", "label/", "log/", "live/", "use/", "roots/", "probe/")
ACCESS = Access(
    secrets={"ci": "secret of ci", "dev": "secret of dev"},
    rights=(
        Right("ci"),
        Right("dev", (READ, LIST)),
        *(Right("dev", (WRITE, DELETE), prefix=f"team/{prefix}") for prefix in OF_ALL),
    ),
)
WORKSPACE = """\
workspace: shared
images: {{sh: {{python: "3.11", lock: requirements.lock, entrypoint: [sh]}}}}
defaults: {{image: sh, paths: [src]}}
environments:
  engine: {{runner: local, storage: "s3://{bucket}/team", namespace: engine, heartbeat: 1s, cpu: 2}}
  team: {{runner: local, storage: "s3://{bucket}/team", reads: [engine], heartbeat: 1s, cpu: 2}}
  mine: {{runner: local, storage: "{own}", reads: [engine], cpu: 2}}
default_env: team
"""
TASK = """\
echo '{"loss": 0.25}' > "$out/metrics.json"
"""


class World:
    """The engine, a developer, and what lies in the bucket."""

    def __init__(self, team: Team) -> None:
        self.team, self.s3 = team, team.s3
        self.ci, self.dev = self.role("ci", "ci"), self.role("dev", "dev")

    def role(self, role: str, name: str) -> Engineer:
        """An engineer with the credentials of a role."""
        engineer = self.team.engineer(name)
        engineer.environ |= self.s3.environ(role)
        text = WORKSPACE.format(bucket=BUCKET, own=engineer.home / "own")
        (engineer.work / "TTWORKSPACE.yaml").write_text(text)
        return engineer

    def put(self, key: str, data: bytes) -> None:
        self.s3.buckets.write(BUCKET, f"team/{key}", data)

    def read(self, key: str) -> bytes:
        data: bytes = self.s3.buckets.read(BUCKET, f"team/{key}")
        return data

    def keys(self, prefix: str) -> list[str]:
        return [key.removeprefix("team/") for key in self.s3.buckets.keys(BUCKET, f"team/{prefix}")]

    def id_of(self, name: str) -> TargetId:
        [row] = self.ci.do("hash", f":{name}")["targets"]
        return TargetId(row["id"])

    def cell(self, name: str) -> tuple[str, Cell]:
        """The key and content of a cell in the engine's namespace."""
        id_ = self.id_of(name)
        key = f"engine/cell/{id_[:2]}/{id_}"
        return key, decode_cell(self.read(key), id_)

    def result(self, name: str) -> Result:
        result = self.cell(name)[1].result
        assert result is not None
        return result

    def record(self, name: str) -> Record:
        return decode_record(self.read(kept_key(self.result(name).record)))

    def set_result(self, name: str, **fields: Any) -> None:
        key, cell = self.cell(name)
        self.put(key, encode_cell(replace(cell, result=replace(self.result(name), **fields))))

    def set_record(self, name: str, **fields: Any) -> None:
        """Put an edited record under the name that its bytes have, and let the cell name it."""
        data = encode_record(replace(self.record(name), **fields))
        self.put(kept_key(content_digest(data)), data)
        self.set_result(name, record=content_digest(data))

    def set_layout(self, name: str, **fields: Any) -> None:
        key = self.result(name).layout
        data = msgspec.json.encode({**json.loads(self.read(key)), **fields})
        digest = content_digest(data)
        there = f"engine/data/{digest[:2]}/{digest}.{key.rpartition('.')[2]}"
        self.put(there, data)
        self.set_result(name, layout=there)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    """The engine has made all; what a plant is to change bears its name and reads nothing."""
    with running_server(tmp_path / "s3", ACCESS) as server:
        server.buckets.make(BUCKET)
        team = Team(tmp_path, server)
        team.add_to_task(TASK)
        team.add_targets(plant.__name__ for plant, _ in PLANTED)
        world = World(team)
        world.ci.do("--env", "engine", "run", "//...")
        yield world


def test_what_the_engine_has_made_all_reuse_and_only_the_engine_writes_where_it_stands(made: World) -> None:
    before = made.keys("engine/")

    assert set(made.dev.outcomes("//...").values()) == {"reused"}
    assert set(made.dev.outcomes("--env", "mine", "//...").values()) == {"reused"}
    assert made.dev.bytes_of("train") == made.ci.bytes_of("train")
    assert made.keys("engine/") == before
    assert {r.access_key for r in made.s3.log.requests("PutObject", key="team/engine/*")} == {"ci"}


def test_a_developer_cannot_plant_a_result_there_nor_run_there(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key, cell = made.cell("prepare")
    for name, value in made.s3.environ("dev").items():
        monkeypatch.setenv(name, value)
    bucket = S3Bucket(f"s3://{BUCKET}/team")
    planted = encode_cell(replace(cell, result=made.result("train")))
    with pytest.raises(HostError) as error:
        bucket.put(key, planted)
    assert error.value.code == "storage-denied"
    bucket.put(key.replace("engine/", "default/"), planted)

    _edit(made.dev)
    process = made.dev.start("--env", "engine", "run", ":prepare")
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1, err
    assert "access is denied" in err
    assert made.team.begun("prepare") == 1
    assert decode_cell(made.read(key), made.id_of("prepare")) == cell


def replayed(world: World, name: str) -> None:
    key, cell = world.cell(name)
    world.put(key, encode_cell(replace(cell, result=world.result("train"))))


def relabelled(world: World, name: str) -> None:
    other = world.record("train")
    world.set_record(name, preimage=other.preimage, artifact=other.artifact)


def other_bytes_of_the_record(world: World, name: str) -> None:
    key = kept_key(world.result(name).record)
    world.put(key, world.read(key).replace(b"0.25", b"0.01"))


def edited_metrics(world: World, name: str) -> None:
    world.set_record(name, metrics={"loss": 0.01})


def other_artifact(world: World, name: str) -> None:
    other = world.result("train")
    world.set_result(name, artifact=other.artifact, manifest=other.manifest, layout=other.layout)


def other_list(world: World, name: str) -> None:
    world.set_result(name, manifest=world.result("train").manifest)


def other_bytes_of_the_list(world: World, name: str) -> None:
    world.put(kept_key(world.result(name).manifest), world.read(kept_key(world.result("train").manifest)))


def other_counts(world: World, name: str) -> None:
    world.set_record(name, files=1)


def failed(world: World, name: str) -> None:
    world.set_record(name, outcome="failure")


def without_record(world: World, name: str) -> None:
    world.set_result(name, record=ContentDigest("ab" * 32))


def layout_of_another(world: World, name: str) -> None:
    world.set_result(name, layout=world.result("train").layout.replace("engine/", "default/"))


def layout_elsewhere(world: World, name: str) -> None:
    objects = json.loads(world.read(world.result(name).layout))["objects"]
    world.set_layout(name, objects=[[key.replace("engine/", "default/"), size] for key, size in objects])


def layout_of_other_bytes(world: World, name: str) -> None:
    """The large file is said to be where a pack of other bytes is put."""
    objects = json.loads(world.read(world.result(name).layout))["objects"]
    ones = b"\1" * 1_500_000
    there = f"engine/data/{content_digest(ones)[:2]}/{content_digest(ones)}.0"
    world.put(there, ones)
    world.set_layout(name, objects=[[there if size == len(ones) else key, size] for key, size in objects])


PLANTED: list[tuple[Callable[[World, str], None], str]] = [
    (replayed, "its record is of another target"),
    (relabelled, "the recipe in its record has another ID"),
    (other_bytes_of_the_record, "its record has other bytes than its name says"),
    (edited_metrics, "its record tells of other metrics than its `metrics.json`"),
    (other_artifact, "its record tells of another artifact"),
    (other_list, "its file list is that of another artifact"),
    (other_bytes_of_the_list, "its file list has other bytes than its name says"),
    (other_counts, "its record counts other files than its file list"),
    (failed, "its record tells of a failure"),
    (without_record, "its record is missing"),
    (layout_of_another, "which can be none"),
    (layout_elsewhere, "which is none of `engine/data/`"),
    (layout_of_other_bytes, "a layout takes `large` from other bytes"),
]


def test_what_does_not_fit_is_refused_with_its_reason_and_made_anew(made: World) -> None:
    words = {plant.__name__: told for plant, told in PLANTED}
    for plant, _ in PLANTED:
        plant(made, plant.__name__)
    why = made.dev.do("why", ":replayed")["now"]
    assert why.startswith("will run: the result in s3://models/team/engine is refused: its record is of another target")

    process = made.dev.start("run", *(f":{name}" for name in words))
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, err
    told = [line for line in err.splitlines() if line.startswith("warning: the result for")]
    ids = {row["label"].removeprefix("//:"): row["id"] for row in made.dev.do("hash", "//...")["targets"]}
    for name, expected in words.items():
        [line] = [line for line in told if ids[name][:12] in line]
        assert expected in line
    assert len(told) == len(words)

    assert {name: made.team.begun(name) for name in words} == dict.fromkeys(words, 2)
    assert {key.rpartition("/")[2] for key in made.keys("default/cell/")} == {ids[name] for name in words}
    for name in words:
        _stands_made_here(made, TargetId(ids[name]))
    assert words["other_list"] in made.dev.do("why", ":other_list")["last_reason"]
    assert set(made.dev.outcomes(*(f":{name}" for name in words)).values()) == {"reused"}


def test_one_who_runs_in_the_namespace_itself_takes_a_replayed_result_away_and_makes_it(made: World) -> None:
    replayed(made, "prepare")
    second = made.role("ci", "second")
    word = made.read("engine/gc/evicted")

    assert second.do("why", ":prepare", "--env", "engine")["now"].startswith(
        "will run: the result in s3://models/team/"
    )
    assert second.outcomes("--env", "engine", ":prepare") == {"prepare": "executed"}
    assert made.team.begun("prepare") == 2
    assert made.read("engine/gc/evicted") != word, "who remembers what was planted would go on believing it"
    assert made.record("prepare").id == made.id_of("prepare")
    assert made.result("prepare").artifact == made.record("prepare").artifact


def _stands_made_here(world: World, id_: TargetId) -> None:
    cell = decode_cell(world.read(f"default/cell/{id_[:2]}/{id_}"), id_)
    assert cell.result is not None
    assert cell.result.home == ""
    record = decode_record(world.read(kept_key(cell.result.record)))
    assert target_id(canonical_json(record.preimage)) == id_
    assert record.artifact == cell.result.artifact


def _edit(engineer: Engineer) -> None:
    task = engineer.work / "src" / "task.sh"
    task.write_text(task.read_text() + "# edited\n")
    _commit(engineer)


def _commit(engineer: Engineer) -> None:
    words = ["git", "-c", "user.name=a", "-c", "user.email=a@example.invalid", "commit", "--quiet", "-am", "Measure"]
    subprocess.run(words, cwd=engineer.work, check=True, capture_output=True)
