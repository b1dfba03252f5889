"""Scripts whose flags follow from functions and dataclasses: typer, fire, tyro, and the parser of transformers."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from traintrack.app.wrap_constants import Constants
from traintrack.app.wrap_options import Absent, Form, ScriptOption, one_line
from traintrack.app.wrap_parameters import (
    Parameter,
    choices_of,
    classes_of,
    default_of,
    fields_of,
    functions_of,
    keyword,
    parameters_of,
    scalar_of,
)

_PATHS = frozenset({"Path", "pathlib.Path", "FilePath", "DirectoryPath"})
_TYPER_KINDS = ("Option", "Argument")
_CONTEXT = frozenset({"typer.Context", "Context"})
_WITH_OUTPUT = ("TrainingArguments", "Seq2SeqTrainingArguments")

Commands = dict[str, tuple[ScriptOption, ...]]
"""The options of each sub-command by its word; of a program with just one command under the empty word."""


def read_typer(module: ast.Module) -> Commands:
    """Return what the commands of a typer program take."""
    constants = Constants(module)
    functions = functions_of(module)
    run = [functions[name] for name in _arguments_of(module, ("typer.run",)) if name in functions]
    if run:
        return {"": _typer_options(run[0], constants)}
    found = {_typer_word(function, constants): function for function in functions.values() if _is_command(function)}
    alone = len(found) == 1 and not any(_is_decorated(function, "callback") for function in functions.values())
    return {"" if alone else word: _typer_options(function, constants) for word, function in found.items()}


def read_fire(module: ast.Module) -> Commands:
    """Return what the function takes that is given to fire."""
    constants = Constants(module)
    functions = functions_of(module)
    names = [name for name in _arguments_of(module, ("fire.Fire", "Fire")) if name in functions]
    return {"": _each(parameters_of(functions[names[0]]), _fire_option, constants)} if names else {}


def read_tyro(module: ast.Module) -> Commands:
    """Return what the function or dataclass takes that is given to tyro."""
    constants, functions, classes = Constants(module), functions_of(module), classes_of(module)
    for name in _arguments_of(module, ("tyro.cli",)):
        if name in functions:
            return {"": tuple(_tyro_options(parameters_of(functions[name]), "", classes, constants))}
        if name in classes:
            return {"": tuple(_tyro_options(fields_of(name, classes), "", classes, constants))}
    return {}


def read_transformers(module: ast.Module) -> Commands:
    """Return what the dataclasses take that are given to `HfArgumentParser`."""
    constants, classes = Constants(module), classes_of(module)
    found: dict[str, ScriptOption] = {}
    for name in _arguments_of(module, ("HfArgumentParser", "transformers.HfArgumentParser")):
        for parameter in fields_of(name, classes):
            found[parameter.name] = _plain_option(parameter, constants)
        bases = [ast.unparse(base) for base in classes[name].bases] if name in classes else [name]
        if any(base.rpartition(".")[2] in _WITH_OUTPUT for base in bases):
            found["output_dir"] = ScriptOption("output_dir", Form.VALUE, ("--output_dir",), Absent.REQUIRED, path=True)
    return {"": tuple(found.values())} if found else {}


def _each(
    parameters: tuple[Parameter, ...], option: Callable[[Parameter, Constants], ScriptOption], constants: Constants
) -> tuple[ScriptOption, ...]:
    return tuple(option(parameter, constants) for parameter in parameters)


def _arguments_of(module: ast.Module, functions: tuple[str, ...]) -> Iterator[str]:
    """Yield the names that are given to calls of a function, also within a tuple or list."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in functions:
            for arg in node.args[:1]:
                yield from (
                    ast.unparse(item) for item in (arg.elts if isinstance(arg, ast.Tuple | ast.List) else [arg])
                )


def _is_command(function: ast.FunctionDef) -> bool:
    return _is_decorated(function, "command")


def _is_decorated(function: ast.FunctionDef, attribute: str) -> bool:
    called = [d.func if isinstance(d, ast.Call) else d for d in function.decorator_list]
    return any(isinstance(node, ast.Attribute) and node.attr == attribute for node in called)


