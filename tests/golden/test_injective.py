"""Different meanings have different bytes, and the bytes give the meaning back: no two recipes share an ID (F14)."""

from __future__ import annotations

import copy
import json
import random
import sys
from typing import Any

import pytest

from traintrack.analysis.preimage import ArtifactValue, hashed_value, target_preimage, user_key
from traintrack.digest import canonical_json

TEXTS = (
    "",
    "a",
    "b",
    "ab",
    "1",
    "1.0",
    "null",
    "true",
    "$",
    "$$",
    "$artifact",
    "path",
    '"',
    "\\",
    '","',
    "é",
    "e\u0301",
    "😀",
    "\0",
)
KEYS = ("", "a", "b", "ab", "$", "$$", "$artifact", "$family", "$$artifact", "path", "é", "1", '":"')
NUMBERS = (
    0,
    1,
    -1,
    10,
    2**53,
    2**53 + 1,
    10**16,
    10**30,
    0.0,
    1.0,
    -1.0,
    10.0,
    1e16,
    1e30,
    0.1,
    1e-4,
    9.99e-5,
    1e-5,
    5e-324,
    1e308,
)
HEX = ("a" * 64, "b" * 64)


def value(r: random.Random, depth: int = 0) -> Any:
    match r.randrange(9 if depth < 3 else 6):
        case 0:
            return r.choice(TEXTS)
        case 1:
            return r.choice(NUMBERS)
        case 2:
            return r.choice((None, True, False))
        case 3:
            return r.choice(([], {}, [[]], {"": {}}, [{}]))
        case 4:
            return ArtifactValue(r.choice(HEX), r.choice((None, None, "a", "b")))
        case 5:
            return r.random() * 10.0 ** r.randrange(-30, 30)
        case 6:
            return [value(r, depth + 1) for _ in range(r.randrange(4))]
        case _:
            return {r.choice(KEYS): value(r, depth + 1) for _ in range(r.randrange(4))}


def neighbour(r: random.Random, one: Any) -> Any:
    """A value that is nearly the same, or the same: what a careless encoding would confuse."""
    if r.random() < 0.1:
        return copy.deepcopy(one)
    if isinstance(one, list) and one and r.random() < 0.8:
        i = r.randrange(len(one))
        return r.choice(([*one[:i], neighbour(r, one[i]), *one[i + 1 :]], one[::-1], [*one, one[i]], one[:i], [one]))
    if isinstance(one, dict) and one and r.random() < 0.8:
        key = r.choice(sorted(one))
        rest = {k: v for k, v in one.items() if k != key}
        return r.choice(
            (
                {**rest, key: neighbour(r, one[key])},
                rest,
                {**rest, f"${key}": one[key]},
                {**rest, r.choice(KEYS): one[key]},
            )
        )
    if isinstance(one, ArtifactValue):
        written = {"$artifact": one.id} if one.path is None else {"$artifact": one.id, "path": one.path}
        return r.choice((written, ArtifactValue(one.id, "c"), one.id, {"$$artifact": one.id}))
    if isinstance(one, bool) or one is None:
        return r.choice((str(one).lower(), int(bool(one)), "null", not one))
    if isinstance(one, int):
        return r.choice((float(one) if abs(one) < 10**300 else one, str(one), one + 1, bool(one)))
    if isinstance(one, float):
        return r.choice((int(one), repr(one), one * (1 + 2.0**-52), -one))
    if not isinstance(one, str):
        return value(r)
    return r.choice((f"{one}a", [one], one.strip(), f"${one}", one.upper(), value(r)))


def meaning(one: Any) -> Any:
    """What a value is, with its types, as something that can be compared: written apart from the code under test."""
    if isinstance(one, ArtifactValue):
        return ("artifact", one.id, one.path)
    if isinstance(one, dict):
        return ("map", tuple(sorted((key, meaning(item)) for key, item in one.items())))
    if isinstance(one, list):
        return ("list", tuple(meaning(item) for item in one))
    if isinstance(one, float):
        return ("float", (one + 0.0).hex())
    return (type(one).__name__, repr(one))


def read(data: Any) -> Any:
    """The value that canonical bytes stand for."""
    if isinstance(data, dict):
        if "$artifact" in data:
            return ArtifactValue(data["$artifact"], data.get("path"))
        return {user_key(key): read(item) for key, item in data.items()}
    return [read(item) for item in data] if isinstance(data, list) else data


def pairs(seed: int, count: int) -> None:
    r = random.Random(seed)
    equal = 0
    for number in range(count):
        one = value(r)
        other = neighbour(r, one) if number % 4 else value(r)
        bytes_of_one, bytes_of_other = canonical_json(hashed_value(one)), canonical_json(hashed_value(other))
        same = repr(meaning(one)) == repr(meaning(other))
        equal += same

        assert (bytes_of_one == bytes_of_other) is same, f"seed {seed}/{number}: {one!r} and {other!r}"
        assert repr(meaning(read(json.loads(bytes_of_one)))) == repr(meaning(one)), f"seed {seed}/{number}: {one!r}"
    sys.stdout.write(f"seed {seed}: {count} pairs, {equal} of them equal\n")
    assert count / 50 < equal < count / 2


def test_20000_pairs_have_equal_bytes_only_if_they_mean_the_same() -> None:
    pairs(1, 20_000)


@pytest.mark.torture
def test_a_million_pairs_have_equal_bytes_only_if_they_mean_the_same() -> None:
    for seed in range(100, 120):
        pairs(seed, 50_000)


def preimage(**fields: Any) -> bytes:
    plain: dict[str, Any] = {
        "task": "t",
        "entrypoint": None,
        "platform": "any",
        "image": {"python": "3.11", "lock": "0" * 64},
    }
    plain |= {"code": {"src": "1" * 40}, "env": {}, "secrets": [], "cache_version": 0, "args": {}}
    return canonical_json(target_preimage(**{**plain, **fields}))


def test_a_value_that_moves_between_the_sections_of_a_recipe_changes_its_bytes() -> None:
    recipes = [
        preimage(),
        preimage(args={"A": "1"}),
        preimage(env={"A": "1"}),
        preimage(secrets=["A"]),
        preimage(args={"env": {"A": "1"}}),
        preimage(code={"A": "1"}),
        preimage(code={"src": "1" * 40, "lib": "2" * 40}),
        preimage(code={"lib": "2" * 40, "src": "1" * 40}),
        preimage(code={"src": "2" * 40, "lib": "1" * 40}),
        preimage(entrypoint=[]),
        preimage(entrypoint=["t"]),
        preimage(task="t t"),
        preimage(task="t", entrypoint=["t", ""]),
        preimage(cache_version=1),
        preimage(platform="linux/amd64"),
        preimage(args={"cache_version": 1}),
    ]

    assert len(set(recipes)) == len(recipes)
