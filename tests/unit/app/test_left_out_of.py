from __future__ import annotations

from pathlib import Path

from small_workspace import Small

from traintrack.app.one_target import left_out_of

CONFIG = """\
defaults: {image: py, commit: HEAD}
templates:
  plain: {task: pick}
  kfold:
    params: {lr: float}
    targets:
      train: {task: t, each: {fold: [0, 1, 2]}, args: {lr: "${lr}", fold: "${fold}"}}
      mean: {task: mean, args: {models: ".train@*"}, except: {models: [{fold: 2}]}}
    result: mean
targets:
  cv: {use: kfold, with: {lr: 0.1}}
  grid: {use: kfold, each: {rate: [0.1, 0.2]}, with: {lr: "${rate}"}}
  best: {use: plain, args: {cells: ":grid@*"}, except: {cells: [{rate: 0.2}]}}
  worst: {use: plain, args: {cells: ":grid@*"}}
"""


def test_only_a_target_of_the_file_itself_says_what_it_leaves_out(tmp_path: Path) -> None:
    project = Small(tmp_path, {"a/TTCONFIG.yaml": CONFIG}).project()

    assert left_out_of(project, "//a:best") == {"cells": ({"rate": 0.2},)}
    assert left_out_of(project, "//a:worst") == {}
    for part in ("//a:cv", "//a:grid@rate=0.1", "//a:cv.train@fold=1", "//a:unknown"):
        assert left_out_of(project, part) is None
