"""Carry a command out: join its options, import its module, and make an exit code of how it ends."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from traintrack.cli.call import Call, CommandModule
from traintrack.cli.refusal import refusal
from traintrack.cli.render import report_error
from traintrack.cli.table import COMMON_OPTIONS, Command
from traintrack.cli.terminal import ColorMode, OutputClosedError, Verbosity, open_terminal
from traintrack.cli.with_profile import hint_with_profile
from traintrack.errors import TraintrackError, UsageError

PIPE_CLOSED = 141
"""128 + SIGPIPE, as a shell reports a program whose reader has gone."""


def carry_out(command: Command, before: Mapping[str, Any], behind: Mapping[str, Any]) -> int:
    """Run a command and return its exit code; an error is told before.

    Args:
        command: its row of the table.
        before: values of the common options before the command's name.
        behind: values of all options and arguments behind it; these count where both are given.

    Raises:
        KeyboardInterrupt: the user pressed Ctrl-C.
        Exception: a bug.
    """
    common = {option.name: behind.get(option.name) or before.get(option.name) for option in COMMON_OPTIONS}
    own = {name: value for name, value in behind.items() if name not in common}
    terminal = open_terminal(ColorMode(common["color"] or "auto"), _verbosity(common))
    start = Path(common["directory"] or os.curdir).absolute()
    json = bool(common["json"])
    try:
        return _run(Call(command.name, start, common["env"], json, terminal), common, own)
    except OutputClosedError:
        return PIPE_CLOSED
    except TraintrackError as error:
        return report_error(hint_with_profile(error, own.get("profile")), terminal, start, json=json)
    except OSError as error:
        refused = refusal(error)
        if refused is None:
            raise
        return report_error(refused, terminal, start, json=json)


def _run(call: Call, common: Mapping[str, Any], own: Mapping[str, Any]) -> int:
    if common["quiet"] and common["verbose"]:
        raise UsageError("`-q` and `-v` exclude each other", hint="leave one of them out")
    if not call.start.is_dir():
        raise UsageError(f"there is no folder `{call.start}`", code="no-folder", hint="`-C` takes a folder that exists")
    module = cast("CommandModule", import_module(f"traintrack.cli.commands.{call.command}"))
    code = module.run(call, module.Options(**own))
    call.terminal.flush()
    return code


def _verbosity(common: Mapping[str, Any]) -> Verbosity:
    if common["quiet"]:
        return Verbosity.QUIET
    return Verbosity.VERBOSE if common["verbose"] else Verbosity.NORMAL
