"""Plays a run of many targets for the live view: `python play_live.py TARGETS SECONDS_EACH [crash|wait]`."""

import sys
import time
from pathlib import Path

from traintrack.action.event import (
    Notice,
    RunFinished,
    RunStarted,
    TargetFinished,
    TargetProgress,
    TargetStarted,
    TargetWaiting,
)
from traintrack.action.plan import Decision, Outcome, Plan, Reason, ReasonCode, Step
from traintrack.cli.call import Call
from traintrack.cli.commands.run import Options, _progress
from traintrack.cli.live import LiveProgress
from traintrack.cli.terminal import open_terminal
from traintrack.digest import TargetId
from traintrack.testing.builders import build_action, build_graph

NEVER = Reason(ReasonCode.NEVER_BUILT)


CALL = Call("run", Path.cwd(), None, False, open_terminal())
OPTIONS = Options(**{**dict.fromkeys(Options.__struct_fields__), "progress": "auto", "sets": (), "worktree": False})


def main(count: int, each_s: float, how: str) -> None:
    graph = build_graph([build_action(f"target_{n:03}") for n in range(count)])
    ids = dict(graph.labels)
    steps = {id_: Step(id_, Decision.EXECUTE, NEVER, expected_s=90.0) for id_ in ids.values()}
    progress = _progress(CALL, OPTIONS, None)
    assert isinstance(progress, LiveProgress), "this is not told live"
    with progress:
        progress.emit(RunStarted("r-1", Plan(graph, steps), "local"))
        labels = list(ids)
        for label in labels[:4]:
            begin(progress, label, ids)
        if how == "wait":
            time.sleep(600)
        for number, label in enumerate(labels):
            time.sleep(each_s)
            failed = number == 1
            outcome = Outcome.FAILED if failed else Outcome.EXECUTED
            fields = {"log_tail": ("boom",), "exit_code": 3} if failed else {}
            progress.emit(TargetFinished(ids[label], label, outcome, NEVER, duration_s=1.0, **fields))  # type: ignore[arg-type]
            if number + 4 < count:
                begin(progress, labels[number + 4], ids)
            if how == "crash" and number == 5:
                msg = "it broke"
                raise RuntimeError(msg)
        progress.emit(RunFinished("r-1", 1.0, {}))
    CALL.terminal.say(("the summary",))


def begin(progress: LiveProgress, label: str, ids: dict[str, TargetId]) -> None:
    number = int(label[-3:])
    if number % 7 == 3:
        progress.emit(TargetWaiting(ids[label], label, "ann", "gpu-3", "r-9", "", "running"))
        return
    progress.emit(TargetStarted(ids[label], label, 1, NEVER))
    progress.emit(TargetProgress(ids[label], label, "running", f"epoch {number} データ\x1b[2J"))
    if number % 10 == 0:
        progress.emit(Notice(f"a notice on target {number}, " + "which is long " * 12))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
