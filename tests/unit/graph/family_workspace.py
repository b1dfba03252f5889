"""A workspace of files with an experiment `//a`, from text to IDs or to what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from in_memory import git

from traintrack.action.action import ActionGraph
from traintrack.analysis.identify import analyze
from traintrack.errors import InputErrors, TraintrackError
from traintrack.graph.build import build_graph
from traintrack.graph.select import select
from traintrack.graph.target_graph import TargetGraph
from traintrack.workspace.load import Loader, load_workspace
from traintrack.workspace.sets import parse_set

WORKSPACE = f'workspace: p\nimages: {{box: {{ref: "r.example/x@sha256:{"5f" * 32}"}}}}\n'
DEFAULTS = "defaults: {task: t, image: box, code: baked}\n"
"""The first line of `a/TTCONFIG.yaml`: a target needs nothing else."""


class FamilyWorkspace:
    """The files below `root`: `text` is that of `//a` behind the defaults, `files` are further ones."""

    def __init__(
        self,
        root: Path,
        text: str,
        files: Mapping[str, str] | None = None,
        *,
        sets: Sequence[str] = (),
        profile: str | None = None,
    ) -> None:
        for path, content in {
            "TTWORKSPACE.yaml": WORKSPACE,
            "a/TTCONFIG.yaml": DEFAULTS + text,
            **(files or {}),
        }.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(content, encoding="utf-8")
        self._root = root
        self._sets = sets
        self._profile = profile

    def loader(self) -> Loader:
        """Read the workspace anew."""
        options = [parse_set(text, "a") for text in self._sets]
        return Loader(load_workspace(self._root), sets=options, profile=self._profile)

    def graph(self, *patterns: str) -> TargetGraph:
        """Return the graph of what patterns select, by default all of `//a`."""
        loader = self.loader()
        return build_graph(loader, select(loader, patterns or (":*",), "a"))

    def actions(self, *patterns: str) -> ActionGraph:
        """Return the actions of what patterns select."""
        return analyze(self.graph(*patterns), load_workspace(self._root), git())

    def ids(self, *patterns: str) -> dict[str, str]:
        """Return the ID of every label that patterns reach, without its experiment."""
        return {label.partition(":")[2]: str(id_) for label, id_ in self.actions(*patterns).labels.items()}

    def told(self, *patterns: str) -> str:
        """Return what is wrong, a line for each fact and one for its hint; empty if nothing is."""
        try:
            self.actions(*patterns)
        except InputErrors as several:
            return "".join(f"{error}\n  {error.hint}\n" for error in several.errors)
        except TraintrackError as error:
            return f"{error}\n  {error.hint}\n"
        return ""
