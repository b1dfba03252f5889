"""The YAML that mutations begin from: the repository's own files, the blocks of its pages, and one file of every field."""

from __future__ import annotations

import re
from pathlib import Path

from plain_source import COMMIT

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)

WORKSPACE = """\
workspace: plates
requires: ">=0.1"
platform: linux/amd64
defaults: {paths: [src], network: false}
images:
  trainer: {ref: "registry.example/plates/trainer:2.3"}
  cuda: {build: {context: ., dockerfile: docker/Dockerfile, paths: [docker, requirements.lock], args: {A: "1"}}}
  py: {python: "3.11", lock: requirements.lock}
  uv: {python: "3.12", lock: uv.lock, groups: [dev], extras: [x], entrypoint: [python, -m], platform: linux/arm64}
tasks:
  train_model:
    image: py
    resources: {gpu: 1, gpu_type: a10g, cpu: 4, memory: 16GiB}
    args: {epochs: 3}
environments:
  local: {runner: local, storage: store, reads: [], cpu: 4, memory: 8GiB, jobs: 2, gpus: 0}
default_env: local
"""

CONFIG = f"""\
defaults: {{image: py, commit: "{COMMIT}"}}
images:
  own: {{ref: "registry.example/own@sha256:{"5f" * 32}"}}
templates:
  small: {{args: {{epochs: 1}}, timeout: 5m}}
  scaled:
    params: {{scale: {{float: 0.5}}, seeds: {{type: list, default: [1, 2]}}, data: label, note: {{text: "a"}}, part: {{template: small}}}}
    use: "${{part}}"
    args: {{scale: "${{scale}}", data: "${{data}}", note: "n-${{note}}-$${{x}}", seeds: "${{seeds}}"}}
  kfold:
    description: folds
    params: {{dataset: label, k: {{int: 2}}, options: {{map: {{a: [1]}}}}}}
    result: best
    targets:
      split: {{task: t, args: {{data: "${{dataset}}", k: "${{k}}"}}}}
      train: {{task: t, each: {{fold: {{range: "${{k}}"}}}}, args: {{data: ".split/${{fold}}", fold: "${{fold}}", o: "${{options}}"}}}}
      eval: {{task: t, each: .train, args: {{model: ".train@.", fold: "${{fold}}"}}, needs: [.split]}}
      best: {{task: t, args: {{evals: ".eval@*"}}, except: {{evals: [{{fold: 1}}]}}}}
targets:
  sweep:
    task: train_model
    each: {{lr: [0.1, 1e-4], model: {{s: {{depth: 18, w: [1]}}, l: {{depth: 34, w: [2]}}}}}}
    outputs: {{model: model.onnx}}
    args: {{lr: "${{lr}}", depth: "${{model.depth}}", w: "${{model.w}}", name: "x-${{lr}}-${{model.depth}}", data: ":data/p-${{lr}}"}}
    overrides:
      - {{match: {{model: l}}, args: {{extra: "d${{model.depth}}"}}, resources: {{memory: 8GiB}}}}
      - {{match: {{lr: [0.1, 1e-4], model: s}}, timeout: 5m}}
    max_members: 300
  union: {{task: t, each: [{{a: 1, b: [x, y]}}, {{a: 2, b: z}}], args: {{a: "${{a}}", b: "b-${{b}}"}}}}
  drawn: {{task: t, each: {{sample: {{n: 3, seed: 1, lr: {{log: [1e-5, 1e-2]}}, d: {{int: [1, 9]}}}}, s: {{range: {{from: 0, to: 4, step: 2}}}}}}, args: {{x: ["${{lr}}", "${{d}}", "${{s}}"]}}}}
  day: {{source: "https://example.org/${{d}}.zip", each: {{d: {{dates: {{from: "2026-01-01", to: "2026-01-02", every: 1d}}}}}}}}
  tests: {{task: t, each: ":sweep", args: {{model: ":sweep@.", day: ":day@d=2026-01-01", all: ":day@*"}}}}
  report:
    task: t
    args: {{evals: [":tests@*", {{x: ":tests@lr=1e-4,*"}}], one: ":sweep@lr=0.1,model=s#model", union: ":union@a=2,b=z/sub"}}
    except: {{evals.0: [{{lr: 0.1, model: l}}], evals.1.x: [{{model: s}}]}}
    needs: [":drawn@*"]
    outputs: {{m: "m"}}
  scale: {{task: t, use: scaled, each: {{s: [0.5, 2]}}, with: {{scale: "${{s}}", data: ":data"}}}}
  cv: {{use: kfold, with: {{dataset: ":data"}}, resources: {{cpu: 1}}}}
  search: {{use: kfold, each: {{rate: [0.1, 0.2]}}, with: {{dataset: ":data", options: {{rate: "${{rate}}"}}}}}}
  pick: {{task: t, args: {{cells: ":search@*", fold: ":search.train@rate=0.1,*"}}}}
  data:
    task: make_data
    paths: [src, lib]
    args: {{rows: 10, seed: 1e-4, "$odd": !literal ":text", tags: [a, b, null, true, 0x1F]}}
    description: "Zahlen für alle"
    tags: [one, two]
  train:
    task: train_model
    use: small
    image: own
    args:
      data: ":data"
      nested: {{a: [":data/part", {{b: ":data"}}]}}
      lr: 0.001
    unhashed: {{workers: 2}}
    env: {{LANG: "C", X: "1"}}
    secrets: {{TOKEN: {{env: TOKEN}}}}
    cache_version: 1
    resources: {{memory: !remove }}
    retries: {{task: 1, timeout: 2}}
    timeout: 1h30m
    outputs: {{model: model.onnx}}
    needs: [":data"]
  outside: {{source: "https://example.org/x.zip", pin: content, deliver: copy}}
  listed: {{source: "s3://bucket/x"}}
  uses: {{task: t, args: {{x: ":outside", y: ":listed", z: "//other:one", m: ":train#model", r: "@main//other:one"}}}}
  baked: {{task: t, image: trainer, code: baked, args: &anchor {{a: 1}}}}
  alias: {{task: t, commit: HEAD, args: *anchor}}
"""

