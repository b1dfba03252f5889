"""Reading a script's flags from its text, whichever library reads them when it runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from traintrack.app.wrap_absl import read_absl
from traintrack.app.wrap_argparse import read_argparse
from traintrack.app.wrap_click import read_click
from traintrack.app.wrap_options import Script, ScriptOption
from traintrack.app.wrap_signatures import read_fire, read_transformers, read_typer, read_tyro
from traintrack.errors import InputError, Location, UsageError

Commands = Mapping[str, tuple[ScriptOption, ...]]

_READERS: tuple[tuple[str, Callable[[ast.Module], Commands]], ...] = (
    ("typer", read_typer),
    ("tyro", read_tyro),
    ("fire", read_fire),
    ("transformers", read_transformers),
    ("click", read_click),
    ("absl", read_absl),
)
_UNREADABLE = ("hydra", "jsonargparse", "simple_parsing", "docopt", "cyclopts", "pydantic_settings", "tap", "gin")
_FLAG_WORD = re.compile(r"(?:^|_)(?:arg|args|arguments|argv|parser?|opts?|options?|cli|flags?)(?:_|$)", re.IGNORECASE)
_MAX_BYTES = 4 << 20


def parse(path: str, text: bytes) -> ast.Module:
    """Return the syntax tree of a script; `path` is for the message.

    Raises:
        InputError: it is no Python of this version.
    """
    try:
        return ast.parse(text, path)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        raise InputError(
            f"`{path}` cannot be read as Python: {getattr(error, 'msg', None) or error}",
            code="wrap-unreadable",
            location=Location(path, line),
            hint=f"python -m py_compile {path}",
        ) from error


def read_script(path: str, module: ast.Module, imported: Mapping[str, ast.Module], command: str | None) -> Script:
    """Return what a script takes; `imported` are modules of the repository that it imports, by their paths.

    `command` is the word of a sub-command, None if none was asked for.

    Raises:
        InputError: its flags are read in a way that its text does not tell.
        UsageError: it has sub-commands and none of them was named, or another one.
    """
    style, commands = _commands(module)
    for other in imported.values() if _speaks_of_flags(module) else ():
        if any(commands.values()) or commands.keys() - {""}:
            break
        style, commands = _commands(other)
    if not commands:
        _demand_no_flags(path, module)
        return Script("none", ())
    words = tuple(sorted(filter(None, commands)))
    if words and (command or "") not in words:
        raise _no_command(path, words, command)
    if command and not words:
        raise UsageError(
            f"`{path}` has no sub-command `{command}`", code="usage", hint=f"traintrack init --wrap {path}"
        )
    if not command:
        return Script(style, commands.get("", ()))
    # The options of an argparse program itself stand before the word; only what has to be there is kept.
    return Script(style, commands[command], (command,))


def local_imports(module: ast.Module, folders: tuple[Path, ...]) -> Iterator[Path]:
    """Yield the files of the modules that a script imports and that lie in these folders, each once."""
    seen: set[Path] = set()
    for node in ast.walk(module):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for folder in folders:
            for name in names:
                place = folder.joinpath(*name.split(".")).with_suffix(".py")
                if place not in seen and place.is_file() and place.stat().st_size < _MAX_BYTES:
                    seen.add(place)
                    yield place


def _speaks_of_flags(module: ast.Module) -> bool:
    """Tell if a script uses something that is called like a parser; else one in a module that it imports is not for it."""
    names = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(module) if isinstance(node, ast.Attribute)}
    return any(_FLAG_WORD.search(name) for name in names)


def _commands(module: ast.Module) -> tuple[str, Commands]:
    imports = _imported_names(module)
    for style, read in _READERS:
        if style in imports or (style == "click" and "rich_click" in imports):
            found = read(module)
            if found:
                return style, found
    return "argparse", read_argparse(module)


def _demand_no_flags(path: str, module: ast.Module) -> None:
    imports = _imported_names(module)
    library = next((name for name in _UNREADABLE if name in imports), None)
    argv = any(isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.argv" for node in ast.walk(module))
    library = library or next((name for name in ("argparse", *dict(_READERS)) if name in imports), None)
    if library == "transformers" and "HfArgumentParser" not in ast.unparse(module):
        library = None
    if library is None and not argv:
        return
    how = f"leaves its flags to {library}" if library else "reads `sys.argv` itself"
    raise InputError(
        f"`{path}` {how} in a way that its text does not tell",
        code="wrap-unreadable",
        hint="run `traintrack init`, and write the entry as in docs/how-to/adopt-an-existing-repository.md",
    )


def _imported_names(module: ast.Module) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return frozenset(names)


def _no_command(path: str, words: tuple[str, ...], command: str | None) -> UsageError:
    fact = f"`{path}` has no sub-command `{command}`" if command else f"`{path}` has {len(words)} sub-commands"
    listed = ", ".join(f"`{word}`" for word in words[:20])
    return UsageError(
        f"{fact}; there are {listed}", code="wrap-command", hint=f"traintrack init --wrap '{path} {words[0]}'"
    )