def _typer_word(function: ast.FunctionDef, constants: Constants) -> str:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(".command") and decorator.args:
            return constants.text(decorator.args[0]) or function.name.replace("_", "-")
    return function.name.lower().replace("_", "-")


def _typer_options(function: ast.FunctionDef, constants: Constants) -> tuple[ScriptOption, ...]:
    wanted = [p for p in parameters_of(function) if scalar_of(p.annotation)[0] not in _CONTEXT]
    return tuple(_typer_option(parameter, constants) for parameter in wanted)


def _typer_option(parameter: Parameter, constants: Constants) -> ScriptOption:
    said = next((extra for extra in parameter.extras if _typer_kind(extra)), None)
    default, words = parameter.default, list(said.args) if isinstance(said, ast.Call) else []
    if said is None and _typer_kind(parameter.default):
        said = parameter.default
        assert isinstance(said, ast.Call)
        default, words = (said.args[0] if said.args else keyword(said, ("default",))), said.args[1:]
    value = default_of(default, constants)
    kind, many = scalar_of(parameter.annotation)
    flags = [flag for flag in (constants.text(word) for word in words) if flag and flag.startswith("-")]
    argument = _typer_kind(said) == "Argument" or (said is None and value is Absent.REQUIRED)
    form, given = _typer_form(parameter.name, flags, kind, many=many)
    text = one_line(constants.text(keyword(said, ("help",)))) if isinstance(said, ast.Call) else ""
    return ScriptOption(
        parameter.name,
        Form.POSITIONAL if argument else form,
        () if argument else given,
        value,
        choices_of(parameter.annotation, constants),
        text,
        path=kind in _PATHS,
    )


def _typer_kind(node: ast.expr | None) -> str:
    name = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
    return name if name in _TYPER_KINDS else ""


def _typer_form(name: str, flags: list[str], kind: str, *, many: bool) -> tuple[Form, tuple[str, ...]]:
    plain = f"--{name.replace('_', '-')}"
    flag = next((word for word in flags if word.startswith("--")), flags[0] if flags else plain)
    if kind != "bool":
        return (Form.REPEAT if many else Form.VALUE), (flag,)
    yes, slash, no = (part.strip() for part in flag.partition("/"))
    if slash:
        return Form.PAIR, (yes, no)
    return (Form.SWITCH, (yes,)) if flags else (Form.PAIR, (plain, f"--no-{plain[2:]}"))


def _fire_option(parameter: Parameter, constants: Constants) -> ScriptOption:
    value = default_of(parameter.default, constants)
    kind, _ = scalar_of(parameter.annotation)
    return ScriptOption(parameter.name, Form.LITERAL, (f"--{parameter.name}",), value, path=kind in _PATHS)


def _tyro_options(
    parameters: tuple[Parameter, ...], prefix: str, classes: dict[str, ast.ClassDef], constants: Constants
) -> Iterator[ScriptOption]:
    for parameter in parameters:
        kind, many = scalar_of(parameter.annotation)
        if kind in classes and not prefix and fields_of(kind, classes):
            yield from _tyro_options(fields_of(kind, classes), f"{parameter.name}.", classes, constants)
            continue
        name = prefix + parameter.name
        plain = name.replace("_", "-")
        value = default_of(parameter.default, constants)
        if kind == "bool" and value is not Absent.REQUIRED:
            parent, dot, last = plain.rpartition(".")
            yield ScriptOption(name, Form.PAIR, (f"--{plain}", f"--{parent}{dot}no-{last}"), value)
            continue
        form = Form.LIST if many else Form.VALUE
        choices = choices_of(parameter.annotation, constants)
        yield ScriptOption(name, form, (f"--{plain}",), value, choices, path=kind in _PATHS)


def _plain_option(parameter: Parameter, constants: Constants) -> ScriptOption:
    kind, many = scalar_of(parameter.annotation)
    form = Form.LIST if many else Form.VALUE
    value = default_of(parameter.default, constants)
    choices = choices_of(parameter.annotation, constants)
    return ScriptOption(parameter.name, form, (f"--{parameter.name}",), value, choices, path=kind in _PATHS)
