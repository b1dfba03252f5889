"""Texts that look like labels: read to one meaning, or refused in words; never an exception of another kind."""

from __future__ import annotations

import random
import sys
import time

import pytest

from traintrack.label import LabelError, is_package, is_segment, parse_label, parse_pattern, parse_reference

PARTS = (
    *(
        "//",
        "/",
        ":",
        "@",
        "#",
        "-",
        "...",
        "*",
        ".",
        "..",
        "a",
        "b",
        "train",
        "lr=0.1",
        ",",
        "=",
        "main",
        "é",
        "\0",
        "\n",
        " ",
    ),
    *(
        "\\",
        "%2e%2e",
        "..",
        "～",
        "／",
        "a" * 300,
        "\u202e",
        "\ud800",
        "@main//",
        ":*",
        ":all",
        "//a:b",
        "https://",
        "+",
        "_",
        "0",
    ),
)
LONGEST_CPU_S = 1.0


def text_of(r: random.Random) -> str:
    if r.random() < 0.02:
        return r.choice(("a/", "//a", ":a@b=", "../", "@a/", "a" * 50)) * r.choice((1000, 50_000))
    return "".join(r.choices(PARTS, k=r.randrange(1, 9)))


def demand_readable(error: LabelError) -> None:
    assert str(error).isprintable()
    assert len(str(error)) < 300


def judge(text: str) -> None:
    try:
        label = parse_label(text)
        assert parse_label(str(label)) == label
        assert is_package(label.package)
        assert is_segment(label.name.partition("@")[0])
    except LabelError as error:
        demand_readable(error)
    try:
        reference = parse_reference(text, "a/b")
        assert (reference.label is None) != (reference.alias is None)
        assert reference.path is None or ".." not in reference.path.split("/")
        assert reference.label is None or is_package(reference.label.package)
    except LabelError as error:
        demand_readable(error)
    try:
        pattern = parse_pattern(text, "a/b")
        assert is_package(pattern.package)
        assert parse_pattern(str(pattern), "elsewhere") == pattern
    except LabelError as error:
        demand_readable(error)


def fuzz(seed: int, count: int) -> None:
    slowest = (0.0, "")
    for number in range(count):
        text = text_of(random.Random(f"{seed}/{number}"))
        began = time.thread_time()
        judge(text)
        slowest = max(slowest, (time.thread_time() - began, text[:60]))
    sys.stdout.write(f"seed {seed}: longest {slowest[0]:.3f} s of CPU for {slowest[1]!r}\n")
    assert slowest[0] < LONGEST_CPU_S


def test_3000_hostile_labels_have_one_meaning_or_none() -> None:
    fuzz(1, 3000)


@pytest.mark.torture
def test_100000_hostile_labels_have_one_meaning_or_none() -> None:
    fuzz(2, 100_000)
