"""What click found wrong with a command line, in our own words."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import click

from traintrack.cli.render import report_error
from traintrack.cli.table import COMMANDS
from traintrack.cli.terminal import open_terminal
from traintrack.errors import UsageError


def report_usage(error: click.UsageError, arguments: Sequence[str]) -> int:
    """Tell what is wrong and return the exit code; without any word, the help is what is told."""
    terminal = open_terminal()
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        terminal.tell(*((line,) for line in error.format_message().splitlines()))
        return error.exit_code
    words = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return report_error(usage_error(error), terminal, Path.cwd(), json="--json" in words)


def usage_error(error: click.UsageError) -> UsageError:
    """Return the error with one fact, and a hint that names the nearest right word or the help."""
    path = error.ctx.command_path if error.ctx else "traintrack"
    help_hint = f"`{path} --help` lists what it takes"
    if isinstance(error, click.exceptions.NoSuchCommand):
        return _unknown_command(error.command_name)
    if isinstance(error, click.NoSuchOption):
        near = sorted(error.possibilities or ())
        hint = f"did you mean `{near[0]}`?" if near else help_hint
        return UsageError(f"there is no option `{error.option_name}`", code="unknown-option", hint=hint)
    if isinstance(error, click.MissingParameter):
        name = error.param.make_metavar(error.ctx) if error.param and error.ctx else "an argument"
        return UsageError(f"`{name}` is missing", code="missing-argument", hint=help_hint)
    message = error.format_message().replace("\x00", "").rstrip(".")
    fact = message.replace("'", "`").replace("` / `", "`, `")
    return UsageError(f"{fact[:1].lower()}{fact[1:]}", hint=help_hint)


def _unknown_command(name: str) -> UsageError:
    near = get_close_matches(name, [command.name for command in COMMANDS], n=1)
    hint = f"did you mean `traintrack {near[0]}`?" if near else "`traintrack --help` lists the commands"
    return UsageError(f"there is no command `{name}`", code="unknown-command", hint=hint)
