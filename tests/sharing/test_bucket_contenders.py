"""Law 3 over a bucket: of engineers who need one target at one time one executes it, whatever the bucket answers."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from crowd import Group, demand_success, opened_crowd, opened_group

from traintrack.testing.s3_server import CONFLICT, Delay, LoseAnswer, Rule

pytestmark = pytest.mark.usefixtures("credentials")

LATE_S = 0.2
LOST = 0.05
CONFLICTS = 0.5


def trouble(seed: int) -> tuple[Rule, ...]:
    return (
        Rule(Delay(0.0, LATE_S)),
        Rule(LoseAnswer(), probability=LOST, seed=seed),
        Rule(CONFLICT, operations=("PutObject",), key="*/cell/*", probability=CONFLICTS, seed=seed + 1),
    )


def race(folder: Path, contenders: int, rounds: int) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201
    names = [f"t{number}" for number in range(rounds)]
    # A beat that fifty processes on two processors do not fail to keep.
    with opened_group(folder, names, heartbeat_s=5.0) as group, opened_crowd(folder) as crowd:
        group.storage("maker")
        group.s3.faults.add(*trouble(seed))
        members = [group.member(f"m{number}") for number in range(contenders)]
        for name in names:
            runs = [crowd.prepare_as(member, "--json", "run", f":{name}") for member in members]
            crowd.go()
            demand_success(runs)
            rows = [run.targets()[f"//:{name}"] for run in runs]

            assert (group.begun(name), group.ended(name)) == (1, 1)
            assert len({row["artifact"] for row in rows}) == 1
            assert sorted({row["outcome"] for row in rows} - {"shared", "reused"}) == ["executed"]
            assert [row["outcome"] for row in rows].count("executed") == 1
        demand_troubled(group)


def demand_troubled(group: Group) -> None:
    """See that the bucket has been as bad as it was meant to be, and that nobody has left anything in it."""
    delayed, lost, conflicts = group.s3.faults.met()
    assert lost > 0.5 * LOST * delayed
    assert conflicts > 0
    group.s3.faults.clear()
    assert group.leftovers() == []


def test_of_twelve_engineers_one_executes_in_each_of_three_rounds(tmp_path: Path) -> None:
    race(tmp_path, contenders=12, rounds=3)


@pytest.mark.torture
@pytest.mark.parametrize("rounds", [10, 50])
def test_of_fifty_engineers_one_executes_in_each_round(tmp_path: Path, rounds: int) -> None:
    race(tmp_path, contenders=50, rounds=rounds)
