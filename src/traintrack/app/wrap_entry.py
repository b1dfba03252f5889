"""The text of an entry: a plain program of the user's own that turns the arguments of a target into flags."""

from __future__ import annotations

import json
from collections.abc import Mapping

from msgspec import Struct

from traintrack.app.wrap_options import Form, Script, ScriptOption


class Program(Struct, frozen=True):
    """How Python calls a script: its path, or the name of a module; `imports` are the folders it imports from."""

    path: str
    module: str | None
    imports: tuple[str, ...]


def entry_text(program: Program, script: Script, outputs: Mapping[str, str]) -> str:
    """Return the entry. `outputs` maps options to paths below the output folder."""
    name = program.path.rpartition("/")[2]
    main = _MAIN.format(
        name=name,
        known="(OPTIONS.keys() - OUTPUTS.keys())" if outputs else "OPTIONS.keys()",
        program=_program_text(program, script),
        outputs=_TOLD if outputs else "",
        change="" if outputs else _CHANGE,
    )
    parts = [
        _HEAD.format(name=name, imports=json.dumps(list(program.imports))),
        _options_text(script.options, name),
        _outputs_text(outputs, name),
        _words_text(script.options),
        main,
    ]
    return "".join(parts)


def _options_text(options: tuple[ScriptOption, ...], name: str) -> str:
    if not options:
        return f"\n# {name} takes no flags.\nOPTIONS = {{}}\n"
    rows = [f"    {_quoted(option.name)}: {_row(option)}," for option in options]
    return "\n".join([f"\n# Each argument by name: how {name} takes it.", "OPTIONS = {", *rows, "}", ""])


def _row(option: ScriptOption) -> str:
    words = [_form_of(option), *option.flags]
    return f"({', '.join(_quoted(word) for word in words)}{',' if len(words) == 1 else ''})"


def _form_of(option: ScriptOption) -> str:
    if option.form in (Form.VALUE, Form.TRUTH, Form.COMMA) and not option.flags[0].startswith("--"):
        return "short"
    return option.form.value


def _outputs_text(outputs: Mapping[str, str], name: str) -> str:
    if not outputs:
        return ""
    rows = [f"    {_quoted(option)}: {_quoted(below)}," for option, below in outputs.items()]
    lines = [f"\n# Where {name} writes: paths in the output folder, which is `.`.", "OUTPUTS = {", *rows, "}", ""]
    return "\n".join(lines)


def _words_text(options: tuple[ScriptOption, ...]) -> str:
    used = {_form_of(option) for option in options}
    ways = [_WAYS[form] for form in _WAYS if form in used]
    return _WORDS.replace("WAYS\n", "".join(ways)) if options else "\n"


def _program_text(program: Program, script: Script) -> str:
    start = f'"-m", {_quoted(program.module)}' if program.module else f"os.path.abspath({_quoted(program.path)})"
    return ", ".join([start, *(_quoted(word) for word in script.command)])


def _quoted(text: str) -> str:
    return json.dumps(text)


_HEAD = '''\
"""Runs {name} as a task: turns the arguments of a target into its flags. This file is yours, change it freely."""

import json
import os
import sys

# The folders that it imports from, as if it ran in the repository.
IMPORTS = {imports}
'''

_WORDS = '''

def words(name, form, flags, value):
    """Return the words for one argument."""
WAYS
    sys.exit(f"`{name}` cannot be {value!r}")

'''

# In the order of their tests: whatever is left over at the end is refused.
_WAYS = {
    "positional": """\
    if form == "positional":
        return [str(item) for item in (value if isinstance(value, list) else [value])]
""",
    "switch": """\
    if form == "switch" and isinstance(value, bool):
        return flags if value else []
""",
    "unswitch": """\
    if form == "unswitch" and isinstance(value, bool):
        return [] if value else flags
""",
    "pair": """\
    if form == "pair" and isinstance(value, bool):
        return [flags[0] if value else flags[1]]
""",
    "count": """\
    if form == "count" and isinstance(value, int):
        return flags * value
""",
    "literal": """\
    if form == "literal":
        return [f"{flags[0]}={value!r}"]
""",
    "list": """\
    if form == "list":
        return [flags[0], *(str(item) for item in (value if isinstance(value, list) else [value]))]
""",
    "repeat": """\
    if form == "repeat":
        return [word for item in (value if isinstance(value, list) else [value]) for word in (flags[0], str(item))]
""",
    "comma": """\
    if form == "comma":
        return [f"{flags[0]}={','.join(str(item) for item in value)}" if isinstance(value, list) else f"{flags[0]}={value}"]
""",
    "truth": """\
    if form == "truth":  # its type is `bool`, which takes every text but the empty one for true
        return [f"{flags[0]}={value or ''}"]
""",
    "short": """\
    if form == "short" and not isinstance(value, (list, dict)):
        return [flags[0], str(value)]
""",
    "value": """\
    if form == "value" and not isinstance(value, (list, dict)):
        return [f"{flags[0]}={value}"]
""",
}

_TOLD = """\
    for name, below in OUTPUTS.items():
        config[name] = os.path.normpath(os.path.join(output, below))
        os.makedirs(os.path.dirname(config[name]), exist_ok=True)
"""

_CHANGE = """\
    os.chdir(output)  # it is not told where to write, so its current folder is the output folder
"""

_MAIN = '''
def main(config_path, output):
    """Become {name}, so that its exit code and its log are those of the task."""
    with open(config_path, encoding="utf-8") as stream:
        config = json.load(stream)
    for name in config.keys() - {known}:
        sys.exit(f"{name} takes no argument `{{name}}` from a target; there are {{', '.join(OPTIONS) or 'none'}}")
{outputs}    command, behind = [{program}], []
    for name, (form, *flags) in OPTIONS.items():
        if config.get(name) is not None:  # null is left out: {name} has a default of its own
            (command if flags else behind).extend(words(name, form, flags, config[name]))
    os.environ["PYTHONPATH"] = os.pathsep.join(os.path.abspath(folder) for folder in IMPORTS)
{change}    os.execv(sys.executable, [sys.executable, *command, *(["--", *behind] if behind else [])])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
'''
