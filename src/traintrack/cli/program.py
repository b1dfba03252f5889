"""From words to a command: a click group made from the table.

It imports click and the table, nothing else: what carries a command out, and what tells an error, is
imported when there is one, so that `--help` comes at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from traintrack.cli.table import COMMANDS, COMMON_OPTIONS, Argument, Command, Kind, Option, command_named

_GUARD = "\x00"
"""Stands before a pattern that begins with `-` while click reads the words; no argument can hold it."""


def run_program(arguments: Sequence[str]) -> int:
    """Carry out a command line and return its exit code; errors are told where `--json` or its absence wants them.

    Raises:
        KeyboardInterrupt: the user pressed Ctrl-C and the command left it to the caller.
        Exception: a bug; the caller writes the report.
    """
    try:
        with build_program().make_context("traintrack", list(arguments)) as context:
            return int(context.command.invoke(context) or 0)
    except click.exceptions.Exit as left:
        return left.exit_code
    except click.UsageError as error:
        from traintrack.cli.usage import report_usage  # noqa: PLC0415 - only a mistake pays for it

        return report_usage(error, [word.removeprefix(_GUARD) for word in arguments])


def build_program() -> click.Group:
    """Return the whole program as a click group; no command's module is imported by it."""
    return _Program(
        name="traintrack",
        help="Treat machine-learning work as a build: one cacheable graph, in git.",
        params=[*(_option(option) for option in COMMON_OPTIONS), _version_option()],
        context_settings={"help_option_names": ["-h", "--help"]},
        no_args_is_help=True,
        subcommand_metavar="COMMAND ...",
        options_metavar="[OPTIONS]",
        epilog="`traintrack COMMAND --help` tells more.",
    )


class _Count(click.ParamType[int]):
    """A whole number from 1 on."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int) or (value.isascii() and value.isdigit() and int(value) > 0):
            return int(value)
        raise click.BadParameter(f"`{value}` is not a whole number from 1 on", ctx, param)


class _Program(click.Group):
    """The group: its commands are rows of the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the name is click's
        return [command.name for command in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        entry = command_named(cmd_name)
        return None if entry is None else _TableCommand(entry)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        command = self.get_command(ctx, args[0])
        if command is None:
            raise click.exceptions.NoSuchCommand(args[0], ctx=ctx)
        return args[0], command, args[1:]


class _TableCommand(click.Command):
    """A row of the table as a click command."""

    def __init__(self, entry: Command) -> None:
        self.entry = entry
        own: list[click.Parameter] = [_option(option) for option in entry.options]
        common: list[click.Parameter] = [_option(option) for option in COMMON_OPTIONS]
        super().__init__(
            name=entry.name,
            params=[*(_argument(argument) for argument in entry.arguments), *own, *common],
            help="\n\n".join(part for part in (entry.help, entry.more) if part),
            short_help=entry.help,
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # `-//a:slow` is a pattern; without the guard click would read it as a row of short options.
        guarded = [_GUARD + word if word.startswith(("-//", "-:")) else word for word in args]
        try:
            return super().parse_args(ctx, guarded)
        except click.UsageError as error:
            # Click forgets it where a value is missing, and the hint is to name the command.
            error.ctx = error.ctx or ctx
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        common = {option.name for option in COMMON_OPTIONS}
        options = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        rows = [(p.name in common or p.name == "help", p.get_help_record(ctx)) for p in options]
        for title, wanted in (("Options", False), ("Options of all commands", True)):
            shown = [row for is_common, row in rows if row is not None and is_common is wanted]
            if shown:
                with formatter.section(title):
                    formatter.write_dl(shown)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        if self.entry.examples:
            with formatter.section("Examples"):
                for example in self.entry.examples:
                    formatter.write_text(example)

    def invoke(self, ctx: click.Context) -> int:
        from traintrack.cli.carry_out import carry_out  # noqa: PLC0415 - `--help` does not pay for it

        given = {name: _unguarded(value) for name, value in ctx.params.items()}
        return carry_out(self.entry, ctx.parent.params if ctx.parent else {}, given)


def _unguarded(value: Any) -> Any:
    if isinstance(value, str):
        return value.removeprefix(_GUARD)
    if isinstance(value, tuple):
        return tuple(_unguarded(item) for item in value)
    return value


def _option(option: Option) -> click.Option:
    if option.kind is Kind.SWITCH:
        flags = "/".join([option.flags[-1], option.off]) if option.off else option.flags[-1]
        names = [*option.flags[:-1], flags, option.name]
        return click.Option(names, is_flag=True, default=None if option.off else False, help=option.help)
    kind: click.ParamType[Any] = _Count() if option.kind is Kind.COUNT else click.STRING
    if option.choices:
        kind = click.Choice(option.choices)
    return click.Option(
        [*option.flags, option.name], type=kind, metavar=option.metavar, multiple=option.repeatable, help=option.help
    )


def _version_option() -> click.Option:
    def tell(context: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - as click calls it
        if wanted:
            context.exit(_print_version())

    return click.Option(["--version"], is_flag=True, expose_value=False, callback=tell, help="Print the version.")


def _print_version() -> int:
    """Print the version where `--version` stands among other options; alone it does not come this far."""
    from traintrack.cli.carry_out import carry_out  # noqa: PLC0415 - as above

    entry = command_named("version")
    assert entry is not None
    return carry_out(entry, {}, {})


def _argument(argument: Argument) -> click.Argument:
    return click.Argument(
        [argument.name],
        required=argument.required,
        nargs=-1 if argument.many else 1,
        metavar=argument.metavar,
        type=click.Choice(argument.choices) if argument.choices else click.STRING,
    )
