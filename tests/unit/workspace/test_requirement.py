"""`requires`."""

import pytest

from traintrack.workspace.requirement import RequirementError, satisfies


@pytest.mark.parametrize(
    ("requirement", "met"),
    [
        *((">=0.1", True), (">=0.1,<2", True), ("~=1.2", True), ("==1.4.2", True), ("!=1.4.2", False), (">1.4", True)),
        *(
            (">=1.10", False),
            ("<1.4.2", False),
            ("<=1.4.2", True),
            ("~=1.4.3", False),
            ("~=1.3.0", False),
            (" >= 1 ", True),
        ),
    ],
)
def test_clauses_compare_as_numbers(requirement: str, *, met: bool) -> None:
    assert satisfies("1.4.2", requirement) is met


def test_a_development_version_counts_as_its_release() -> None:
    assert satisfies("0.2.0.dev1+g12", ">=0.2")


@pytest.mark.parametrize("requirement", ["", "1.0", "=>1", ">=1,", ">=a", ">=1.2.3.4.5", "^1"])
def test_what_is_no_requirement_is_refused(requirement: str) -> None:
    with pytest.raises(RequirementError):
        satisfies("1.0", requirement)
