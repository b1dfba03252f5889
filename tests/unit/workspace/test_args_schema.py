"""Arguments against their JSON Schema."""

import json
from typing import Any

import pytest

from traintrack.errors import InputError
from traintrack.label import Label
from traintrack.workspace.args_schema import check_args
from traintrack.workspace.model import Layer, Target, TargetSpec
from traintrack.workspace.yaml_source import parse_yaml

SCHEMA = {
    "type": "object",
    "properties": {
        "lr": {"type": "number", "exclusiveMinimum": 0},
        "epochs": {"type": "integer"},
        "mode": {"enum": ["fast", "slow"]},
        "model": {"type": "string", "pattern": "^(:|//)"},
        "layers": {"type": "array", "items": {"type": "integer"}},
        "opt": {"type": "object", "required": ["name"], "additionalProperties": False, "properties": {"name": {}}},
    },
    "required": ["lr"],
    "additionalProperties": False,
}


def check(args: str, schema: object = SCHEMA) -> list[InputError]:
    document = parse_yaml(f"targets:\n  t:\n    args: {args}\n".encode(), "a/TTCONFIG.yaml")
    fields = document.value["targets"]["t"]
    layer = Layer("target", fields, ("targets", "t"), document.places)
    target = Target(
        Label("a", "t"), TargetSpec(task="x", args=fields["args"]), (layer,), document.places.key(("targets", "t"))
    )
    data = schema if isinstance(schema, bytes) else json.dumps(schema).encode()
    return check_args(data, "schemas/t.json", fields["args"], target)


def places(errors: list[InputError]) -> list[tuple[str, str]]:
    return [(str(e.location), e.message) for e in errors]


def test_right_arguments_pass_with_references_and_literals_as_strings() -> None:
    assert check('{lr: 1e-4, epochs: 3, mode: fast, model: ":m", layers: [1], opt: {name: x}}') == []
    assert check('{lr: 1, model: !literal ":m"}') == []


@pytest.mark.parametrize(
    ("args", "place", "message"),
    [
        ("{lr: 1, epochs: ten}", "a/TTCONFIG.yaml:3:27", "`args.epochs` must be of type `integer`, got `ten`"),
        ("{lr: 0}", "a/TTCONFIG.yaml:3:16", "`args.lr` must be above 0, got `0`"),
        ("{lr: 1, mode: fest}", "a/TTCONFIG.yaml:3:25", "`args.mode` cannot be `fest`"),
        ("{lr: 1, epoch: 3}", "a/TTCONFIG.yaml:3:26", "unknown argument `epoch`"),
        ("{lr: 1, layers: [1, x]}", "a/TTCONFIG.yaml:3:31", "`args.layers[1]` must be of type `integer`, got `x`"),
        ("{lr: 1, opt: {}}", "a/TTCONFIG.yaml:3:24", "`args.opt` has no `name`"),
        ("{epochs: 1}", "a/TTCONFIG.yaml:3:11", "`args` has no `lr`"),
        ('{lr: 1, model: "m"}', "a/TTCONFIG.yaml:3:26", "`args.model` breaks `pattern` of its schema"),
    ],
)
def test_a_wrong_argument_is_told_at_its_place(args: str, place: str, message: str) -> None:
    errors = check(args)

    assert places(errors) == [(place, message)]
    assert all(e.hint for e in errors)


def test_several_errors_come_at_once() -> None:
    assert len(check("{epochs: x, mode: y, zzz: 1, yyy: 2}")) == 5


@pytest.mark.parametrize(
    ("schema", "line"),
    [
        (b"{\n  'a': 1}", 2),
        (b"\xff", 1),
        (b'{"type": "nonsense"}', 1),
        (b"[" * 100_000, 1),
        (b'{"$ref": "#"}', 1),
        (b'{"$ref": "https://example.com/other.json"}', 1),
        (b'{"$ref": "#/$defs/gone"}', 1),
        (b'{"properties": {"lr": {"pattern": "("}}}', 1),
        (b"5", 1),
        (b'{"properties": {"lr": {"multipleOf": 0}}}', 1),
    ],
)
def test_a_wrong_schema_is_one_error_at_the_schema(schema: bytes, line: int) -> None:
    (error,) = check('{lr: "x"}', schema)

    assert error.location is not None
    assert (error.code, error.location.path, error.location.line) == ("args-schema", "schemas/t.json", line)


def test_nothing_is_fetched_for_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("fetched")

    monkeypatch.setattr("urllib.request.urlopen", refuse)

    assert len(check("{}", b'{"$ref": "http://localhost:1/x.json"}')) == 1


def test_the_false_schema_refuses_everything() -> None:
    assert len(check("{lr: 1}", b"false")) == 1
