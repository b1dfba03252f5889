"""A family in `ls` and in `status`: rows in, lines out."""

from traintrack.app.answers import ListedTarget, TargetStatus
from traintrack.cli.commands.ls import listed_rows
from traintrack.cli.commands.status import status_lines
from traintrack.cli.line import plain
from traintrack.digest import TargetId
from traintrack.errors import Location

PLACE = Location("a/TTCONFIG.yaml", 3)
GRID = [f"//a:train@lr={lr},depth={depth}" for lr in ("0.1", "0.2") for depth in (18, 34, 50)]


def listed(label: str, image: str = "trainer", about: str = "") -> ListedTarget:
    return ListedTarget(label, "train_model", image, PLACE, about)


def status(label: str, state: str, detail: str = "") -> TargetStatus:
    return TargetStatus(label, TargetId("1" * 64), state, detail)


def lines(rows: list[TargetStatus], spread: frozenset[str] = frozenset()) -> list[str]:
    return [plain(line) for line in status_lines(rows, spread)]


def test_ls_lists_a_family_as_one_row_with_its_axes() -> None:
    rows = listed_rows([listed("//a:data"), *map(listed, GRID)], frozenset())

    assert rows == [
        ("//a:data", "train_model", "trainer", ""),
        ("//a:train@*", "train_model", "trainer", "6 members: lr × depth (2 × 3)"),
    ]


def test_ls_lists_the_members_of_a_family_that_is_named() -> None:
    rows = listed_rows([*map(listed, GRID), *(listed(f"//a:eval@n={n}") for n in (1, 2))], frozenset({"//a:train"}))

    assert [row[0] for row in rows] == [*GRID, "//a:eval@*"]


def test_ls_tells_what_members_differ_in_and_what_they_share() -> None:
    [row] = listed_rows([listed("//a:t@n=1", "cpu", "A t"), listed("//a:t@n=2", "gpu", "A t")], frozenset())

    assert row == ("//a:t@*", "train_model", "cpu, gpu", "2 members: n · A t")
    assert listed_rows([listed("//a:t@n=1")], frozenset())[0][0] == "//a:t@n=1"


def test_status_counts_a_family_and_shows_its_members_without_result_failures_first() -> None:
    states = ["cached", "running", "cached", "cached", "failed", "cached"]
    rows = [status(label, state, f"is {state}") for label, state in zip(GRID, states, strict=True)]

    assert lines([status("//a:data", "missing", "never built"), *rows]) == [
        "· missing  //a:data     never built",
        "✗ failed   //a:train@*  1 failed · 1 running · 4 cached",
        "  ✗ failed   lr=0.2,depth=34  is failed",
        "  ● running  lr=0.1,depth=34  is running",
    ]


def test_status_shows_five_members_at_most_and_the_command_for_all() -> None:
    rows = [status(f"//a:t@n={n}", "missing" if n else "failed") for n in range(10_000)]
    told = lines(rows)

    assert told[0] == "✗ failed   //a:t@*  1 failed · 9,999 missing"
    assert [line.split()[-1] for line in told[1:6]] == ["n=0", "n=1", "n=2", "n=3", "n=4"]
    assert told[6:] == ["  … 9995 more: traintrack status --members '//a:t@*'"]


def test_status_of_a_family_with_all_results_is_one_line() -> None:
    assert lines([status(label, "cached") for label in GRID]) == ["✓ cached   //a:train@*  6 cached"]


def test_status_shows_members_that_are_named() -> None:
    rows = [status(label, "cached") for label in GRID[:2]]

    assert [line.split()[-1] for line in lines(rows, frozenset({"//a:train"}))] == GRID[:2]
    assert lines(rows[:1]) == [f"✓ cached   {GRID[0]}"]
