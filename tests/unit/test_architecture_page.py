"""The page on architecture names the packages that there are, in the order that import-linter enforces."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "architecture.md"


def packages_of_the_page() -> list[str]:
    return re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def layers_of_the_linter() -> list[set[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    return [set(re.split(r"\s*[|:]\s*", layer)) for layer in reversed(layers)]


def test_the_page_has_a_line_for_each_package_and_no_other() -> None:
    there = {
        path.stem
        for path in (ROOT / "src" / "traintrack").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }

    assert sorted(packages_of_the_page()) == sorted(there - {"__init__"})


def test_the_order_of_the_page_is_the_order_of_the_layers() -> None:
    page = packages_of_the_page()
    cut: list[set[str]] = []
    for layer in layers_of_the_linter():
        cut.append(set(page[: len(layer)]))
        page = page[len(layer) :]

    assert cut == layers_of_the_linter()
    assert set(page) == {"version", "__main__"}
