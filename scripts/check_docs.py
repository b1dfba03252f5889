"""Checks that the pages are true where a program can tell: links lead somewhere, YAML is YAML, commands exist."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from traintrack.cli.table import COMMANDS

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/digits/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
_LINK = re.compile(r"(?<!`)\[[^\]\n]*\]\(([^)\s]+)\)")
_HTML_LINK = re.compile(r"""<(?:img|source|a)\b[^>]*?(?:src|srcset|href)="([^"]+)\"""")
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_COMMAND = re.compile(r"^(?:\$ )?traintrack (?:-C \S+ )?([a-z]+)", re.MULTILINE)
_KNOWN = frozenset(command.name for command in COMMANDS)


def main() -> int:
    """Print every fault as `path:line: fact`; exit 1 if there is one."""
    faults = [fault for page in PAGES for fault in _faults(page)]
    for fault in faults:
        print(fault)
    print(f"{len(PAGES)} pages, {len(faults)} faults")
    return 1 if faults else 0


def _faults(page: Path) -> Iterator[str]:
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(ROOT)
    prose = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
    for pattern in (_LINK, _HTML_LINK):
        for match in pattern.finditer(prose):
            if not _leads_somewhere(page, match[1]):
                yield f"{name}:{_line(prose, match.start())}: `{match[1]}` leads nowhere"
    for match in _FENCE.finditer(text):
        for fact in _block_faults(match[1], match[2]):
            yield f"{name}:{_line(text, match.start())}: {fact}"


def _block_faults(language: str, block: str) -> Iterator[str]:
    if language == "yaml":
        try:
            yaml.safe_load(block)
        except yaml.YAMLError as error:
            yield f"not YAML: {str(error).splitlines()[0]}"
    for match in _COMMAND.finditer(block):
        if match[1] not in _KNOWN:
            yield f"`traintrack {match[1]}` is no command"


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    if re.match(r"[a-z]+:", path):
        return True
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return False
    return not anchor or anchor in _anchors(target)


def _anchors(page: Path) -> set[str]:
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


if __name__ == "__main__":
    sys.exit(main())