OTHER = f"""\
defaults: {{image: py, commit: "{COMMIT}"}}
targets:
  one: {{task: t, args: {{a: 1}}}}
"""

LOCK = f"""\
format: traintrack.lock/1
images:
  "registry.example/plates/trainer:2.3": sha256:{"a1" * 32}
bases:
  "registry.example/base:1": sha256:{"b1" * 32}
  "registry.example/run:2": sha256:{"b2" * 32}
sources:
  "https://example.org/x.zip": {{content: {"c1" * 32}}}
  "https://example.org/2026-01-01.zip": {{content: {"c3" * 32}}}
  "https://example.org/2026-01-02.zip": {{content: {"c4" * 32}}}
  "s3://bucket/x": {{listing: {"c2" * 32}, at: "2026-04-16"}}
trees:
  {COMMIT}: {{src: {"d1" * 20}, lib: "100644:{"d2" * 20}"}}
locks:
  {COMMIT}: {{requirements.lock: {"e1" * 32}}}
refs:
  "@main//other:one": {{id: {"f1" * 32}, artifact: {"f2" * 32}, at: {COMMIT}}}
frozen:
  old: {{id: {"f3" * 32}}}
  "tests@lr=0.1,model=l": {{id: {"f4" * 32}}}
"""

FILES = {
    "TTWORKSPACE.yaml": WORKSPACE,
    "a/TTCONFIG.yaml": CONFIG,
    "a/TTLOCK.yaml": LOCK,
    "other/TTCONFIG.yaml": OTHER,
}
"""A whole workspace without a fault; a case replaces one of the first three by what was made of it."""

TARGETS_OF_MUTATION = ("TTWORKSPACE.yaml", "a/TTCONFIG.yaml", "a/TTLOCK.yaml")


def fragments() -> list[str]:
    """Every YAML file of the examples and every YAML block of the pages, in a fixed order."""
    files = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").rglob("*.yaml"))]
    pages = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
    blocks = [block for page in pages for block in _BLOCK.findall(page.read_text(encoding="utf-8"))]
    return [*files, *blocks, *FILES.values()]
