"""Writes the golden workspace as files, spelled in many ways that mean the same, and computes its IDs.

`workspace.json` describes it: path of a file → its values. A map `{"plain": text}` is a scalar spelled as it stands.
"""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

from msgspec import Struct

from traintrack.analysis.identify import analyze
from traintrack.digest import float_text
from traintrack.graph.build import build_graph
from traintrack.graph.select import select
from traintrack.workspace.load import Loader, load_workspace

HERE = Path(__file__).resolve().parent
DESCRIPTION = HERE / "workspace.json"
IDS = HERE / "ids.json"

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_WORDS = frozenset({"null", "true", "false", "Null", "True", "False", "NULL", "TRUE", "FALSE"})


class Spelling(Struct, frozen=True):
    """How the files are written: nothing of this may change an ID. `shuffle` is a seed, None keeps the order."""

    shuffle: int | None = None
    line_end: str = "\n"
    comments: bool = False
    flow: bool = False


def write(folder: Path, spelling: Spelling) -> None:
    """Write the golden workspace below a folder."""
    for path, value in json.loads(DESCRIPTION.read_text(encoding="utf-8")).items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        lines = list(_rows(value, "", spelling, random.Random(f"{spelling.shuffle}/{path}")))
        head = ["# golden"] if spelling.comments else []
        place.write_bytes(spelling.line_end.join([*head, *lines, ""]).encode("utf-8"))


def ids(folder: Path) -> dict[str, str]:
    """Return the ID of every target of the workspace in a folder, by label, sorted."""
    from plain_source import PlainSource

    workspace = load_workspace(folder)
    loader = Loader(workspace)
    labels = [*select(loader, ["//..."], "")]
    graph = analyze(build_graph(loader, labels), workspace, PlainSource())
    return dict(sorted((label, str(id_)) for label, id_ in graph.labels.items()))


def _rows(value: dict[str, Any], indent: str, spelling: Spelling, r: random.Random) -> Any:
    for key, item in _items(value, spelling, r):
        comment = f"  # {r.choice(('why', ': {', 'ü', '- a'))}" if spelling.comments and r.random() < 0.4 else ""
        if spelling.comments and r.random() < 0.1:
            yield ""
            yield f"{indent}# a remark"
        if isinstance(item, dict) and item and "plain" not in item and not spelling.flow:
            yield f"{indent}{_key(key)}:{comment}"
            yield from _rows(item, indent + "  ", spelling, r)
        else:
            text = _flow(item, spelling, r)
            yield f"{indent}{_key(key)}: {text}{'' if text.startswith('|') else comment}"


def _items(value: dict[str, Any], spelling: Spelling, r: random.Random) -> list[tuple[str, Any]]:
    items = list(value.items())
    if spelling.shuffle is not None:
        r.shuffle(items)
    return items


def _flow(value: Any, spelling: Spelling, r: random.Random) -> str:
    if isinstance(value, dict) and "plain" in value:
        return str(value["plain"])
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)}: {_flow(v, spelling, r)}" for k, v in _items(value, spelling, r)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item, spelling, r) for item in value) + "]"
    if isinstance(value, float):
        return float_text(value)
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _key(key: str) -> str:
    return key if _PLAIN_KEY.match(key) and key not in _WORDS else _quoted(key)


def _quoted(text: str) -> str:
    """JSON, less the pairs of surrogates that YAML does not know, and with the escapes that it wants."""
    return _ESCAPED.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(text, ensure_ascii=False))
