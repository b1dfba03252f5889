"""Scripts whose flags click reads: the decorators of each command."""

from __future__ import annotations

import ast

from traintrack.app.wrap_constants import Constants, NotConstantError
from traintrack.app.wrap_options import Absent, Constant, Form, ScriptOption, one_line

_MODULES = frozenset({"click", "rich_click", "cloup"})
_SUFFIXES = ("_command", "_cmd")


def read_click(module: ast.Module) -> dict[str, tuple[ScriptOption, ...]]:
    """Return the options of each sub-command by its word; of a program with just one command under the empty word."""
    constants = Constants(module)
    found: dict[str, tuple[ScriptOption, ...]] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef):
            word = _command_word(node, constants)
            if word is not None:
                found[word] = _options(node, constants)
    return found


def _command_word(function: ast.FunctionDef, constants: Constants) -> str | None:
    for decorator in function.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(called, ast.Name) and called.id == "command":
            return ""
        if isinstance(called, ast.Attribute) and called.attr == "command":
            if ast.unparse(called.value) in _MODULES:
                return ""
            first = decorator.args[0] if isinstance(decorator, ast.Call) and decorator.args else None
            return constants.text(first) or _word_of(function.name)
    return None


def _word_of(function: str) -> str:
    for suffix in _SUFFIXES:
        function = function.removesuffix(suffix)
    return function.lower().replace("_", "-")


def _options(function: ast.FunctionDef, constants: Constants) -> tuple[ScriptOption, ...]:
    found = []
    for decorator in function.decorator_list:
        if not isinstance(decorator, ast.Call):
            continue
        kind = ast.unparse(decorator.func).rpartition(".")[2]
        if kind in ("option", "argument"):
            option = _option(kind, decorator, constants)
            found += [option] if option is not None else []
    return tuple(found)


def _option(kind: str, call: ast.Call, constants: Constants) -> ScriptOption | None:
    words = [constants.text(arg) or "" for arg in call.args]
    if not words or not all(words):
        return None
    given = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    if kind == "argument":
        return _shaped(words[0].lower(), Form.POSITIONAL, (), given, constants)
    flags = [word for word in words if word.startswith("-")]
    long = max(flags, key=lambda flag: (flag.startswith("--"), flag == flags[0]))
    yes, slash, no = (part.strip() for part in long.partition("/"))
    named = [word for word in words if not word.startswith("-")]
    name = (named[0] if named else yes.lstrip("-").replace("-", "_")).lower()
    if slash:
        return _shaped(name, Form.PAIR, (yes, no), given, constants)
    return _shaped(name, _form(given, constants), (yes,), given, constants)


def _form(given: dict[str, ast.expr], constants: Constants) -> Form:
    if _says(given, "is_flag", constants) or "flag_value" in given:
        return Form.SWITCH
    if _says(given, "count", constants):
        return Form.COUNT
    if _says(given, "multiple", constants):
        return Form.REPEAT
    many = "nargs" in given and _value(given["nargs"], constants) not in (1, Absent.OWN)
    return Form.LIST if many else Form.VALUE


def _shaped(
    name: str, form: Form, flags: tuple[str, ...], given: dict[str, ast.expr], constants: Constants
) -> ScriptOption:
    kind = ast.unparse(given["type"]) if "type" in given else ""
    choices = _value(given["type"].args[0], constants) if _is_choice(given) else ()  # type: ignore[attr-defined]
    return ScriptOption(
        name,
        form,
        flags,
        _default(form, given, constants),
        tuple(choices) if isinstance(choices, list) else (),
        one_line(constants.text(given.get("help"))),
        path=any(word in kind for word in ("Path", "File")),
    )


def _is_choice(given: dict[str, ast.expr]) -> bool:
    kind = given.get("type")
    return isinstance(kind, ast.Call) and bool(kind.args) and ast.unparse(kind.func).endswith("Choice")


def _default(form: Form, given: dict[str, ast.expr], constants: Constants) -> Constant | Absent:
    if "default" in given:
        value = _value(given["default"], constants)
        return Absent.OWN if value is None else value
    if form is Form.SWITCH:
        return False
    required = form is Form.POSITIONAL or _says(given, "required", constants)
    many = "nargs" in given and _value(given["nargs"], constants) == -1
    if form is Form.POSITIONAL and (
        many or _value(given.get("required", ast.Constant(value=True)), constants) is False
    ):
        required = False
    return Absent.REQUIRED if required else Absent.OWN


def _says(given: dict[str, ast.expr], name: str, constants: Constants) -> bool:
    return name in given and _value(given[name], constants) is True


def _value(node: ast.expr, constants: Constants) -> Constant | Absent:
    try:
        return constants.value(node)
    except NotConstantError:
        return Absent.OWN
