from traintrack.action.action import Action, Provenance
from traintrack.action.event import TargetFinished
from traintrack.action.image import PythonImage
from traintrack.action.plan import Outcome, Reason, ReasonCode
from traintrack.cli.failure_block import blocked_by, failure_block
from traintrack.cli.line import plain
from traintrack.digest import TargetId

NEVER = Reason(ReasonCode.NEVER_BUILT)


def finished(label: str, outcome: Outcome, because: tuple[str, ...] = ()) -> TargetFinished:
    return TargetFinished(TargetId(label), label, outcome, NEVER, because=because)


ACTION = Action(
    id=TargetId("1" * 64),
    preimage=b"{}",
    task="predict",
    image=PythonImage("3.11", "requirements.lock", "0" * 64),
    code={"lp/eval": "tree"},
    provenance=Provenance(label="//lp:predict", place="lp/TTCONFIG.yaml:88:3", commit="9b12726ba3825d72"),
)


def test_a_failure_tells_what_ran_where_it_is_declared_and_what_to_do() -> None:
    event = TargetFinished(
        ACTION.id,
        "//lp:predict",
        Outcome.FAILED,
        NEVER,
        duration_s=41.2,
        attempts=2,
        failure="task",
        message="the task ended with exit code 1",
        hint="look at the log",
        exit_code=1,
        log="log/1",
        log_tail=("loading", "  0%\r 50%\r100%\n", "KeyError: '\x1b[31mx'"),
    )

    assert [plain(line) for line in failure_block(event, ACTION, ["//lp:a", "//lp:b"])] == [
        "✗ FAILED //lp:predict   task predict · exit 1 · 41s · attempt 2",
        "  the task ended with exit code 1",
        "  image   python 3.11 (requirements.lock)      commit 9b12726ba382 (lp/eval)",
        "  defined lp/TTCONFIG.yaml:88:3",
        "  ── last 3 log lines " + "─" * 52,
        "  loading",
        "  100%",
        r"  KeyError: '\x1b[31mx'",
        "  " + "─" * 72,
        "  blocks  2 targets: //lp:a, //lp:b",
        "  log     traintrack log //lp:predict",
        "  look    traintrack shell //lp:predict --attempt last",
        "  again   traintrack run //lp:predict",
        "  hint    look at the log",
    ]


def test_only_the_last_twenty_log_lines_are_shown() -> None:
    event = TargetFinished(
        ACTION.id, "//a:t", Outcome.FAILED, NEVER, log_tail=tuple(f"line {number}" for number in range(30))
    )
    lines = [plain(line) for line in failure_block(event, None, ())]

    assert [line for line in lines if line.startswith("  line ")] == [f"  line {n}" for n in range(10, 30)]


def test_a_class_of_failure_brings_words_and_a_hint() -> None:
    event = TargetFinished(ACTION.id, "//a:t", Outcome.FAILED, NEVER, failure="out-of-memory", exit_code=137)
    lines = [plain(line) for line in failure_block(event, ACTION, ())]

    assert lines[0] == "✗ FAILED //a:t   task predict · out of memory · exit 137 · 0.0s"
    assert lines[-1].startswith("  hint    raise `resources: {memory: …}`")


def test_blocked_targets_are_counted_at_the_failure_that_began_it() -> None:
    events = {
        "//a:fails": finished("//a:fails", Outcome.FAILED),
        "//a:other": finished("//a:other", Outcome.FAILED),
        "//a:one": finished("//a:one", Outcome.BLOCKED, ("//a:fails",)),
        "//a:two": finished("//a:two", Outcome.BLOCKED, ("//a:one", "//a:other")),
        "//a:fine": finished("//a:fine", Outcome.EXECUTED),
    }

    assert blocked_by(events) == {"//a:fails": ["//a:one", "//a:two"], "//a:other": ["//a:two"]}


def test_a_long_chain_of_blocked_targets_is_followed() -> None:
    events = {"t0": finished("t0", Outcome.FAILED)}
    events |= {f"t{n}": finished(f"t{n}", Outcome.BLOCKED, (f"t{n - 1}",)) for n in range(1, 5000)}

    assert len(blocked_by(dict(reversed(events.items())))["t0"]) == 4999


def test_a_block_tells_further_members_that_failed_and_counts_what_they_block_by_family() -> None:
    event = finished("//a:eval@n=1", Outcome.FAILED)
    blocked = ["//a:best", *(f"//a:test@n={n}" for n in range(9))]
    lines = [plain(line) for line in failure_block(event, None, blocked, [f"//a:eval@n={n}" for n in range(2, 7)])]

    assert lines[1:] == [
        "  others  5 more members failed: n=2, n=3, n=4 and 2 more",
        "  blocks  10 targets: //a:best, //a:test@* (9)",
        "  again   traintrack run '//a:eval@n=1'",
    ]
