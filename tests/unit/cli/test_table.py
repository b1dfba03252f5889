from importlib import import_module
from pathlib import Path

import pytest
from msgspec.structs import fields

import traintrack.cli.commands
from traintrack.cli.table import COMMANDS, COMMON_OPTIONS, Command

HELP_COLUMNS = 68
"""80 less the indent and the column of names."""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_command_has_a_module_that_takes_its_options(command: Command) -> None:
    module = import_module(f"traintrack.cli.commands.{command.name}")
    names = [one.name for one in (*command.arguments, *command.options)]

    assert sorted(field.name for field in fields(module.Options)) == sorted(names)
    assert callable(module.run)


def test_each_module_is_in_the_table() -> None:
    folder = Path(traintrack.cli.commands.__file__ or "").parent

    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == {command.name for command in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_no_flag_means_two_things(command: Command) -> None:
    flags = [flag for option in (*command.options, *COMMON_OPTIONS) for flag in option.flags]
    names = [one.name for one in (*command.arguments, *command.options, *COMMON_OPTIONS)]

    assert len(set(flags)) == len(flags)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_is_one_sentence_that_fits_a_line(command: Command) -> None:
    assert command.help.endswith(".")
    assert len(command.help) <= HELP_COLUMNS
    assert command.help[0].isupper()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_examples_call_the_command(command: Command) -> None:
    assert command.examples
    assert all(example.split()[:2] == ["traintrack", command.name] for example in command.examples)
