"""TTLOCK.yaml."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traintrack.errors import HostError, InputError, InputErrors
from traintrack.workspace.lockfile import HEADER, lock_text, parse_lock, read_lock, write_lock
from traintrack.workspace.model import Frozen, Lock, SourcePin
from traintrack.workspace.yaml_source import parse_yaml

SHA = "0123456789abcdef" * 4
COMMIT = "9b12726ba3825d72ccdba5bd93505873a32eb769"
DIGITS = "1234567890" * 4
LOCK = Lock(
    images={"trainer:2.3": f"sha256:{SHA}"},
    bases={"python:3.11-slim": f"sha256:{SHA}"},
    sources={"s3://b/p/": SourcePin(listing=SHA), "https://x/y?z=1#f": SourcePin(content=SHA, at="2026-04-16")},
    trees={COMMIT: {"src": COMMIT, "a file.py": f"100644:{COMMIT}"}, DIGITS: {".": DIGITS}},
    locks={COMMIT: {"requirements.lock": SHA}},
    refs={"@main//a:b": Frozen(SHA, SHA, COMMIT), "@lp:prod/x y": Frozen(SHA)},
    frozen={"t": Frozen(SHA, at=COMMIT), "no": Frozen(SHA), "u@lr=0.1": Frozen(SHA)},
)


def parse(text: str) -> Lock:
    return parse_lock(parse_yaml(text.encode(), "a/TTLOCK.yaml"))


def errors_of(text: str) -> list[tuple[str, int, int]]:
    with pytest.raises(InputError) as caught:
        parse(text)
    error = caught.value
    return [
        (e.code, e.location.line if e.location else 0, e.location.column if e.location else 0)
        for e in (error.errors if isinstance(error, InputErrors) else (error,))
    ]


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_lock(tmp_path / "TTLOCK.yaml", LOCK)

    assert read_lock(tmp_path / "TTLOCK.yaml", "TTLOCK.yaml") == LOCK
    assert os.listdir(tmp_path) == ["TTLOCK.yaml"]


def test_the_text_has_one_order_whatever_the_order_of_the_pins() -> None:
    turned = Lock(
        images=dict(reversed(LOCK.images.items())),
        bases=LOCK.bases,
        sources=dict(reversed(LOCK.sources.items())),
        trees={key: dict(reversed(value.items())) for key, value in reversed(LOCK.trees.items())},
        locks=LOCK.locks,
        refs=dict(reversed(LOCK.refs.items())),
        frozen=dict(reversed(LOCK.frozen.items())),
    )

    assert lock_text(turned) == lock_text(LOCK)


def test_one_pin_more_is_a_diff_of_its_own_lines() -> None:
    less = Lock(frozen={"a": Frozen(SHA), "c": Frozen(SHA)})
    more = Lock(frozen={"a": Frozen(SHA), "b": Frozen(SHA), "c": Frozen(SHA)})
    lines = lock_text(less).splitlines()

    assert [line for line in lock_text(more).splitlines() if line not in lines] == ['  "b":']
    assert len(lock_text(more).splitlines()) == len(lines) + 2


def test_an_empty_lock_is_the_header_and_the_format() -> None:
    assert lock_text(Lock()) == HEADER + "format: traintrack.lock/1\n"
    assert parse(lock_text(Lock())) == Lock()


def test_an_absent_file_has_no_pins(tmp_path: Path) -> None:
    assert read_lock(tmp_path / "TTLOCK.yaml", "TTLOCK.yaml") == Lock()


def test_replacing_keeps_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "TTLOCK.yaml"
    path.write_text("old")
    path.chmod(0o640)
    write_lock(path, LOCK)

    assert path.stat().st_mode & 0o777 == 0o640


def test_a_folder_that_is_gone_is_an_error_of_the_host(tmp_path: Path) -> None:
    with pytest.raises(HostError):
        write_lock(tmp_path / "gone" / "TTLOCK.yaml", LOCK)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("lock-format", 1, 1)]),
        ("format: traintrack.lock/2\n", [("lock-format", 1, 9)]),
        ("format: traintrack.lock/1\nimage: {}\n", [("unknown-field", 2, 1)]),
        ("format: traintrack.lock/1\nimages: []\n", [("field-type", 2, 9)]),
        (f"format: traintrack.lock/1\nimages:\n  x: {SHA}\n", [("lock-digest", 3, 6)]),
        ("format: traintrack.lock/1\ntrees: {abc: {src: x}}\n", [("lock-digest", 2, 9), ("lock-digest", 2, 20)]),
        ("format: traintrack.lock/1\nsources: {x: {}}\n", [("missing-field", 2, 14)]),
        ("format: traintrack.lock/1\nsources: {x: {etag: y}}\n", [("missing-field", 2, 14), ("unknown-field", 2, 15)]),
        ("format: traintrack.lock/1\nfrozen: {t: {at: main}}\n", [("missing-field", 2, 13), ("lock-digest", 2, 18)]),
        (f"format: traintrack.lock/1\nrefs: {{main: {{id: {SHA}}}}}\n", [("bad-label", 2, 8)]),
        (f"format: traintrack.lock/1\nfrozen: {{'a b': {{id: {SHA}}}}}\n", [("bad-name", 2, 10)]),
        ("format: traintrack.lock/1\nfrozen: !remove\n", [("misplaced-tag", 2, 9)]),
        ("format: traintrack.lock/1\nimages: {x: !remove }\n", [("misplaced-tag", 2, 13)]),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, expected: list[tuple[str, int, int]]) -> None:
    assert errors_of(text) == expected


def test_a_tree_id_of_digits_keeps_its_text() -> None:
    text = f"format: traintrack.lock/1\ntrees:\n  '{DIGITS}':\n    src: {'0' * 39}1\n"

    assert parse(text).trees == {DIGITS: {"src": "0" * 39 + "1"}}


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(min_size=1).filter(lambda t: "\ud800" not in t and t.isprintable()), st.just(SHA)))
def test_any_text_survives_as_a_key(paths: dict[str, str]) -> None:
    lock = Lock(locks={COMMIT: paths} if paths else {})

    assert parse(lock_text(lock)) == lock


def test_keys_beyond_the_limit_of_yaml_survive() -> None:
    lock = Lock(sources={"s3://" + "x" * 3000: SourcePin(content=SHA), 'a"b\\c\u2028\x85\x00': SourcePin(content=SHA)})

    assert parse(lock_text(lock)) == lock


def test_the_text_has_the_same_meaning_in_yaml_1_1() -> None:
    import yaml

    lock = Lock(locks={COMMIT: dict.fromkeys(["no", "1e5", "12:30", "0x1f", "on", "2026-01-01", "~", "=", "<<"], SHA)})

    assert sorted(yaml.safe_load(lock_text(lock))["locks"][COMMIT]) == sorted(lock.locks[COMMIT])
    assert json.dumps(yaml.safe_load(lock_text(LOCK))["trees"], sort_keys=True) == json.dumps(
        LOCK.trees, sort_keys=True
    )
