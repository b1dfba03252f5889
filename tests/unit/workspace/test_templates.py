"""`use`: fields that several targets share."""

from pathlib import Path

import pytest

from traintrack.errors import InputError, InputErrors
from traintrack.workspace.load import Loader, load_workspace

WORKSPACE = "workspace: p\nimages: {py: {python: '3.11', lock: l}}\n"
BASE = "defaults: {task: x, image: py, commit: HEAD, paths: [src]}\n"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the cache of whoever runs the tests out of them."""
    monkeypatch.delenv("TRAINTRACK_NO_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def load(root: Path, files: dict[str, str]) -> Loader:
    for name, text in {"TTWORKSPACE.yaml": WORKSPACE, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return Loader(load_workspace(root))


def args_of(loader: Loader) -> object:
    return loader.experiment("a").targets["t"].spec.args


def errors_of(loader: Loader) -> list[tuple[str, str]]:
    with pytest.raises(InputError) as caught:
        loader.experiment("a")
    error = caught.value
    return [(e.code, str(e.location)) for e in (error.errors if isinstance(error, InputErrors) else (error,))]


def test_a_template_of_another_experiment_is_used_without_reading_its_targets(tmp_path: Path) -> None:
    lib = "templates: {big: {args: {n: 9}}}\ntargets: {broken: 5}\n"
    loader = load(tmp_path, {"a/TTCONFIG.yaml": BASE + "targets: {t: {use: '//lib:big'}}\n", "lib/TTCONFIG.yaml": lib})

    assert args_of(loader) == {"n": 9}
    assert str(loader.experiment("a").targets["t"].place_of("args", "n")) == "lib/TTCONFIG.yaml:1:29"


def test_templates_apply_left_to_right_over_those_that_they_use(tmp_path: Path) -> None:
    text = BASE + (
        "templates:\n  base: {args: {a: base, b: base, c: base}}\n"
        "  one: {use: base, args: {b: one, c: one}}\n  two: {args: {c: two}}\ntargets: {t: {use: [one, two]}}\n"
    )

    assert args_of(load(tmp_path, {"a/TTCONFIG.yaml": text})) == {"a": "base", "b": "one", "c": "two"}


def test_a_template_may_name_the_task_and_so_its_defaults(tmp_path: Path) -> None:
    text = "defaults: {image: py, commit: HEAD, paths: [src]}\ntemplates: {k: {task: train}}\ntargets: {t: {use: k}}\n"
    workspace = WORKSPACE + "tasks: {train: {args: {epochs: 3}}}\n"

    assert args_of(load(tmp_path, {"TTWORKSPACE.yaml": workspace, "a/TTCONFIG.yaml": text})) == {"epochs": 3}


def test_a_template_can_remove_what_lies_below(tmp_path: Path) -> None:
    lib = "templates: {less: {args: {a: !remove }}}\n"
    text = "defaults: {task: x, image: py, commit: HEAD, paths: [s], args: {a: 1, b: 2}}\ntargets: {t: {use: '//lib:less'}}\n"

    assert args_of(load(tmp_path, {"a/TTCONFIG.yaml": text, "lib/TTCONFIG.yaml": lib})) == {"b": 2}


def test_a_circle_of_templates_is_told(tmp_path: Path) -> None:
    text = BASE + "templates: {a: {use: b}, b: {use: a}}\ntargets: {t: {use: a}}\n"

    assert [code for code, _ in errors_of(load(tmp_path, {"a/TTCONFIG.yaml": text}))] == ["template-cycle"]


def test_unknown_templates_and_packages_are_told_where_they_are_used(tmp_path: Path) -> None:
    text = BASE + "templates: {big: {}}\ntargets:\n  t: {use: [bog, '//gone:x', '//lib:y']}\n"
    found = errors_of(load(tmp_path, {"a/TTCONFIG.yaml": text, "lib/TTCONFIG.yaml": "{"}))

    assert found == [("unknown-template", f"a/TTCONFIG.yaml:4:{column}") for column in (13, 18, 30)]


def test_an_error_in_a_template_is_told_once_at_its_own_place(tmp_path: Path) -> None:
    text = BASE + "targets: {t: {use: '//lib:k'}, u: {use: '//lib:k'}}\n"
    loader = load(tmp_path, {"a/TTCONFIG.yaml": text, "lib/TTCONFIG.yaml": "templates: {k: {agrs: {}}}\n"})

    assert errors_of(loader) == [("unknown-field", "lib/TTCONFIG.yaml:1:17")]


def test_unused_templates_of_the_file_are_checked(tmp_path: Path) -> None:
    text = "templates: {k: {agrs: {}}, l: 5, 'm n': {}}\n"

    assert [code for code, _ in errors_of(load(tmp_path, {"a/TTCONFIG.yaml": text}))] == [
        *("unknown-field", "field-type", "bad-name")
    ]
