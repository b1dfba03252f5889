"""What docs/reference/templates.md shows: a small experiment for each shipped template, and what it expands to."""

import os
import subprocess
import tempfile
from pathlib import Path

from traintrack.app.add_template import add_template
from traintrack.app.expand import expand
from traintrack.app.project import open_project
from traintrack.app.shipped_templates import ShippedTemplate
from traintrack.cli.expand_text import yaml_lines
from traintrack.cli.line import plain

WORKSPACE = """\
workspace: plates
images:
  trainer: {python: "3.11", lock: requirements.lock}
environments:
  local: {runner: local, storage: store}
"""

EXAMPLES = {
    "kfold": """\
defaults: {image: trainer, commit: HEAD, paths: [src]}
templates:
  split:
    params: {dataset: label, k: int, seed: int}
    task: split_data
    args: {dataset: "${dataset}", folds: "${k}", seed: "${seed}"}
  train:
    params: {data: label, fold: int, options: map}
    task: train_model
    args: {data: "${data}", lr: "${options.lr}"}
  evaluate:
    params: {model: label, data: label, fold: int}
    task: evaluate_model
    args: {model: "${model}", data: "${data}"}
  summarize:
    params: {evaluations: label}
    task: summarize_metrics
    args: {evaluations: "${evaluations}"}
targets:
  dataset: {task: make_data}
  cv:
    use: //lib:kfold
    with:
      {dataset: ":dataset", k: 2, options: {lr: 0.01}, split: split, train: train, evaluate: evaluate, summarize: summarize}
""",
    "repeat": """\
defaults: {image: trainer, commit: HEAD, paths: [src]}
templates:
  train:
    params: {seed: int, options: map}
    task: train_model
    args: {data: ":dataset", seed: "${seed}"}
  summarize:
    params: {results: label}
    task: summarize_metrics
    args: {results: "${results}"}
targets:
  dataset: {task: make_data}
  noise:
    use: //lib:repeat
    with: {seeds: [0, 1, 2], run: train, summarize: summarize}
""",
    "holdout_compare": """\
defaults: {image: trainer, commit: HEAD, paths: [src]}
templates:
  train:
    params: {data: label, options: map}
    task: train_model
    args: {data: "${data}"}
  evaluate:
    params: {model: label, data: label}
    task: evaluate_model
    args: {model: "${model}", data: "${data}"}
  compare:
    params: {candidate: label, production: label}
    task: compare_models
    args: {new: "${candidate}", old: "${production}"}
targets:
  dataset: {task: make_data}
  holdout: {task: make_data, args: {holdout: true}}
  verdict:
    use: //lib:holdout_compare
    with:
      dataset: ":dataset"
      holdout: ":holdout"
      production: "//runs/2026-04:model"
      train: train
      evaluate: evaluate
      compare: compare
""",
}
"""An experiment that uses a template, by the name of the template."""

_PACKAGE = "runs/new"


def template_section(template: ShippedTemplate) -> list[str]:
    """One template: its parameters, an experiment that uses it, and what that expands to."""
    about = f"{template.description[0].upper()}{template.description[1:]}"
    return [
        f"## {template.name}",
        f"{about}. `traintrack add {template.name}` writes it to `lib/TTCONFIG.yaml`:",
        f"```yaml\n{template.text}```",
        f"An experiment that uses it, `{_PACKAGE}/TTCONFIG.yaml`:",
        f"```yaml\n{EXAMPLES[template.name]}```",
        f"`traintrack expand {_pattern(template)}` prints:",
        f"```yaml\n{expanded(template)}```",
    ]


def expanded(template: ShippedTemplate) -> str:
    """What the example of a template expands to, as `expand` prints it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / _PACKAGE).mkdir(parents=True)
        (root / "TTWORKSPACE.yaml").write_text(WORKSPACE, encoding="utf-8")
        (root / _PACKAGE / "TTCONFIG.yaml").write_text(EXAMPLES[template.name], encoding="utf-8")
        clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        subprocess.run(["git", "init", "-q", folder], check=True, env=clean)
        add_template(root, template.name, "//lib")
        expansion = expand(open_project(root), [f"//{_PACKAGE}:*", f"-//{_PACKAGE}:dataset", f"-//{_PACKAGE}:holdout"])
        return "".join(f"{plain(line).rstrip()}\n" for line in yaml_lines(expansion))


def _pattern(template: ShippedTemplate) -> str:
    left_out = [f"-:{name}" for name in ("dataset", "holdout") if f"  {name}: {{" in EXAMPLES[template.name]]
    return " ".join(["':*'", *left_out])
