"""Scripts whose flags absl reads: every `DEFINE_…` of a module."""

from __future__ import annotations

import ast

from traintrack.app.wrap_constants import Constants
from traintrack.app.wrap_options import Absent, Form, ScriptOption, one_line
from traintrack.app.wrap_parameters import default_of

_PREFIX = "DEFINE_"
_FORMS = {"list": Form.COMMA, "spaceseplist": Form.VALUE}


def read_absl(module: ast.Module) -> dict[str, tuple[ScriptOption, ...]]:
    """Return the flags of a module under the empty word; empty if it defines none."""
    constants = Constants(module)
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call) and len(node.args) > 1]
    found = []
    for call in sorted(calls, key=lambda node: node.lineno):
        kind = ast.unparse(call.func).rpartition(".")[2]
        name = constants.text(call.args[0])
        if kind.startswith(_PREFIX) and name:
            found.append(_option(kind.removeprefix(_PREFIX), name, call, constants))
    return {"": tuple(found)} if found else {}


def _option(kind: str, name: str, call: ast.Call, constants: Constants) -> ScriptOption:
    default = default_of(call.args[1], constants)
    required = any(k.arg == "required" and ast.unparse(k.value) == "True" for k in call.keywords)
    values = default_of(call.args[2], constants) if kind == "enum" and len(call.args) > 2 else ()
    form = Form.PAIR if kind in ("bool", "boolean") else _FORMS.get(kind, Form.VALUE)
    form = Form.REPEAT if kind.startswith("multi") else form
    flags = (f"--{name}", f"--no{name}") if form is Form.PAIR else (f"--{name}",)
    text = one_line(constants.text(call.args[-1]))
    value = Absent.REQUIRED if required else default
    return ScriptOption(name, form, flags, value, tuple(values) if isinstance(values, list) else (), text)
