"""Profiles: the same targets under other layers."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from traintrack.errors import InputError, InputErrors
from traintrack.label import parse_pattern
from traintrack.workspace.load import Loader, load_workspace
from traintrack.workspace.model import Layer, Profile, Target
from traintrack.workspace.profiles import profile_layers
from traintrack.workspace.sets import CommandLinePlaces, parse_set

WORKSPACE = """\
workspace: p
images: {py: {python: '3.11', lock: l}}
tasks: {train: {args: {epochs: 100, who: tasks}}}
"""
BASE = "defaults: {task: train, image: py, commit: HEAD, paths: [src]}\n"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the cache of whoever runs the tests out of them."""
    monkeypatch.delenv("TRAINTRACK_NO_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def load(root: Path, experiment: str, workspace: str = "", profile: str | None = "smoke", *sets: str) -> Loader:
    (root / "a").mkdir(parents=True, exist_ok=True)
    (root / "TTWORKSPACE.yaml").write_text(WORKSPACE + workspace)
    (root / "a/TTCONFIG.yaml").write_text(BASE + experiment)
    return Loader(load_workspace(root), sets=[parse_set(text) for text in sets], profile=profile)


def target(loader: Loader, name: str = "t") -> Target:
    return loader.experiment("a").targets[name]


def errors_of(root: Path, experiment: str, workspace: str = "", profile: str | None = None) -> list[InputError]:
    with pytest.raises(InputError) as caught:
        load(root, experiment, workspace, profile).experiment("a")
    error = caught.value
    return list(error.errors if isinstance(error, InputErrors) else (error,))


def test_without_its_name_a_profile_changes_nothing(tmp_path: Path) -> None:
    section = "profiles: {smoke: {defaults: {args: {epochs: 1}}}}\n"
    plain = load(tmp_path, "targets: {t: {}}\n", section, None)

    assert target(plain).spec.args == {"epochs": 100, "who": "tasks"}
    assert plain.is_plain
    assert not load(tmp_path, "targets: {t: {}}\n", section).is_plain


def test_the_layers_of_a_profile_lie_in_one_order_and_the_last_wins(tmp_path: Path) -> None:
    workspace = (
        "profiles:\n  smoke:\n    defaults: {args: {a: 1, b: 1, c: 1, d: 1, e: 1, f: 1}}\n"
        "    tasks: {train: {args: {b: 2, c: 2, d: 2, e: 2, f: 2}}}\n"
    )
    experiment = (
        "targets: {t: {args: {a: 0, b: 0, c: 0, d: 0, e: 0, f: 0, g: 0}}}\n"
        "profiles:\n  smoke:\n    targets: {t: {args: {e: 5, f: 5}}}\n"
        "    tasks: {train: {args: {d: 4, e: 4, f: 4}}}\n    defaults: {args: {c: 3, d: 3, e: 3, f: 3}}\n"
    )
    found = target(load(tmp_path, experiment, workspace, "smoke", "args.f=6"))
    ours = {key: value for key, value in found.spec.args.items() if len(key) == 1}

    assert ours == {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "g": 0}
    assert [found.origin_of("args", key) for key in "abcdefg"] == [
        "profiles.smoke.defaults",
        "profiles.smoke.tasks.train",
        "profiles.smoke.defaults",
        "profiles.smoke.tasks.train",
        "profiles.smoke.targets.t",
        "--set",
        "target",
    ]
    assert str(found.place_of("args", "a")) == "TTWORKSPACE.yaml:6:26"
    assert str(found.place_of("args", "e")) == "a/TTCONFIG.yaml:5:29"


def test_an_experiment_without_the_profile_gets_that_of_the_workspace(tmp_path: Path) -> None:
    found = target(load(tmp_path, "targets: {t: {}}\n", "profiles: {smoke: {tasks: {train: {args: {epochs: 1}}}}}\n"))

    assert found.spec.args == {"epochs": 1, "who": "tasks"}


def test_the_task_that_counts_is_the_one_below_the_profile(tmp_path: Path) -> None:
    workspace = "profiles: {smoke: {tasks: {train: {args: {small: 1}}, fake: {args: {fake: 1}}}}}\n"
    experiment = "targets: {t: {}, u: {task: fake}}\nprofiles: {smoke: {targets: {t: {task: fake}}}}\n"
    loader = load(tmp_path, experiment, workspace)

    assert (target(loader).spec.task, target(loader).spec.args) == ("fake", {"epochs": 100, "who": "tasks", "small": 1})
    assert target(loader, "u").spec.args == {"fake": 1}


def test_sources_have_layers_by_their_name_only(tmp_path: Path) -> None:
    experiment = (
        "targets: {t: {}, raw: {source: data/full, task: !remove }}\n"
        "profiles: {smoke: {defaults: {resources: {gpu: 0}}, targets: {raw: {source: data/small}}}}\n"
    )
    loader = load(tmp_path, experiment)

    assert target(loader, "raw").spec.source == "data/small"
    assert target(loader, "raw").spec.resources == {}
    assert target(loader).spec.resources == {"gpu": 0}


def test_a_profile_takes_fields_away(tmp_path: Path) -> None:
    experiment = "targets: {t: {args: {big: 1}}}\nprofiles: {smoke: {targets: {t: {args: {big: !remove }}}}}\n"

    assert target(load(tmp_path, experiment)).spec.args == {"epochs": 100, "who": "tasks"}


@pytest.mark.parametrize(
    ("section", "code", "word", "hint"),
    [
        ("smoke: {defaults: {argz: {}}}", "unknown-field", "argz", "did you mean `args`?"),
        ("smoke: {defualts: {}}", "unknown-field", "defualts", "did you mean `defaults`?"),
        ("smoke: {args: {lr: 1}}", "misplaced-field", "args", "write it below `defaults`, `tasks` or `targets`"),
        ("smoke: {targets: {tt: {args: {}}}}", "unknown-target", "tt", "did you mean `t`?"),
        ("smoke: {targets: {other: {args: {}}}}", "unknown-target", "other", "known are `t`"),
        ("smoke: {defaults: {use: big}}", "misplaced-field", "use", "write the fields out"),
        ("smoke: {tasks: {train: {task: x}}}", "misplaced-field", "task:", "the key above it names the task"),
        ("smoke: {defaults: {source: x}}", "misplaced-field", "source", "below `targets` of a profile"),
        ("smoke: {targets: {t: {use: x}}}", "misplaced-field", "use", "write the fields out"),
        ("smoke: {targets: {t: {network: 1}}}", "field-type", "1", "knows no `yes`"),
        ("smoke: {tasks: [train]}", "field-type", "[train]", "write `key: value`"),
        ("smoke: 5", "field-type", "5", "write `key: value`"),
        ("'a b': {}", "bad-name", "'a b'", "names are of"),
        ("smoke: {description: {}}", "field-type", "{}}", "quotes"),
    ],
)
@pytest.mark.parametrize("profile", [None, "smoke"])
def test_what_is_wrong_with_a_profile_is_told_at_its_place_asked_for_or_not(
    tmp_path: Path, section: str, code: str, word: str, hint: str, profile: str | None
) -> None:
    [error] = errors_of(tmp_path, f"targets: {{t: {{}}}}\nprofiles: {{{section}}}\n", profile=profile)

    assert (error.code, error.location and error.location.path) == (code, "a/TTCONFIG.yaml")
    assert error.location is not None
    line = (tmp_path / "a/TTCONFIG.yaml").read_text().splitlines()[error.location.line - 1]
    assert line[error.location.column - 1 :].startswith(word)
    assert hint in (error.hint or "")


@pytest.mark.parametrize(
    ("section", "code"),
    [
        ("smoke: {targets: {t: {}}}", "misplaced-field"),
        ("smoke: {defaults: {commit: HEAD}}", "misplaced-field"),
        ("smoke: {tasks: {train: {commit: HEAD}}}", "misplaced-field"),
        ("smoke: {tasks: {train: {args: 5}}}", "field-type"),
    ],
)
def test_the_profiles_of_a_workspace_name_no_targets_and_move_no_code(tmp_path: Path, section: str, code: str) -> None:
    [error] = errors_of(tmp_path, "targets: {t: {}}\n", f"profiles: {{{section}}}\n")

    assert (error.code, error.location.path if error.location else "") == (code, "TTWORKSPACE.yaml")
    assert error.hint


def test_an_experiment_may_move_its_code_in_a_profile(tmp_path: Path) -> None:
    experiment = "targets: {t: {}}\nprofiles: {smoke: {defaults: {commit: worktree}}}\n"

    assert target(load(tmp_path, experiment)).spec.commit == "worktree"


def test_a_profile_lies_over_targets_that_are_not_requested_too(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "TTWORKSPACE.yaml").write_text(WORKSPACE + "profiles: {smoke: {defaults: {args: {epochs: 1}}}}\n")
    (tmp_path / "a/TTCONFIG.yaml").write_text(BASE + "targets: {t: {}, u: {}}\n")
    loader = Loader(load_workspace(tmp_path), requested=[parse_pattern("//a:t", "")], profile="smoke")

    assert target(loader, "u").spec.args["epochs"] == 1


def test_a_profile_makes_a_family_smaller_and_lies_over_each_member(tmp_path: Path) -> None:
    experiment = (
        "targets: {t: {each: {lr: [0.1, 0.2], d: [1, 2]}, args: {lr: '${lr}'}}, u: {args: {ts: ':t@*'}}}\n"
        "profiles: {smoke: {targets: {t: {each: {lr: [0.3]}}}, tasks: {train: {args: {epochs: 1}}}}}\n"
    )
    loader = load(tmp_path, experiment)

    assert list(loader.experiment("a").targets) == ["t@lr=0.3,d=1", "t@lr=0.3,d=2", "u"]
    assert target(loader, "t@lr=0.3,d=2").spec.args == {"epochs": 1, "who": "tasks", "lr": 0.3}


def test_the_shape_of_a_target_stands_in_the_layer_of_that_target_only(tmp_path: Path) -> None:
    section = "profiles: {smoke: {defaults: {each: {x: [1]}}, tasks: {train: {with: {k: 1}}}}}\n"
    found = errors_of(tmp_path, "targets: {t: {}}\n" + section)

    assert [error.code for error in found] == ["misplaced-field", "misplaced-field"]
    assert all("below `targets` of a profile" in (error.hint or "") for error in found)


NAMES = st.sampled_from(["t", "u", "train", "fake"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sets(st.sampled_from(["defaults", "tasks"])),
    st.sets(st.sampled_from(["defaults", "tasks", "targets"])),
    NAMES,
    st.none() | NAMES,
)
def test_layers_keep_their_order_and_only_those_that_fit_are_there(
    shared: set[str], own: set[str], name: str, task: str | None
) -> None:
    def profile(parts: set[str], origin: str) -> Profile:
        def layer(part: str) -> Layer:
            return Layer(f"{origin} {part}", {"args": {}}, (), CommandLinePlaces("x"))

        places = CommandLinePlaces("x").key(())
        return Profile(
            "p",
            places,
            None,
            layer("defaults") if "defaults" in parts else None,
            {"train": layer("tasks")} if "tasks" in parts else {},
            {"t": layer("targets")} if "targets" in parts else {},
        )

    found = [layer.origin for layer in profile_layers(profile(shared, "w"), profile(own, "e"), (name,), task)]
    expected = [
        f"{origin} {part}"
        for origin, parts in (("w", shared), ("e", own))
        for part in ("defaults", "tasks", "targets")
        if part in parts and {"defaults": task is not None, "tasks": task == "train", "targets": name == "t"}[part]
    ]

    assert found == expected
