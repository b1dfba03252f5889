"""Scripts whose flags argparse reads: every `add_argument` of a module, in order."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from traintrack.app.wrap_constants import Constants, NotConstantError
from traintrack.app.wrap_options import Absent, Constant, Form, ScriptOption, one_line

_GROUPS = frozenset({"add_argument_group", "add_mutually_exclusive_group"})
_ACTIONS = {
    "store_true": Form.SWITCH,
    "store_false": Form.UNSWITCH,
    "append": Form.REPEAT,
    "extend": Form.LIST,
    "count": Form.COUNT,
    "BooleanOptionalAction": Form.PAIR,
}
_IGNORED = frozenset({"help", "version"})
_LISTS = frozenset({"+", "*"})
_PATHS = frozenset({"Path", "pathlib.Path", "FileType", "argparse.FileType"})


def read_argparse(module: ast.Module) -> dict[str, tuple[ScriptOption, ...]]:
    """Return the options of each sub-command by its word, those of the program itself under the empty one."""
    reader = _Reader(Constants(module))
    for node in _in_order(module):
        reader.see(node)
    return {owner: _merged(options) for owner, options in reader.found.items()}


class _Reader:
    """Follows names of parsers and groups down the text: which sub-command they belong to."""

    def __init__(self, constants: Constants) -> None:
        self.found: dict[str, list[ScriptOption]] = {}
        self._constants = constants
        self._owners: dict[str, str] = {}
        self._exclusive: set[str] = set()

    def see(self, node: ast.Assign | ast.Call) -> None:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Attribute() as called) as call):
                self._assigned(name, called, call)
            case ast.Call(func=ast.Attribute(attr="add_parser"), args=[word, *_]):
                self.found.setdefault(self._constants.text(word) or "", [])
            case ast.Call(func=ast.Attribute(attr="add_argument", value=ast.Name(id=parser))):
                option = _option(node, self._constants)
                if option is not None:
                    kept = _unset(option) if parser in self._exclusive else option
                    self.found.setdefault(self._owners.get(parser, ""), []).append(kept)
            case _:
                pass

    def _assigned(self, name: str, called: ast.Attribute, call: ast.Call) -> None:
        self._exclusive.discard(name)
        if called.attr == "add_parser" and call.args:
            self._owners[name] = self._constants.text(call.args[0]) or ""
        elif called.attr in _GROUPS and isinstance(called.value, ast.Name):
            self._owners[name] = self._owners.get(called.value.id, "")
            if called.attr == "add_mutually_exclusive_group":
                self._exclusive.add(name)
        else:
            self._owners.pop(name, None)


def _in_order(module: ast.Module) -> Iterator[ast.Assign | ast.Call]:
    """Yield assignments and calls from top to bottom; an assignment before the call that it holds."""
    found = [node for node in ast.walk(module) if isinstance(node, ast.Assign | ast.Call)]
    yield from sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _option(call: ast.Call, constants: Constants) -> ScriptOption | None:
    flags = [constants.text(arg) or "" for arg in call.args]
    if not flags or not all(flags):
        return None
    given = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    action = _action(given.get("action"), constants)
    if action in _IGNORED:
        return None
    positional = not flags[0].startswith("-")
    flag = next((word for word in flags if word.startswith("--")), flags[0])
    name = constants.text(given.get("dest")) or flag.lstrip("-").replace("-", "_")
    form = Form.POSITIONAL if positional else _form(action, given, constants)
    return ScriptOption(
        name,
        form,
        () if positional else _flags(flag, form),
        _default(form, given, constants),
        _choices(given.get("choices"), constants),
        one_line(constants.text(given.get("help"))),
        path=_type(given) in _PATHS,
    )


def _action(node: ast.expr | None, constants: Constants) -> str:
    if isinstance(node, ast.Attribute | ast.Name):
        return ast.unparse(node).rpartition(".")[2]
    return constants.text(node) or ""


def _type(given: dict[str, ast.expr]) -> str:
    node = given.get("type")
    return ast.unparse(node.func if isinstance(node, ast.Call) else node) if node is not None else ""


def _form(action: str, given: dict[str, ast.expr], constants: Constants) -> Form:
    if action == "store_const":
        return Form.SWITCH
    if action in _ACTIONS:
        return _ACTIONS[action]
    if "nargs" in given and _is_list(given["nargs"], constants):
        return Form.LIST
    return Form.TRUTH if _type(given) == "bool" else Form.VALUE


def _is_list(node: ast.expr, constants: Constants) -> bool:
    try:
        value = constants.value(node)
    except NotConstantError:
        return False
    return isinstance(value, int) or value in _LISTS


def _flags(flag: str, form: Form) -> tuple[str, ...]:
    if form is Form.PAIR and flag.startswith("--"):
        return (flag, f"--no-{flag.removeprefix('--')}")
    return (flag,)


def _default(form: Form, given: dict[str, ast.expr], constants: Constants) -> Constant | Absent:
    if "default" in given:
        try:
            value = _converted(constants.value(given["default"]), _type(given))
        except NotConstantError:
            return Absent.OWN
        return Absent.OWN if value is None else value
    if form is Form.SWITCH:
        return False
    if form is Form.UNSWITCH:
        return True
    optional = constants.text(given.get("nargs")) in ("?", "*")
    required = (form is Form.POSITIONAL and not optional) or _is_true(given.get("required"))
    return Absent.REQUIRED if required else Absent.OWN


def _converted(value: Constant, kind: str) -> Constant:
    """Do what argparse does: convert a default that is a text."""
    if isinstance(value, str) and kind in ("int", "float"):
        try:
            return int(value) if kind == "int" else float(value)
        except ValueError as error:
            raise NotConstantError from error
    return float(value) if kind == "float" and type(value) is int else value


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _choices(node: ast.expr | None, constants: Constants) -> tuple[Constant, ...]:
    try:
        value = None if node is None else constants.value(node)
    except NotConstantError:
        return ()
    return tuple(value) if isinstance(value, list) else ()


def _unset(option: ScriptOption) -> ScriptOption:
    """Of options that exclude each other none is given: also a default counts as a choice."""
    if option.form in (Form.SWITCH, Form.UNSWITCH):
        return option
    return ScriptOption(
        option.name, option.form, option.flags, Absent.OWN, option.choices, option.help, path=option.path
    )


def _merged(options: list[ScriptOption]) -> tuple[ScriptOption, ...]:
    """One option per name; `--x` and `--no-x` that write the same name are a pair."""
    kept: dict[str, ScriptOption] = {}
    for option in options:
        first = kept.get(option.name)
        if first is None:
            kept[option.name] = option
        elif {first.form, option.form} == {Form.SWITCH, Form.UNSWITCH}:
            yes, no = (first, option) if first.form is Form.SWITCH else (option, first)
            kept[option.name] = ScriptOption(
                option.name, Form.PAIR, (*yes.flags, *no.flags), first.default, help=yes.help or no.help
            )
    return tuple(kept.values())
