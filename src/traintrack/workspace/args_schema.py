"""`args_schema`: arguments checked against a JSON Schema (2020-12) before anything runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from traintrack.errors import InputError, Location
from traintrack.workspace.findings import described, dotted, shown
from traintrack.workspace.model import Literal, Target
from traintrack.workspace.suggest import did_you_mean, one_of

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError

_MAX_ERRORS: Final = 20
"""A target's arguments are told in at most so many errors."""


def check_args(schema: bytes, schema_path: str, args: Mapping[str, Any], target: Target) -> list[InputError]:
    """Return what is wrong with the arguments of a target, each at the argument that is; empty if nothing is.

    `schema` is the file at the target's commit, `schema_path` its path for messages. References count as the
    strings that they are, `Literal` as its text. An error of the schema itself is one error at `schema_path`.
    """
    checked = _validator(schema, schema_path)
    if isinstance(checked, InputError):
        return [checked]
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - as late as the validator

    found: list[InputError] = []
    try:
        for error in checked.iter_errors(_plain(args)):
            found += _errors(error, target)
            if len(found) >= _MAX_ERRORS:
                break
    except Unresolvable as error:
        message = f"the schema refers to `{shown(str(error.ref))}`, which is not in it"
        return [_schema_error(message, schema_path, 1, 1, "put it below `$defs`: nothing is fetched")]
    except (RecursionError, ArithmeticError, ValueError, TypeError) as error:
        message = f"the schema cannot be applied: {shown(str(error))}"
        return [_schema_error(message, schema_path, 1, 1, "check `$ref`, `pattern` and `multipleOf` in it")]
    return found


@lru_cache(maxsize=64)
def _validator(schema: bytes, schema_path: str) -> Draft202012Validator | InputError:
    try:
        value = json.loads(schema)
    except json.JSONDecodeError as error:
        hint = "write the schema as JSON"
        return _schema_error(f"not JSON: {error.msg.lower()}", schema_path, error.lineno, error.colno, hint)
    except (UnicodeDecodeError, RecursionError):
        return _schema_error("not JSON in UTF-8", schema_path, 1, 1, "write the schema as JSON")
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415 - 80 ms that most commands need not pay
    from referencing import Registry  # noqa: PLC0415

    try:
        Draft202012Validator.check_schema(value)
    except SchemaError as error:
        where = f" at `{dotted(tuple(error.absolute_path))}`" if error.absolute_path else ""
        message = f"not a JSON Schema{where}: {shown(error.message)}"
        return _schema_error(message, schema_path, 1, 1, "see https://json-schema.org/draft/2020-12")
    except RecursionError:
        return _schema_error("the schema is nested too deep", schema_path, 1, 1, "flatten it")
    return Draft202012Validator(value, registry=Registry())


def _schema_error(message: str, path: str, line: int, column: int, hint: str) -> InputError:
    return InputError(message, code="args-schema", location=Location(path, line, column), hint=hint)


def _plain(value: Any) -> Any:
    if isinstance(value, Literal):
        return value.text
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _errors(error: ValidationError, target: Target) -> Iterator[InputError]:
    """One or more errors of ours for one of the validator's."""
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = list(error.schema.get("properties", {})) if isinstance(error.schema, dict) else []
        extra = [key for key in error.instance if key not in known] if error.validator_value is False else []
        for key in extra:
            otherwise = one_of(known) if known else "remove it"
            yield _at(target, (*path, key), f"unknown argument `{shown(key)}`", did_you_mean(key, known, otherwise))
        if extra:
            return
    if error.validator == "required" and isinstance(error.instance, dict):
        required: Any = error.validator_value
        for key in required:
            if key not in error.instance and f"{key!r} is" in error.message:
                name = dotted(("args", *path))
                yield _at(target, path, f"`{name}` has no `{shown(key)}`", f"add `{shown(key)}: …`")
        return
    message, hint = _words(error, dotted(("args", *path)))
    yield _at(target, path, message, hint)


def _words(error: ValidationError, name: str) -> tuple[str, str]:
    wanted: Any = error.validator_value
    got = described(error.instance)
    if error.validator == "type":
        kinds = " or ".join(f"`{kind}`" for kind in ([wanted] if isinstance(wanted, str) else wanted))
        return f"`{name}` must be of type {kinds}, got {got}", "see `args_schema` of the task"
    if error.validator == "enum":
        words = [str(word) for word in wanted]
        return f"`{name}` cannot be {got}", did_you_mean(str(error.instance), words, one_of(words))
    if error.validator in _LIMITS:
        return f"`{name}` must be {_LIMITS[str(error.validator)]} {wanted}, got {got}", "see `args_schema` of the task"
    return f"`{name}` breaks `{error.validator}` of its schema", shown(error.message)


_LIMITS: Final = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "above",
    "exclusiveMaximum": "below",
    "multipleOf": "a multiple of",
    "const": "equal to",
}


def _at(target: Target, path: tuple[str | int, ...], message: str, hint: str) -> InputError:
    if target.axes:
        message = f"{message} (in `{target.label.name}`)"
    return InputError(message, code="args-schema", location=target.place_of("args", *path), hint=hint)
