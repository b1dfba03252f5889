"""Makes hostile JSON of stored JSON: of its bytes, and of single values with the rest left whole."""

from __future__ import annotations

import json
import random
from typing import Any

ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        2**31,
        2**63,
        2**64,
        10**400,
        0.5,
        -0.0,
        1e308,
        "",
        " ",
        "x",
        "\0",
        "\n",
        "\x1b[2J",
        "é",
        "\u202e",
    ),
    *(
        "../../../canary/secret.txt",
        "../canary",
        "/etc/passwd",
        "a//b",
        ".",
        "..",
        "a\0b",
        "x" * 5000,
        "//a:train",
        ":x",
    ),
    *(
        "0" * 64,
        "f" * 64,
        "F" * 64,
        "0" * 63,
        "HELD",
        "DONE",
        "FREE",
        "file",
        "link",
        "dir",
        "success",
        "failed",
        "task",
    ),
    *("2026-04-16T10:01:00Z", "9999-99-99", [], {}, [[]], {"": ""}, ["x"], {"$artifact": "x"}, {"env": 1}, [None] * 50),
)


def nested(depth: int) -> Any:
    """A value of so many levels."""
    value: Any = 1
    for n in range(depth):
        value = {"a": value} if n % 2 else [value]
    return value


def of_bytes(r: random.Random, data: bytes) -> bytes:
    """Flip, cut, empty, double and swap bytes; or put something else in their place."""
    found = bytearray(data)
    match r.randrange(8):
        case 0:
            return b""
        case 1:
            return data[: r.randrange(len(data) + 1)]
        case 2:
            return r.randbytes(r.choice((1, 64, 5000)))
        case 3:
            return r.choice(
                (b"null", b"[]", b"{}", b'""', b"1", b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b"\0" * 64)
            )
        case 4:
            return data + r.choice((b"x", data, b"\0", b"\n"))
        case _:
            for _ in range(r.choice((1, 1, 4, 40))):
                if found:
                    found[r.randrange(len(found))] = r.randrange(256)
            return bytes(found)


def of_values(r: random.Random, data: bytes) -> bytes:
    """Change some values, keys or places of stored JSON; bytes that are no JSON are changed as bytes."""
    try:
        value = json.loads(data)
    except ValueError:
        return of_bytes(r, data)
    holder = [value]
    for _ in range(r.choice((1, 1, 1, 2, 5))):
        _change(r, holder)
    return json.dumps(holder[0], ensure_ascii=r.random() < 0.5, separators=(",", ":")).encode("utf-8", "replace")


def _change(r: random.Random, holder: Any) -> None:
    container, key = r.choice(list(_places(holder)))
    match r.randrange(10):
        case 0 if isinstance(container, dict):
            del container[key]
        case 1 if isinstance(container, dict):
            container[r.choice(("x", "format", "", "id", "nonce"))] = r.choice(ODD)
        case 2:
            container[key] = nested(r.choice((70, 250, 450)))
        case 3 if isinstance(container, list) and container is not holder:
            container.insert(key, container[key])
        case _:
            container[key] = r.choice(ODD)


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield value, key
        yield from _places(item)
