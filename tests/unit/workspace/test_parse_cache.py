"""The cache of parsed files: never wrong, never in the way."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from traintrack.errors import InputError
from traintrack.workspace import parse_cache
from traintrack.workspace.document import REMOVE
from traintrack.workspace.model import Literal
from traintrack.workspace.parse_cache import cache_folder, load_document

TEXT = b'a: {b: [1, 2.5, ":x"], c: !literal ":y", d: !remove }\nn: 0123\n'


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the cache of whoever runs the tests out of them."""
    monkeypatch.delenv("TRAINTRACK_NO_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def only_entry(folder: Path) -> Path:
    (entry,) = [p for p in folder.rglob("*") if p.is_file()]
    return entry


def fail_to_parse(data: bytes, path: str) -> object:
    raise AssertionError("parsed again")


def test_a_hit_has_the_same_values_marks_places_and_texts_without_parsing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_document(TEXT, "f.yaml", tmp_path)
    monkeypatch.setattr("traintrack.workspace.yaml_source.parse_file", fail_to_parse)
    again = load_document(TEXT, "g.yaml", tmp_path)

    assert again.value == first.value == {"a": {"b": [1, 2.5, ":x"], "c": Literal(":y"), "d": REMOVE}, "n": 123}
    assert again.marks == (("a", "c"), ("a", "d"))
    assert (again.places.value(("a", "b", 2)).line, again.places.value(("a", "b", 2)).column) == (1, 17)
    assert again.places.key(("a", "c")).path == "g.yaml"
    assert again.places.text(("n",)) == "0123"


def test_a_hit_has_marks_below_every_alias(tmp_path: Path) -> None:
    text = b"a: &a {x: !literal ':y', z: [!literal ':w']}\nb: *a\nc: [*a]\nd: &d !literal ':v'\ne: [*d]\n"
    values = [load_document(text, "f", tmp_path).value for _ in range(2)]
    marked = {"x": Literal(":y"), "z": [Literal(":w")]}

    assert values[1] == values[0]
    assert values[1] == {"a": marked, "b": marked, "c": [marked], "d": Literal(":v"), "e": [Literal(":v")]}


def test_a_hit_does_not_import_the_parser(tmp_path: Path) -> None:
    load_document(TEXT, "f.yaml", tmp_path)
    code = (
        "import sys; from pathlib import Path; from traintrack.workspace.parse_cache import load_document\n"
        f"d = load_document({TEXT!r}, 'f', Path({str(tmp_path)!r})); d.places.value(('a', 'b')); print('yaml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_other_bytes_are_another_entry(tmp_path: Path) -> None:
    load_document(b"a: 1\n", "f", tmp_path)

    assert load_document(b"a: 2\n", "f", tmp_path).value == {"a": 2}


@pytest.mark.parametrize("at", [0, 3, 4, 10, 25, 40, 60, -1, -20])
def test_a_flipped_byte_is_a_miss_and_never_a_wrong_value_or_place(tmp_path: Path, at: int) -> None:
    first = load_document(TEXT, "f", tmp_path)
    entry = only_entry(tmp_path)
    data = bytearray(entry.read_bytes())
    data[at] ^= 0xFF
    entry.write_bytes(data)
    again = load_document(TEXT, "f", tmp_path)

    assert again.value == first.value
    assert again.places.value(("a", "b", 1)) == first.places.value(("a", "b", 1))


@pytest.mark.parametrize("size", [0, 3, 30, 44, 80])
def test_a_cut_entry_is_a_miss_and_is_written_again(tmp_path: Path, size: int) -> None:
    load_document(TEXT, "f", tmp_path)
    entry = only_entry(tmp_path)
    whole = entry.read_bytes()
    entry.write_bytes(whole[:size])

    assert load_document(TEXT, "f", tmp_path).value["n"] == 123
    assert entry.read_bytes() == whole


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")

    assert load_document(TEXT, "f", blocked / "parse").value["n"] == 123


def test_a_wrong_file_is_not_kept(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(InputError):
            load_document(b"a: 1\na: 2\n", "f", tmp_path)

    assert not list(tmp_path.rglob("*"))


def test_the_switch_turns_it_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINTRACK_NO_CACHE", "1")
    load_document(TEXT, "f", tmp_path)

    assert not list(tmp_path.rglob("*"))
    assert cache_folder() is None


def test_it_lies_in_the_cache_folder_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRAINTRACK_NO_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert cache_folder() == tmp_path / "traintrack" / "parse"

    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))

    assert cache_folder() == tmp_path / ".cache" / "traintrack" / "parse"


def test_nothing_temporary_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, target: str) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(parse_cache.os, "replace", refuse)
    load_document(TEXT, "f", tmp_path)

    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
    assert os.path.isdir(tmp_path)
