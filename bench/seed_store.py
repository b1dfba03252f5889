"""Writes the state of a run that was never made: for each action of a workspace a record and a cell that is DONE.

All results name one small artifact, since a run with nothing to do looks at cells and not at bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from traintrack.action.cell import Cell, CellState, Result, new_nonce
from traintrack.action.job import Output
from traintrack.action.record import Record, Timings, Who, encode_record
from traintrack.app.project import action_graph, open_project
from traintrack.digest import ContentDigest
from traintrack.ports.storage import Seen
from traintrack.storages.local import open_local


def seed(root: Path) -> int:
    """Make every target of the workspace at `root` stand in its default environment; return how many there are."""
    project = open_project(root)
    graph = action_graph(project, ["//..."])
    spec = project.workspace.environments[project.workspace.default_env]
    storage = open_local(Path(spec.storage).expanduser())
    changes = []
    with storage.present("r-seeded"):
        stage = storage.staging.new_stage("seed")
        (stage / "out").write_text("seeded\n")
        published = storage.artifacts.publish(Output(str(stage), storage.staging.scan(stage)))
        for action in graph.actions.values():
            record = Record(
                id=action.id,
                preimage=action.recipe,
                label=action.provenance.label,
                place=action.provenance.place,
                workspace=action.provenance.workspace,
                who=Who("bench", "bench", "r-seeded", "0"),
                artifact=published.artifact,
                manifest=published.manifest,
                timings=Timings(task_s=0.01),
            )
            kept = storage.kept.put(encode_record(record))
            result = Result(published.artifact, published.manifest, ContentDigest(kept))
            changes.append((Seen(action.id, None, ""), Cell(CellState.DONE, 1, new_nonce(), result=result)))
        storage.cells.commit_all(changes)
    return len(changes)


if __name__ == "__main__":
    seed(Path(sys.argv[1]))
