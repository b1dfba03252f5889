"""Every fault that is planted into the real code is noticed: otherwise the tests beside this one prove nothing."""

from __future__ import annotations

import pytest
from driver import numbers_of, play
from mutants import MUTANTS, Mutant, planted

SCHEDULES = 3000


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_the_driver_notices(mutant: Mutant) -> None:
    with planted(mutant):
        seeds = range(mutant.first_seed, mutant.first_seed + SCHEDULES)
        noticed = next((seed for seed in seeds if _breaks(mutant, seed)), None)

    assert noticed is not None, f"nobody noticed: {mutant.name}"


def test_the_originals_stand_again_after_a_mutant() -> None:
    for mutant in MUTANTS:
        with planted(mutant):
            pass

    assert not any(_breaks(mutant, 0) for mutant in MUTANTS)


def _breaks(mutant: Mutant, seed: int) -> bool:
    try:
        play(mutant.scenario, numbers_of(seed))
    except AssertionError:
        return True
    return False
