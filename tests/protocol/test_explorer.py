"""The model of the protocol: every interleaving of small companies, and each rule shown to be needed."""

from __future__ import annotations

import pytest
from explorer import Cfg, explore
from explorer_cases import CONFIGURATIONS, MUTANTS

QUICK = ("worker that is fenced", "early cut-off", "local folder", "no live holder superseded")
QUICK_MUTANTS = frozenset(
    [
        "new_owner",
        "assume_failed",
        "tidy_on_loss",
        "commit_before_upload",
        "no_nonce",
        "keep_round",
        "hint_first",
        "no_was",
        "clear_late",
        "check_outside",
        "worker_no_lock",
        "gc_no_lock",
        "delete_unlocked",
    ]
)
STATES = 6_000_000


@pytest.mark.parametrize("case", [c for c in CONFIGURATIONS if c.name.startswith(QUICK)], ids=lambda c: c.name)
def test_no_interleaving_breaks_a_promise(case: Cfg) -> None:
    found = explore(case, STATES)

    assert found["bad"] is None, " > ".join(found["trail"])


@pytest.mark.parametrize("case", [c for c in MUTANTS if c.mut & QUICK_MUTANTS], ids=lambda c: c.name)
def test_without_the_rule_an_interleaving_breaks_a_promise(case: Cfg) -> None:
    found = explore(case, STATES, live="new_owner" in case.mut)

    assert found["bad"] not in (None, "LIMIT")


@pytest.mark.torture
@pytest.mark.parametrize("case", CONFIGURATIONS, ids=lambda c: c.name)
def test_no_interleaving_of_a_larger_company_breaks_a_promise(case: Cfg) -> None:
    found = explore(case, STATES)

    assert found["bad"] is None, " > ".join(found["trail"])


@pytest.mark.torture
@pytest.mark.parametrize("case", MUTANTS, ids=lambda c: c.name)
def test_every_rule_is_needed(case: Cfg) -> None:
    found = explore(case, STATES, live="new_owner" in case.mut)

    assert found["bad"] not in (None, "LIMIT")
