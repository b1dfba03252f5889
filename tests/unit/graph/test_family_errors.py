"""What is told of families and templates that are wrong, with place and hint; and how little it costs to tell."""

import time
import tracemalloc
from pathlib import Path

import pytest
from family_error_cases import Case, cases
from family_workspace import FamilyWorkspace

from traintrack.workspace.members import MemberMaker

MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINTRACK_NO_CACHE", "1")


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.title)
def test_what_is_wrong_is_told_with_its_place_and_the_next_step(case: Case, tmp_path: Path) -> None:
    assert case.told
    assert case.result(tmp_path) == case.told


HUGE = {
    "product": "targets:\n  t: {each: {a: {range: 1000000000}, b: {range: 1000000000}}, max_members: 1000}\n",
    "million": "targets:\n  t: {each: {a: {range: 1000}, b: {range: 1000}}, max_members: 1000000}\n",
    "union": "targets:\n  t: {each: [{a: {range: 1000000}, b: [1]}, {a: {range: 1000000}, b: [2]}]}\n",
    "dates": "targets:\n  t: {each: {d: {dates: {from: 0001-01-01, to: 9999-12-31, every: 1d}}}}\n",
    "nested": (
        "templates:\n"
        '  k: {params: {n: int}, targets: {a: {each: {i: {range: "${n}"}}}, b: {each: .a}}, result: b}\n'
        '  l: {params: {n: int}, targets: {c: {use: k, each: {j: {range: "${n}"}}, with: {n: "${n}"}}}, result: c}\n'
        "targets:\n  t: {use: l, each: {o: {range: 100}}, with: {n: 100}, max_members: 1000000}\n"
    ),
    "taken": "targets:\n  u: {each: {a: {range: 1000}, b: {range: 1000}}}\n  t: {each: ':u', max_members: 1000000}\n",
    "overrides": (
        "targets:\n  t: {each: {a: {range: 1000000000}, b: {range: 1000000000}}, overrides: [{match: {a: 999999999}}]}\n"
    ),
}


@pytest.mark.parametrize("case", HUGE)
def test_of_too_many_members_none_is_built(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(maker: MemberMaker, *_: object) -> None:
        raise AssertionError("a member was built")

    monkeypatch.setattr(MemberMaker, "make", build)
    workspace = FamilyWorkspace(tmp_path, HUGE[case])
    workspace.told()  # what is imported late is not the file's fault
    tracemalloc.start()
    began = time.process_time()
    told = workspace.told()
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert told.startswith("a/TTCONFIG.yaml:")
    assert "[too-many-members]" in told
    assert peak < 20 * MIB
    assert spent < 5, "generous, since tracing is slow"


def test_an_error_that_10000_members_have_in_common_is_told_once(tmp_path: Path) -> None:
    text = 'targets:\n  t: {each: {s: {range: 10000}}, max_members: 10000, args: {m: ":gone-${s}"}, unhashed: {s: 1}}\n'

    assert FamilyWorkspace(tmp_path, text).told() == (
        "a/TTCONFIG.yaml:3:64: no target `gone-0` in `//a` (and 9,999 more members) [unknown-target]\n  it has `:t`\n"
    )


def test_different_errors_of_one_member_and_errors_of_plain_targets_are_told_each(tmp_path: Path) -> None:
    text = (
        'targets:\n  t: {each: {s: [1, 2]}, args: {m: ":x", n: ":y", s: "${s}"}}\n  u: {args: {m: ":z", n: [":z"]}}\n'
    )
    told = FamilyWorkspace(tmp_path, text).told()

    assert told.count("[unknown-target]") == 4
    assert told.count("(and 1 more member)") == 2


def test_under_a_profile_that_makes_a_family_smaller_overrides_and_exceptions_may_match_nothing(tmp_path: Path) -> None:
    text = (
        'targets:\n  t: {each: {s: [1, 2]}, args: {s: "${s}"}, overrides: [{match: {s: 2}, args: {x: 1}}]}\n'
        '  all: {args: {ts: ":t@*"}, except: {ts: [{s: 2}]}}\n'
        "profiles: {smoke: {targets: {t: {each: {s: [1]}}}}}\n"
    )
    smaller = text.replace("{s: [1, 2]}", "{s: [1]}")

    assert (
        FamilyWorkspace(tmp_path, text, profile="smoke").ids()
        == FamilyWorkspace(
            tmp_path,
            smaller.replace(", overrides: [{match: {s: 2}, args: {x: 1}}]", "").replace(", except: {ts: [{s: 2}]}", ""),
        ).ids()
    )
    assert FamilyWorkspace(tmp_path, smaller).told().count("[unknown-coordinate]") == 1
