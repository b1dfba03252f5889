"""Commands for copying repeat what the command that prints them was asked."""

from __future__ import annotations

import pytest

from traintrack.cli.asked import AS_IT_IS, Asked

EVERYTHING = Asked("gpu", "smoke", ("args.lr=0.1", "//a/...#env.X=a b"), worktree=True)


@pytest.mark.parametrize(
    ("command", "becomes"),
    [
        (
            "traintrack run :t",
            "traintrack run --env gpu --profile smoke --set args.lr=0.1 --set '//a/...#env.X=a b' --worktree :t",
        ),
        ("traintrack log :t", "traintrack log --env gpu --profile smoke :t"),
        ("traintrack doctor", "traintrack doctor --env gpu"),
        (
            "see `traintrack du` and `traintrack gc -n`",
            "see `traintrack du --env gpu` and `traintrack gc --env gpu -n`",
        ),
        ("traintrack log :t; traintrack du", "traintrack log --env gpu --profile smoke :t; traintrack du --env gpu"),
        ("traintrack nonsense :t", "traintrack nonsense :t"),
        ("run it again", "run it again"),
    ],
)
def test_each_command_gets_the_options_that_it_takes(command: str, becomes: str) -> None:
    assert EVERYTHING.again(command) == becomes


def test_an_option_that_stands_there_is_not_repeated() -> None:
    assert Asked("gpu", "smoke").again("traintrack run --env cpu :t") == "traintrack run --profile smoke --env cpu :t"


def test_nothing_asked_changes_nothing() -> None:
    assert AS_IT_IS.again("traintrack run :t") == "traintrack run :t"
