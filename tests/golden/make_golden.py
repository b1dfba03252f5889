"""Made `workspace.json` and `ids.json`, once. An ID in it changes only with a new version of the format of IDs.

python tests/golden/make_golden.py --ids     writes `ids.json` for the workspace as it is
python tests/golden/make_golden.py --all     makes another workspace as well
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "hostile")]

from golden_workspace import DESCRIPTION, IDS, Spelling, ids, write  # noqa: E402
from plain_source import COMMIT, OTHER_COMMIT  # noqa: E402

SEED = 20260416
COUNT = 200
PACKAGES = ("lp", "lp/2026-04", "ocr", "shared")
TEXTS = (
    *(
        "",
        " ",
        "a",
        "é",
        "e\u0301",
        "日本語",
        "😀",
        "\u2028",
        "\x7f",
        "\0",
        "\t\n",
        '"',
        "\\",
        "null",
        "1",
        "1.0",
        "true",
        "~",
    ),
    *(
        "no",
        "2026-04-16",
        "12:30:45",
        "0x1F",
        "1e-4",
        "$x",
        "$$x",
        "$${x}",
        "a:b",
        "# no comment",
        "- a",
        "\u202e",
        "\ufeff",
        "\uffff",
    ),
)
NUMBERS = (
    *(0, 1, -1, 2**53, 2**53 + 1, 2**64, 10**40, -(10**40), 0.0, 0.1, 1.0, -1.5, 1e-4, 9.999e-05, 1e-05, 1e15, 1e16),
    *(1e17, 1e22, 1e100, 5e-324, 1.7976931348623157e308, 2.2250738585072014e-308, 0.30000000000000004, 123456789.125),
)
PLAIN = (
    *(
        "0x1F",
        "0o17",
        "010",
        "+12",
        "-0",
        "-0.0",
        "1.",
        ".5",
        "1e5",
        "1E-7",
        "no",
        "on",
        "2026-04-16",
        "12:30:45",
        "1_000",
    ),
    *("~", "Null", "TRUE", "False", '!literal ":text"', '!literal "@text"', "'single'", "plain text", "0b11", "1e+2"),
)


def value(r: random.Random, references: list[str], depth: int = 0) -> Any:
    """A value of `args`: mostly small, of every kind."""
    kind = r.choices(range(7), (5, 5, 2, 5, 3 if depth < 3 else 0, 3 if depth < 3 else 0, 5 if references else 0))[0]
    match kind:
        case 0:
            return r.choice(TEXTS)
        case 1:
            return r.choice(NUMBERS)
        case 2:
            return r.choice((None, True, False, [], {}))
        case 3:
            return {"plain": r.choice(PLAIN)}
        case 4:
            return [value(r, references, depth + 1) for _ in range(r.randrange(1, 4))]
        case 5:
            return {key(r): value(r, references, depth + 1) for _ in range(r.randrange(1, 4))}
        case _:
            return r.choice(references)


def key(r: random.Random) -> str:
    return r.choice(
        ("lr", "data", "x", "$x", "$artifact", "$family", "é", "a b", "1", "", "null", "Z", "~", "model.depth", "😀")
    )


def target(r: random.Random, references: list[str]) -> dict[str, Any]:
    """A task with fields of every kind, hashed and not."""
    fields: dict[str, Any] = {"task": r.choice(("train_model", "export", "evaluate", "a.b-c")), "args": {}}
    for _ in range(r.randrange(1, 5)):
        fields["args"][key(r)] = value(r, references)
    fields |= r.choice(
        (
            {},
            {"image": r.choice(("trainer", "by_commit", "cuda", "cuda_here", "py", "uv", "uv_groups", "slow", "arm"))},
            {"image": {"ref": f"registry.example/own@sha256:{r.choice('abc') * 64}"}},
            {"image": {"python": r.choice(("3.11", "3.12.1")), "lock": "other/requirements.lock"}},
        )
    )
    fields |= r.choice(
        (
            {},
            {"paths": ["src", "lib"]},
            {"paths": ["lib", "src"]},
            {"commit": OTHER_COMMIT, "paths": ["src"]},
            {"commit": "worktree"},
            {"commit": COMMIT, "paths": None},
            {"commit": "HEAD", "paths": ["src/one.py", "docs"]},
        )
    )
    maybe: dict[str, Any] = {
        "env": {"A": r.choice(TEXTS[:9]), "B_2": "1"},
        "secrets": {"TOKEN": {"env": "X"}, "FILE": {"file": "Y"}},
        "cache_version": r.randrange(1, 4),
        "unhashed": {"workers": r.randrange(8)},
        "resources": {"cpu": 2, "memory": "1GiB"},
        "timeout": "1h30m",
        "retries": 2,
        "network": True,
        "tags": ["a"],
        "description": "Zahlen",
        "use": r.choice((["base"], ["base", "more"], "//shared:far")),
    }
    return fields | {name: maybe[name] for name in maybe if r.random() < 0.15}


def baked(r: random.Random) -> dict[str, Any]:
    return {"task": "baked", "image": r.choice(("trainer", "by_commit")), "code": "baked", "args": {"a": value(r, [])}}


def source(r: random.Random, number: int) -> dict[str, Any]:
    made: dict[str, Any] = {
        "source": f"{r.choice(('s3://bucket/', 'https://example.org/', 'efs://fs/', 'data/'))}{number}"
    }
    if made["source"].startswith("https"):
        made["pin"] = "content"
    if r.random() < 0.3:
        made["deliver"] = r.choice(("uri", "mount", "copy"))
    return made


def description(r: random.Random) -> dict[str, Any]:
    """The whole workspace, path by path."""
    files: dict[str, Any] = {"TTWORKSPACE.yaml": workspace()}
    references: list[str] = []
    for package in PACKAGES:
        targets: dict[str, Any] = {}
        pins: dict[str, Any] = {}
        for number in range(COUNT // len(PACKAGES)):
            name = f"t{number}"
            kind = r.random()
            known = [ref if not ref.startswith(f"//{package}:") else ref[len(package) + 2 :] for ref in references]
            if kind < 0.12:
                targets[name] = source(r, number)
                if targets[name]["source"].startswith("s3://"):
                    pins[targets[name]["source"]] = {"listing": f"{number % 16:x}" * 64}
                else:
                    pins[targets[name]["source"]] = {"content": f"{number % 16:x}" * 64}
            else:
                targets[name] = baked(r) if kind < 0.2 else target(r, [*known, "@main//old:model", "@lp:production/a"])
            references += [f"//{package}:{name}", f"//{package}:{name}/weights/best é.pt"]
        targets["melted"] = {"task": "t", "args": {"f": ":frozen_one", "g": ":frozen_one/part"}}
        files[f"{package}/TTCONFIG.yaml"] = config(targets)
        files[f"{package}/TTLOCK.yaml"] = lock(pins)
    return files


def workspace() -> dict[str, Any]:
    build = {
        "context": ".",
        "dockerfile": "docker/Dockerfile",
        "paths": ["docker", "requirements.lock"],
        "args": {"A": "1"},
    }
    return {
        "workspace": "golden",
        "platform": "linux/amd64",
        "defaults": {"paths": ["src"], "env": {"LANG": "C"}},
        "images": {
            "trainer": {"ref": "registry.example/trainer:2.3"},
            "by_commit": {"ref": "registry.example/baked:{commit}"},
            "cuda": {"build": build},
            "cuda_here": {"build": {"context": "docker"}, "entrypoint": ["run"]},
            "py": {"python": {"plain": "3.11"}, "lock": "requirements.lock"},
            "uv": {"python": "3.12", "lock": "uv.lock"},
            "uv_groups": {"python": "3.12", "lock": "uv.lock", "groups": ["b", "a"], "extras": ["x"]},
            "slow": {"ref": f"registry.example/slow@sha256:{'d' * 64}", "entrypoint": ["python", "-m"]},
            "arm": {"ref": "registry.example/trainer:2.3", "platform": "linux/arm64"},
        },
        "tasks": {"train_model": {"args": {"epochs": 3}, "cache_version": 1}},
        "environments": {"local": {"runner": "local", "storage": "store"}},
    }


def config(targets: dict[str, Any]) -> dict[str, Any]:
    templates = {
        "base": {"args": {"from_base": 1, "deep": {"a": 1, "b": [1]}}, "timeout": "5m"},
        "more": {"args": {"deep": {"b": {"plain": "!remove "}, "c": 1e-5}}, "env": {"M": "x"}},
        "far": {"cache_version": 7, "args": {"far": True}},
    }
    return {"defaults": {"image": "py", "commit": COMMIT}, "templates": templates, "targets": targets}


def lock(pins: dict[str, Any]) -> dict[str, Any]:
    by_commit = {f"registry.example/baked:{c}": "sha256:" + "b" * 64 for c in (COMMIT, OTHER_COMMIT)}
    return {
        "format": "traintrack.lock/1",
        "images": {"registry.example/trainer:2.3": "sha256:" + "a" * 64, **by_commit},
        "bases": {"registry.example/base:1": "sha256:" + "1" * 64, "registry.example/run:2": "sha256:" + "2" * 64},
        "sources": pins,
        "refs": {
            "@main//old:model": {"id": "3" * 64, "artifact": "4" * 64},
            "@lp:production": {"id": "5" * 64, "artifact": "6" * 64},
        },
        "frozen": {"frozen_one": {"id": "7" * 64, "artifact": "8" * 64}},
    }


def main(words: list[str]) -> None:
    if words not in (["--ids"], ["--all"]):
        sys.exit(__doc__)
    if words == ["--all"]:
        text = json.dumps(description(random.Random(SEED)), ensure_ascii=True, indent=1)
        DESCRIPTION.write_text(text + "\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), Spelling())
        IDS.write_text(json.dumps(ids(Path(folder)), indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
