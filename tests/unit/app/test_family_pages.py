"""The YAML that the pages about families show is what the program reads, and shipped templates do what they say."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest
from small_workspace import Small

from traintrack.app.add_template import add_template
from traintrack.app.expand import expand
from traintrack.app.flow_yaml import flow_value
from traintrack.app.project import action_graph
from traintrack.app.shipped_templates import shipped_templates
from traintrack.graph.build import build_graph
from traintrack.label import parse_label

ROOT = Path(__file__).parents[3]
WORKSPACE = """\
workspace: pages
images: {trainer: {python: "3.11", lock: requirements.lock}}
defaults: {image: trainer, paths: [src]}
environments: {local: {runner: local, storage: store}}
"""
FILES = {"TTWORKSPACE.yaml": WORKSPACE, "src/x.py": "", "requirements.lock": "", ".gitignore": "store/\n"}


def blocks(page: str) -> list[str]:
    """The YAML of a page that is the text of a TTCONFIG.yaml."""
    found = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)
    return [text for text in found if text.startswith(("targets:", "templates:", "defaults:"))]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def workspace(root: Path, config: str, path: str = "a/TTCONFIG.yaml", **files: str) -> Small:
    head = "" if config.startswith("defaults:") else "defaults: {commit: HEAD}\n"
    small = Small(root, {path: head + config, **files}, base=FILES)
    for template in shipped_templates():
        add_template(root, template.name, "//lib")
    return small


SWEEP = blocks("how-to/sweep.md")
FAMILIES = blocks("reference/families.md")


def test_the_pages_have_yaml() -> None:
    assert len(SWEEP) == 4
    assert len(FAMILIES) == 4


@pytest.mark.parametrize("text", SWEEP)
def test_all_yaml_of_the_how_to_can_be_run(tmp_path: Path, text: str) -> None:
    assert action_graph(workspace(tmp_path, text).project(), ["//a:*"]).order


@pytest.mark.parametrize("text", FAMILIES)
def test_all_yaml_of_the_reference_is_read(tmp_path: Path, text: str) -> None:
    assert expand(workspace(tmp_path, text).project(), ["//a:*"], most=1000).targets


def test_what_the_how_to_says_about_cross_validation_holds(tmp_path: Path) -> None:
    ids = action_graph(workspace(tmp_path, SWEEP[2]).project(), ["//a:*"]).labels

    assert ids["//a:cv.split"] == ids["//a:search.split@lr=0.1"] == ids["//a:search.split@lr=0.001"]
    assert ids["//a:cv.train@fold=3"] == ids["//a:search.train@lr=0.1,fold=3"]
    assert ids["//a:cv"] == ids["//a:search@lr=0.1"] != ids["//a:search@lr=0.01"]


def test_what_the_reference_says_about_lists_holds(tmp_path: Path) -> None:
    text = FAMILIES[2]
    project = workspace(tmp_path, text).project()
    graph = build_graph(project.loader, [parse_label("//a:best"), parse_label("//a:mean@lr=0.1")])

    best, mean = (graph.nodes[label].fan_ins[0] for label in graph.requested)

    assert [dict(at) for at in mean.at] == [{"fold": 0}, {"fold": 1}, {"fold": 2}]
    assert [dict(at) for at in best.at] == [
        {"fold": fold, "lr": lr} for fold in (0, 1, 2) for lr in (0.01, 0.1) if (fold, lr) != (2, 0.1)
    ]


def test_what_the_reference_says_about_templates_holds(tmp_path: Path) -> None:
    expansion = expand(workspace(tmp_path, FAMILIES[3]).project(), ["//a:*"])
    labels = {target.label for target in expansion.targets}

    assert {"//a:second.model", "//a:second@fold=0", "//a:search.model@lr=0.1", "//a:search@lr=0.1,fold=0"} <= labels


@pytest.mark.parametrize("template", shipped_templates(), ids=lambda template: template.name)
def test_the_example_of_a_shipped_template_can_be_run(tmp_path: Path, template) -> None:
    production = "defaults: {image: trainer, commit: HEAD, paths: [src]}\ntargets: {model: {task: train_model}}\n"
    example = script("reference_templates").EXAMPLES[template.name]
    small = workspace(tmp_path, example, "runs/new/TTCONFIG.yaml", **{"runs/2026-04/TTCONFIG.yaml": production})

    ids = action_graph(small.project(), ["//runs/new:*"]).labels

    assert all(one.label in ids for one in expand(small.project(), ["//runs/new:*"]).targets)


def test_a_seed_more_runs_one_target_more_and_the_summary(tmp_path: Path) -> None:
    example = script("reference_templates").EXAMPLES["repeat"]
    small = workspace(tmp_path, example)
    before = action_graph(small.project(), ["//a:*"]).labels

    small.edit("a/TTCONFIG.yaml", "[0, 1, 2]", "[0, 1, 2, 3]")
    after = action_graph(small.project(), ["//a:*"]).labels

    assert {label for label in after if after[label] != before.get(label)} == {"//a:noise", "//a:noise.run@seed=3"}


@pytest.mark.parametrize("template", shipped_templates(), ids=lambda template: template.name)
def test_the_lines_that_add_prints_use_the_template(tmp_path: Path, template) -> None:
    passed = {part["use"][2:-1]: part["with"] for part in template.value["targets"].values()}
    own = "".join(f"  {name}: {flow_value(_taking(keys))}\n" for name, keys in passed.items())
    labels = "".join(f"  {one.name}: {{task: y}}\n" for one in template.parameters.values() if one.kind == "label")
    use = "".join(f"{line}\n" for line in template.use(f"//lib:{template.name}"))
    small = workspace(tmp_path, f"templates:\n{own}{use}{labels}")

    assert f"//a:{template.name}" in action_graph(small.project(), ["//a:*"]).labels


def _taking(keys: Iterable[str]) -> dict[str, object]:
    """A template that takes these parameters and passes them to its task."""
    return {"params": dict.fromkeys(keys, "any"), "task": "x", "args": {key: f"${{{key}}}" for key in keys}}


def test_each_shipped_template_has_a_line_that_says_what_it_is() -> None:
    assert [one.name for one in shipped_templates()] == ["holdout_compare", "kfold", "repeat"]
    assert all(0 < len(one.description) <= 80 and one.description[0].islower() for one in shipped_templates())
