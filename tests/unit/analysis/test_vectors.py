import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typed_vectors import canonical_of

from traintrack.digest import NotCanonicalError, sha256_hex

TESTS = Path(__file__).resolve().parents[2]
VECTORS = TESTS / "vectors" / "target-id.json"


def vectors() -> list[dict[str, Any]]:
    document = json.loads(VECTORS.read_text("utf-8"))
    assert document["format"] == "traintrack/vectors/1"
    found: list[dict[str, Any]] = document["vectors"]
    return found


@pytest.mark.parametrize("vector", vectors(), ids=lambda v: v["name"])
def test_a_vector_gives_its_bytes_and_its_digest(vector: dict[str, Any]) -> None:
    if vector.get("refused"):
        with pytest.raises(NotCanonicalError):
            canonical_of(vector)
        return

    canonical = canonical_of(vector)

    assert canonical.decode("utf-8") == vector["canonical"]
    assert sha256_hex(canonical) == vector["digest"]


def test_names_are_unique_and_only_equal_values_share_a_digest() -> None:
    every = vectors()
    digests: dict[str, list[str]] = {}
    for vector in every:
        digests.setdefault(vector.get("digest", vector["name"]), []).append(vector["name"])

    assert len({v["name"] for v in every}) == len(every) >= 40
    assert [names for names in digests.values() if len(names) > 1] == [["float 0", "float minus 0"]]


def test_every_kind_of_thing_has_a_vector() -> None:
    targets = [v["target"] for v in vectors() if v["kind"] == "target"]

    assert {v["kind"] for v in vectors()} == {"value", "target", "source", "action"}
    assert {t["image"]["kind"] for t in targets} == {"container", "build", "python"}


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_a_second_implementation_comes_to_the_same_bytes_and_digests() -> None:
    script = TESTS / "js" / "target_id.mjs"
    done = subprocess.run(["node", str(script), str(VECTORS)], capture_output=True, check=True, timeout=60)
    answers = {answer["name"]: answer for answer in json.loads(done.stdout)}

    for vector in vectors():
        answer = answers[vector["name"]]
        assert answer.get("refused") == vector.get("refused"), vector["name"]
        assert answer.get("canonical") == vector.get("canonical"), vector["name"]
        assert answer.get("digest") == vector.get("digest"), vector["name"]
