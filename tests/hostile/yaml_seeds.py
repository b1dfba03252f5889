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
targets:
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
  "s3://bucket/x": {{listing: {"c2" * 32}, at: "2026-04-16"}}
trees:
  {COMMIT}: {{src: {"d1" * 20}, lib: "100644:{"d2" * 20}"}}
locks:
  {COMMIT}: {{requirements.lock: {"e1" * 32}}}
refs:
  "@main//other:one": {{id: {"f1" * 32}, artifact: {"f2" * 32}, at: {COMMIT}}}
frozen:
  old: {{id: {"f3" * 32}}}
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
