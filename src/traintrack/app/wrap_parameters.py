"""Parameters of functions and fields of dataclasses: name, type and default, as libraries make flags of them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from msgspec import Struct

from traintrack.app.wrap_constants import Constants, NotConstantError
from traintrack.app.wrap_options import Absent, Constant

_OPTIONAL = ("Optional", "typing.Optional")
_LITERAL = ("Literal", "typing.Literal")
_ANNOTATED = ("Annotated", "typing.Annotated")
_LISTS = ("list", "List", "typing.List", "tuple", "Tuple", "typing.Tuple", "Sequence", "set")


class Parameter(Struct, frozen=True):
    """One of them. `annotation` and `default` are None where there is none; `extras` are those of `Annotated`."""

    name: str
    annotation: ast.expr | None
    default: ast.expr | None
    extras: tuple[ast.expr, ...] = ()


def functions_of(module: ast.Module) -> dict[str, ast.FunctionDef]:
    """The functions of a module by name."""
    return {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}


def classes_of(module: ast.Module) -> dict[str, ast.ClassDef]:
    """The classes of a module by name."""
    return {node.name: node for node in module.body if isinstance(node, ast.ClassDef)}


def parameters_of(function: ast.FunctionDef) -> tuple[Parameter, ...]:
    """Return what a function takes by name, in order."""
    named = function.args.args + function.args.kwonlyargs
    nothing: list[ast.expr | None] = [None]
    before = nothing * (len(function.args.args) - len(function.args.defaults))
    defaults = [*before, *function.args.defaults, *function.args.kw_defaults]
    return tuple(_parameter(arg.arg, arg.annotation, default) for arg, default in zip(named, defaults, strict=True))


def fields_of(name: str, classes: dict[str, ast.ClassDef]) -> tuple[Parameter, ...]:
    """Return the fields of a dataclass, those of its base classes first; classes from elsewhere have none."""
    fields: dict[str, Parameter] = {}
    for parameter in _own_fields(name, classes, frozenset()):
        fields[parameter.name] = parameter
    return tuple(fields.values())


def scalar_of(annotation: ast.expr | None) -> tuple[str, bool]:
    """Return the name of a type without `Optional`, and whether it is a list of that."""
    node = _inner(annotation)
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) in _LISTS:
        item = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
        return scalar_of(item)[0], True
    name = ast.unparse(node) if node is not None else ""
    return name, name in _LISTS


def choices_of(annotation: ast.expr | None, constants: Constants) -> tuple[Constant, ...]:
    """Return the values of a `Literal`; empty for any other type."""
    node = _inner(annotation)
    if not isinstance(node, ast.Subscript) or ast.unparse(node.value) not in _LITERAL:
        return ()
    values = default_of(node.slice, constants)
    if isinstance(values, Absent):
        return ()
    return tuple(values) if isinstance(values, list) else (values,)


def default_of(node: ast.expr | None, constants: Constants) -> Constant | Absent:
    """Return a default: required where there is none or `...`, the script's own where it is None or not in the text."""
    if node is None or (isinstance(node, ast.Constant) and node.value is ...):
        return Absent.REQUIRED
    try:
        value = constants.value(node)
    except NotConstantError:
        return Absent.OWN
    return Absent.OWN if value is None else value


def keyword(call: ast.Call, names: Iterable[str]) -> ast.expr | None:
    """Return the first of these keyword arguments that a call has."""
    given = {item.arg: item.value for item in call.keywords}
    return next((given[name] for name in names if name in given), None)


def _parameter(name: str, annotation: ast.expr | None, default: ast.expr | None) -> Parameter:
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) in _ANNOTATED:
        parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        return Parameter(name, parts[0], default, tuple(parts[1:]))
    return Parameter(name, annotation, default)


def _own_fields(name: str, classes: dict[str, ast.ClassDef], seen: frozenset[str]) -> Iterator[Parameter]:
    if name not in classes or name in seen:
        return
    for base in classes[name].bases:
        yield from _own_fields(ast.unparse(base), classes, seen | {name})
    for statement in classes[name].body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=field), annotation=annotation, value=default):
                if "ClassVar" not in ast.unparse(annotation):
                    yield _parameter(field, annotation, _field_default(default))


def _field_default(node: ast.expr | None) -> ast.expr | None:
    if not isinstance(node, ast.Call) or not ast.unparse(node.func).endswith(("field", "Field")):
        return node
    plain = keyword(node, ("default",))
    factory = keyword(node, ("default_factory",))
    if plain is None and isinstance(factory, ast.Lambda):
        return factory.body
    if plain is None and isinstance(factory, ast.Name) and factory.id == "list":
        return ast.List(elts=[], ctx=ast.Load())
    return plain if plain is not None or factory is None else factory


def _inner(annotation: ast.expr | None) -> ast.expr | None:
    """Strip `Optional[…]` and `… | None`, and read a type that is written as text."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return None
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) in _OPTIONAL:
        return _inner(annotation.slice)
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        sides = (annotation.left, annotation.right)
        return _inner(next((s for s in sides if not (isinstance(s, ast.Constant) and s.value is None)), None))
    return annotation
