"""Values that stand in the text of a script: literals, and what simply follows from them. Nothing is executed."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from traintrack.app.wrap_options import Constant

_MAX_POWER = 64
_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
}


class NotConstantError(ValueError):
    """A value does not stand in the text."""


class Constants:
    """The named constants of a module, and those of its classes as `Class.name`."""

    def __init__(self, module: ast.Module) -> None:
        self._named: dict[str, Constant] = {}
        self._note(module.body, "")
        for statement in module.body:
            if isinstance(statement, ast.ClassDef):
                self._note(statement.body, f"{statement.name}.")

    def value(self, node: ast.expr) -> Constant:
        """Return the value of an expression; a tuple is a list, a path its text.

        Raises:
            NotConstantError: it takes more than the text to know it, or it is no value of JSON.
        """
        match node:
            case ast.Constant(value=bool() | int() | float() | str() | None):
                return _finite(node.value)
            case ast.Name() | ast.Attribute():
                return self._of_name(node)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [self.value(item) for item in items]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _finite(-self._number(operand))
            case ast.BinOp(left=left, op=op, right=right):
                return self._combined(left, op, right)
            case ast.Call(func=func, args=args, keywords=[]):
                return self._called(ast.unparse(func), args)
        raise NotConstantError

    def text(self, node: ast.expr | None) -> str | None:
        """Return a text, None if there is none or it is something else."""
        try:
            value = None if node is None else self.value(node)
        except NotConstantError:
            return None
        return value if isinstance(value, str) else None

    def _note(self, body: list[ast.stmt], prefix: str) -> None:
        for statement in body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=expression):
                    pass
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as expression):
                    pass
                case _:
                    continue
            try:
                self._named[prefix + name] = self.value(expression)
            except NotConstantError:
                self._named.pop(prefix + name, None)

    def _of_name(self, node: ast.Name | ast.Attribute) -> Constant:
        name = ast.unparse(node).removesuffix(".value")
        if name not in self._named:
            raise NotConstantError
        return self._named[name]

    def _number(self, node: ast.expr) -> int | float:
        value = self.value(node)
        if isinstance(value, int | float):
            return value
        raise NotConstantError

    def _combined(self, left: ast.expr, op: ast.operator, right: ast.expr) -> Constant:
        if isinstance(op, ast.Div) and _is_path(left):
            return self._joined([left, right])
        if isinstance(op, ast.Add) and isinstance(self.value(left), str):
            return f"{self.value(left)}{self._text(right)}"
        one, other = self._number(left), self._number(right)
        # A power without bound could fill the memory of who only wanted to look.
        if type(op) not in _BINARY or (isinstance(op, ast.Pow) and abs(other) > _MAX_POWER):
            raise NotConstantError
        try:
            result = _BINARY[type(op)](one, other)
        except ArithmeticError as error:
            raise NotConstantError from error
        return _finite(result)

    def _called(self, function: str, args: list[ast.expr]) -> Constant:
        if function in ("os.path.join", "Path", "pathlib.Path") and args:
            return self._joined(args)
        if function == "str" and len(args) == 1:
            return self._text(args[0])
        raise NotConstantError

    def _joined(self, parts: list[ast.expr]) -> str:
        texts = [self._text(part) for part in parts]
        return "/".join([*(text.rstrip("/") for text in texts[:-1]), texts[-1]])

    def _text(self, node: ast.expr) -> str:
        value = self.value(node)
        if isinstance(value, str):
            return value
        raise NotConstantError


def _is_path(node: ast.expr) -> bool:
    while isinstance(node, ast.BinOp):
        node = node.left
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("Path", "pathlib.Path")


def _finite(value: Any) -> Constant:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124
        raise NotConstantError
    if isinstance(value, complex) or (isinstance(value, int) and value.bit_length() > 1024):
        raise NotConstantError
    return value  # type: ignore[no-any-return]
