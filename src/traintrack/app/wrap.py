"""`init --wrap`: a script of the user's as a target, by an entry that turns arguments into its flags."""

from __future__ import annotations

import ast
import contextlib
import os
import posixpath
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from traintrack.app.adopt_code import FoundCode, import_folder
from traintrack.app.wrap_entry import Program, entry_text
from traintrack.app.wrap_options import Script
from traintrack.app.wrap_outputs import choose_outputs
from traintrack.app.wrap_read import local_imports, parse, read_script
from traintrack.app.wrap_target import Source, WrappedArgs, wrapped_args
from traintrack.errors import InputError, UsageError

_MAX_WORDS = 2


class Wrapped(Struct, frozen=True):
    """A script with its entry: `name` is that of the experiment and target, `paths` the code that it needs.

    `args` are the lines below the target's name; `sources` are data in the repository that the script reads by default.
    """

    path: str
    name: str
    entry: str
    text: str
    paths: tuple[str, ...]
    imports: tuple[str, ...]
    style: str
    outputs: dict[str, str]
    args: WrappedArgs

    @property
    def sources(self) -> tuple[Source, ...]:
        """External data of the target."""
        return self.args.sources


def wrap(root: str, words: str, code: FoundCode) -> Wrapped:
    """Read a script, `train.py` or `main.py train` with a sub-command, and return its entry and target.

    Raises:
        InputError: it is not there, or its text does not tell which flags it takes.
        UsageError: these are no words for a script, or it needs the word of a sub-command.
    """
    path, command = _script_and_command(root, words, code)
    module = parse(path, Path(root, path).read_bytes())
    folder = import_folder(root, path)
    imports = tuple(dict.fromkeys((*code.imports, folder)))
    places = tuple(Path(root, place) for place in dict.fromkeys((folder, posixpath.dirname(path) or ".", *imports)))
    local = _parsed(root, local_imports(module, places))
    script = read_script(path, module, local, command)
    outputs = choose_outputs(script.options).places
    name = _name(path, command)
    entry = posixpath.normpath(f"{folder}/{name}_task.py")
    top = path.partition("/")[0]
    paths = tuple(dict.fromkeys((*code.paths, top, *([entry] if folder == "." else []))))
    return Wrapped(
        path,
        name,
        entry,
        entry_text(_program(path, folder, imports), script, outputs),
        paths,
        imports,
        script.style,
        outputs,
        wrapped_args(root, _without(script, outputs), paths, name),
    )


def _parsed(root: str, places: Iterable[Path]) -> dict[str, ast.Module]:
    """The modules that can be read; one that cannot is no reason to refuse the script."""
    found = {}
    for place in places:
        path = os.path.relpath(place, root)
        with contextlib.suppress(InputError):
            found[path] = parse(path, place.read_bytes())
    return found


def _script_and_command(root: str, words: str, code: FoundCode) -> tuple[str, str | None]:
    try:
        split = shlex.split(words)
    except ValueError:
        split = []
    if not 0 < len(split) <= _MAX_WORDS or not split[0].endswith(".py"):
        raise UsageError(
            f"`{words}` names no script",
            code="usage",
            hint="traintrack init --wrap train.py, or --wrap 'main.py train'",
        )
    path = os.path.relpath(os.path.join(root, split[0]), root)
    if path.startswith(".."):
        raise InputError(
            f"`{split[0]}` lies outside of the workspace",
            code="bad-path",
            hint="run `traintrack init --wrap` in the folder that holds all of the code",
        )
    if not os.path.isfile(f"{root}/{path}"):
        near = ", ".join(f"`{name}`" for name in code.scripts[:8]) or "none"
        raise InputError(f"there is no script `{split[0]}`", code="no-script", hint=f"scripts found here: {near}")
    return path, split[1] if len(split) == _MAX_WORDS else None


def _name(path: str, command: str | None) -> str:
    stem = posixpath.basename(path).removesuffix(".py")
    if stem == "__main__":
        stem = posixpath.basename(posixpath.dirname(path)) or "main"
    plain = re.sub(r"\W+", "_", f"{stem}_{command}" if command else stem, flags=re.ASCII).strip("_")
    return plain if not plain[:1].isdigit() else f"run_{plain}"


def _program(path: str, folder: str, imports: tuple[str, ...]) -> Program:
    if posixpath.dirname(path) in ("", folder):
        return Program(path, None, imports)
    below = path if folder == "." else path[len(folder) + 1 :]
    return Program(path, below.removesuffix(".py").removesuffix("/__main__").replace("/", "."), imports)


def _without(script: Script, outputs: dict[str, str]) -> Script:
    return Script(script.style, tuple(o for o in script.options if o.name not in outputs), script.command)
