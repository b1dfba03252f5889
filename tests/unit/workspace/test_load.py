"""Loading a workspace: files in, experiments or all errors out."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from without_rights import without_rights

from traintrack.errors import HostError, InputError, InputErrors
from traintrack.label import parse_pattern
from traintrack.workspace.load import Loader, find_workspace, load_workspace
from traintrack.workspace.model import Experiment, Target, Workspace
from traintrack.workspace.sets import parse_set

C = "9b12726ba3825d72ccdba5bd93505873a32eb769"
WORKSPACE = """\
workspace: plates
images:
  py: {python: "3.11", lock: requirements.lock}
  box: {ref: "registry.example/plates/trainer:2.3"}
"""


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the cache of whoever runs the tests out of them."""
    monkeypatch.delenv("TRAINTRACK_NO_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in {"TTWORKSPACE.yaml": WORKSPACE, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def loader(root: Path, files: dict[str, str]) -> Loader:
    return Loader(load_workspace(write(root, files)))


def experiment(root: Path, text: str, **others: str) -> Experiment:
    return loader(root, {"a/TTCONFIG.yaml": text, **others}).experiment("a")


def target(root: Path, fields: str, top: str = "") -> Target:
    """The target `t` with fields in flow style, over a task, an image and a commit."""
    text = f"defaults: {{task: train, image: py, commit: {C}}}\n{top}targets:\n  t: {{{fields}}}\n"
    return experiment(root, text).targets["t"]


def rows(call: object) -> list[tuple[str, int, int]]:
    assert isinstance(call, InputError)
    errors = call.errors if isinstance(call, InputErrors) else (call,)
    assert all(e.hint for e in errors)
    return [(e.code, e.location.line if e.location else 0, e.location.column if e.location else 0) for e in errors]


def accepted_or_told(load: Callable[[], object]) -> None:
    """Nothing else than a value, or errors of which each has a hint."""
    try:
        load()
    except InputError as error:
        told = error
    else:
        return
    assert rows(told)


def errors_of(root: Path, text: str, **others: str) -> list[tuple[str, int, int]]:
    with pytest.raises(InputError) as caught:
        experiment(root, text, **others)
    return rows(caught.value)


def field_errors(root: Path, fields: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        target(root, fields)
    return [code for code, _, _ in rows(caught.value)]


def workspace_errors(root: Path, text: str) -> list[tuple[str, int, int]]:
    with pytest.raises(InputError) as caught:
        load_workspace(write(root, {"TTWORKSPACE.yaml": text}))
    return rows(caught.value)


def loaded(root: Path, text: str) -> Workspace:
    return load_workspace(write(root, {"TTWORKSPACE.yaml": text}))


# finding


def test_the_workspace_is_the_nearest_folder_upwards(tmp_path: Path) -> None:
    write(tmp_path, {"a/b/x": ""})

    assert find_workspace(tmp_path / "a" / "b") == tmp_path
    assert find_workspace(tmp_path) == tmp_path


def test_without_a_workspace_the_hint_names_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        find_workspace(tmp_path)

    assert caught.value.code == "no-workspace"
    assert "traintrack init" in (caught.value.hint or "")


def test_the_prefix_is_the_folder_inside_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()

    assert load_workspace(write(tmp_path / "ml" / "plates", {})).prefix == "ml/plates"
    assert load_workspace(write(tmp_path, {})).prefix == ""


# the workspace file


def test_a_workspace_is_read_with_images_environments_and_layers(tmp_path: Path) -> None:
    text = """\
workspace: plates
requires: ">=0.1"
platform: linux/arm64
defaults: {paths: [src]}
images:
  py: {python: 3.10, lock: requirements.lock, groups: [train]}
tasks:
  train: {image: py, resources: {gpu: 1, memory: 16GiB}}
environments:
  local: {runner: local, storage: "~/x", reads: [remote]}
  remote: {runner: batch, storage: "s3://b/p", pools: {a: 1}}
default_env: remote
profiles: {smoke: {tasks: {}}}
"""
    workspace = loaded(tmp_path, text)

    assert (workspace.name, workspace.platform, workspace.default_env) == ("plates", "linux/arm64", "remote")
    assert workspace.images["py"].python == "3.10"
    assert workspace.images["py"].groups == ("train",)
    assert workspace.environments["local"].reads == ("remote",)
    assert workspace.environments["remote"].options == {"pools": {"a": 1}}
    assert workspace.tasks["train"].fields["resources"] == {"gpu": 1, "memory": "16GiB"}
    assert workspace.environments["remote"].place.line == 11


def test_the_only_environment_is_the_default_one(tmp_path: Path) -> None:
    one = "workspace: p\nenvironments: {box: {runner: local, storage: /x}}\n"

    assert loaded(tmp_path, one).default_env == "box"
    assert loaded(tmp_path, "workspace: p\n").default_env == "local"


def test_all_errors_of_the_workspace_file_come_at_once_with_their_places(tmp_path: Path) -> None:
    text = """\
workspace: "a b"
platform: linux
defaults: {commit: HEAD, pahts: [src]}
images:
  one: {}
  two: {ref: x, python: "3.11", lock: l}
  three: {python: "3.11"}
tasks: {train: {use: x, resources: {memory: 16G, gpus: 1}}}
environments: {local: {storage: x, runner: [1]}, other: 5}
default_env: locl
targets: {}
"""

    assert workspace_errors(tmp_path, text) == [
        *(("bad-name", 1, 12), ("field-value", 2, 11), ("misplaced-field", 3, 12), ("unknown-field", 3, 26)),
        *(("bad-image", 5, 8), ("bad-image", 6, 8), ("bad-image", 7, 10), ("misplaced-field", 8, 17)),
        *(("field-value", 8, 45), ("unknown-field", 8, 50), ("field-type", 9, 44), ("field-type", 9, 57)),
        *(("unknown-environment", 10, 14), ("misplaced-field", 11, 1)),
    ]


def test_a_newer_workspace_is_refused_before_its_fields_are_called_mistakes(tmp_path: Path) -> None:
    assert workspace_errors(tmp_path, 'workspace: p\nrequires: ">=99"\nnew_thing: 1\n') == [("requires", 2, 11)]


def test_a_requirement_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    assert workspace_errors(tmp_path, "workspace: p\nrequires: new\n") == [("requires", 2, 11)]


@pytest.mark.parametrize("text", ["", "[]", "5", "!literal x"])
def test_a_workspace_file_that_is_no_map_is_an_error(tmp_path: Path, text: str) -> None:
    assert workspace_errors(tmp_path, text)


def test_commit_in_workspace_defaults_or_tasks_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(InputErrors) as caught:
        loaded(tmp_path, "workspace: p\ndefaults: {commit: HEAD}\ntasks: {t: {commit: HEAD}}\n")

    assert [e.code for e in caught.value.errors] == ["misplaced-field", "misplaced-field"]
    assert "past" in (caught.value.errors[0].hint or "")


# targets


def test_layers_merge_in_the_order_of_the_design(tmp_path: Path) -> None:
    workspace = (
        WORKSPACE + "defaults: {args: {a: ws, b: ws, c: ws, d: ws}, tags: [ws]}\n"
        "tasks: {train: {args: {b: task, c: task, d: task}, image: py, timeout: 1h}}\n"
    )
    config = f"""\
defaults: {{args: {{c: file, d: file}}, commit: {C}, tags: [file, b]}}
templates: {{one: {{args: {{d: one, e: one}}}}, two: {{args: {{e: two}}}}}}
targets:
  t: {{task: train, use: [one, ":two"], args: {{f: {{x: 1}}}}, timeout: null}}
"""
    found = loader(tmp_path, {"TTWORKSPACE.yaml": workspace, "a/TTCONFIG.yaml": config}).experiment("a").targets["t"]

    assert found.spec.args == {"a": "ws", "b": "task", "c": "file", "d": "one", "e": "two", "f": {"x": 1}}
    assert found.spec.tags == ("file", "b")
    assert found.spec.timeout is None
    assert [layer.origin for layer in found.layers] == [
        *("defaults of the workspace", "tasks.train", "defaults", "template //a:one", "template //a:two", "target")
    ]
    assert str(found.place_of("args", "b")) == "TTWORKSPACE.yaml:6:27"
    assert str(found.place_of("args", "f", "x")) == "a/TTCONFIG.yaml:4:54"
    assert found.origin_of("args", "d") == "template //a:one"


def test_remove_takes_away_what_lies_below_and_leaves_no_mark(tmp_path: Path) -> None:
    found = target(
        tmp_path,
        "args: {x: !remove , y: {z: !remove }}, paths: !remove ",
        "templates: {k: {args: {x: 1}, paths: [s]}}\n",
    )
    used = experiment(
        tmp_path,
        f"defaults: {{task: t, image: py, commit: {C}, args: {{x: 1, w: 2}}}}\ntargets: {{t: {{args: {{x: !remove }}}}}}\n",
    )

    assert found.spec.args == {"y": {}}
    assert found.spec.paths is None
    assert used.targets["t"].spec.args == {"w": 2}


def test_a_label_of_text_stays_marked_in_args(tmp_path: Path) -> None:
    found = target(tmp_path, 'args: {x: !literal ":x"}')

    assert getattr(found.spec.args["x"], "text", None) == ":x"


def test_a_target_knows_its_label_and_place(tmp_path: Path) -> None:
    found = experiment(tmp_path, f"targets:\n  t: {{task: x, image: py, commit: {C}}}\n")

    assert str(found.targets["t"].label) == "//a:t"
    assert str(found.targets["t"].place) == "a/TTCONFIG.yaml:2:3"


def test_the_experiment_at_the_root_has_the_empty_package(tmp_path: Path) -> None:
    found = loader(tmp_path, {"TTCONFIG.yaml": f"targets: {{t: {{task: x, image: py, commit: {C}}}}}\n"}).experiment("")

    assert (found.path, str(found.targets["t"].label)) == ("TTCONFIG.yaml", "//:t")


def test_images_of_the_experiment_lie_over_those_of_the_workspace(tmp_path: Path) -> None:
    found = experiment(tmp_path, 'images: {box: {ref: "other:1"}}\n')

    assert {name: (i.ref, i.python) for name, i in found.images.items()} == {
        "py": (None, "3.11"),
        "box": ("other:1", None),
    }


def test_text_fields_keep_numbers_as_they_were_written(tmp_path: Path) -> None:
    digits = "0123456789" * 4
    found = target(tmp_path, f"commit: {digits}, description: 1.10, tags: [007]")

    assert (found.spec.commit, found.spec.description, found.spec.tags) == (digits, "1.10", ("007",))


def test_text_fields_keep_numbers_as_they_were_written_on_a_cached_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    descriptions = [target(tmp_path / "w", "description: 1.10").spec.description for _ in range(2)]

    assert descriptions == ["1.10", "1.10"]


def test_all_fields_of_a_task_are_taken(tmp_path: Path) -> None:
    spec = target(
        tmp_path,
        'paths: [src, lib/a], env: {A: "1"}, secrets: {T: {env: T2}, F: {file: X}}, cache_version: 2, unhashed: {w: 4}, '
        "resources: {cpu: 0.5, memory: 1GiB, gpu: 1, gpu_type: a10g, disk: 1000, shm: 1MiB, nodes: 1}, network: true, "
        'retries: {task: 1, out_of_memory: 2}, timeout: 2h, outputs: {m: out/m.onnx}, needs: [":b", "//c"], '
        'deliver: {data: mount}, args_schema: schemas/a.json, args: {x: ":b"}',
    ).spec

    assert spec.paths == ("src", "lib/a")
    assert spec.needs == (":b", "//c")
    assert spec.env == {"A": "1"}
    assert spec.retries == {"task": 1, "out_of_memory": 2}
    assert spec.resources["cpu"] == 0.5


def test_a_source_needs_no_commit_and_inherits_what_it_has_no_use_for(tmp_path: Path) -> None:
    text = f"defaults: {{image: py, commit: {C}, args: {{x: 1}}}}\ntargets: {{d: {{source: 's3://b/p', pin: listing, import: true}}}}\n"
    spec = experiment(tmp_path, text).targets["d"].spec

    assert (spec.source, spec.pin, spec.import_) == ("s3://b/p", "listing", True)


def test_baked_code_needs_no_commit(tmp_path: Path) -> None:
    assert experiment(tmp_path, "targets: {t: {task: x, image: box, code: baked}}\n").targets["t"].spec.commit is None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ("taks: x", "unknown-field"),
        ("task: 'a b'", "field-value"),
        ("task: ''", "field-value"),
        ("task: [x]", "field-type"),
        ("task: true", "field-type"),
        ("image: pyy", "unknown-image"),
        ("image: null", "missing-field"),
        ("image: {ref: x, python: '3.11', lock: l}", "bad-image"),
        ("image: {ref: 'a b'}", "bad-image"),
        ("image: {ref: x, lock: l}", "bad-image"),
        ("commit: null", "missing-field"),
        ("commit: 9b12726", "bad-commit"),
        ("commit: 0123456", "bad-commit"),
        ("commit: main", "bad-commit"),
        ("commit: head", "bad-commit"),
        (f"commit: {C.upper()}", "bad-commit"),
        ("commit: HEAD", "missing-field"),
        ("commit: worktree", "missing-field"),
        ("paths: []", "field-value"),
        ("paths: src", "field-type"),
        ("paths: [/src]", "field-path"),
        ("paths: [../src]", "field-path"),
        ("paths: [a/../b]", "field-path"),
        ("paths: [src/]", "field-path"),
        ("paths: [./src]", "field-path"),
        ("paths: ['a\\b']", "field-path"),
        ('paths: ["a\\0b"]', "field-value"),
        ("paths: [src, src]", "field-value"),
        ("code: backed", "field-value"),
        ("args: null", "field-type"),
        ("args: [1]", "field-type"),
        ("env: {A: 1}", "field-type"),
        ("env: {A: true}", "field-type"),
        ("env: {A-B: x}", "bad-name"),
        ("env: {TRAINTRACK_ID: x}", "bad-name"),
        ("secrets: {T: T}", "field-type"),
        ("secrets: [T]", "field-type"),
        ("cache_version: 1.0", "field-type"),
        ("cache_version: true", "field-type"),
        ("cache_version: -1", "field-value"),
        ("unhashed: {a: {b: ['//x:y']}}", "unhashed-label"),
        ("args: {w: 1}, unhashed: {w: 2}", "unhashed-twice"),
        ("resources: {memory: 16G}", "field-value"),
        ("resources: {memory: 1.5}", "field-type"),
        ("resources: {cpu: 0}", "field-value"),
        ("resources: {gpu: '1'}", "field-type"),
        ("resources: {mem: 1GiB}", "unknown-field"),
        ("resources: {nodes: 2}", "unsupported"),
        ("retries: -1", "field-value"),
        ("retries: {oom: 1}", "unknown-field"),
        ("timeout: 5", ""),
        ("timeout: 5w", "field-value"),
        ("timeout: 0", "field-value"),
        ("network: no", "field-type"),
        ("outputs: {m: /abs}", "field-path"),
        ("outputs: {'a b': x}", "bad-name"),
        ("needs: ':b'", "field-type"),
        ("needs: [b]", "bad-label"),
        ("needs: [':b#out']", "bad-label"),
        ("source: 's3://b'", "task-or-source"),
        ("pin: content", "misplaced-field"),
        ("pin: contents", "field-value"),
        ("import: 'true'", "field-type"),
        ("deliver: link", "field-value"),
        ("max_age: 3d", "misplaced-field"),
        ("keep: soon", "field-value"),
        ("keep: {default: 30d, outputs: {checkpoints/: 7d}}", "unsupported"),
        ("layout: packed", "field-value"),
        ("description: [x]", "field-type"),
        ("description: !literal ':x'", "field-type"),
        ("tags: x", "field-type"),
        ("args_schema: /x", "field-path"),
        ("use: gone", "unknown-template"),
        ("use: 'a b'", "bad-label"),
        ("use: {a: b}", "field-type"),
        ("each: {a: 1}", "field-type"),
        ("each: []", "no-axis"),
        ("each: {}", "no-axis"),
        ("each: 5", "field-type"),
        ("each: null", "field-type"),
        ("overrides: []", "misplaced-field"),
        ("overrides: {}", "field-type"),
        ("max_members: 3", "misplaced-field"),
        ("max_members: 0", "field-type"),
        ("with: {}", "misplaced-field"),
        ("with: [a]", "field-type"),
        ("max_parallel: 4", ""),
        ("max_parallel: 0", "field-type"),
        ("max_parallel: true", "field-type"),
        ("max_parallel: [1]", "field-type"),
        ("except: {}", ""),
        ("except: []", "field-type"),
        ("except: {evals: {lr: 0.1}}", "field-type"),
        ("except: {evals: [0.1]}", "field-type"),
        ("except: {evals: [{}]}", "field-type"),
        ("checks: []", "unsupported"),
        ("baseline: x", "unsupported"),
    ],
)
def test_every_field_is_checked(tmp_path: Path, fields: str, code: str) -> None:
    if not code:
        assert target(tmp_path, fields)
        return

    assert field_errors(tmp_path, fields) == [code]


def test_the_unsupported_error_names_the_field_and_the_version(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        target(tmp_path, "baseline: x")

    assert caught.value.message == "`baseline` is not supported by traintrack 0.1"


def test_unsupported_fields_are_told_in_defaults_tasks_and_templates_too(tmp_path: Path) -> None:
    text = "defaults: {checks: []}\ntemplates: {k: {baseline: x}, l: {targets: {t: {checks: []}}, result: t}}\n"

    assert errors_of(tmp_path, text) == [("unsupported", 1, 12), ("unsupported", 2, 17), ("unsupported", 2, 49)]
    assert workspace_errors(tmp_path / "w", "workspace: p\ntasks: {t: {checks: {}}}\n") == [("unsupported", 2, 13)]


@pytest.mark.parametrize("field", ["each: {}", "with: {}", "overrides: []", "max_members: 3"])
def test_what_shapes_a_family_stands_in_no_defaults(tmp_path: Path, field: str) -> None:
    assert errors_of(tmp_path, f"defaults: {{{field}}}\n") == [("misplaced-field", 1, 12)]
    assert workspace_errors(tmp_path / "w", f"workspace: p\ntasks: {{t: {{{field}}}}}\n") == [
        ("misplaced-field", 2, 13)
    ]
    assert workspace_errors(tmp_path / "w", f"workspace: p\ndefaults: {{{field}}}\n") == [("misplaced-field", 2, 12)]


def test_all_errors_of_an_experiment_come_at_once_with_their_places(tmp_path: Path) -> None:
    text = """\
defualts: {}
image: py
images: {own: {}}
targets:
  "a b": {task: x}
  five: 5
  none: {image: py}
  t:
    task: x
    comit: HEAD
    args: {ä: 1, env: 2}
    env: {A: 1, B: 2}
"""

    assert errors_of(tmp_path, text) == [
        *(("unknown-field", 1, 1), ("misplaced-field", 2, 1), ("bad-image", 3, 15), ("bad-name", 5, 3)),
        *(("field-type", 6, 9), ("task-or-source", 7, 3), ("unknown-field", 10, 5), ("field-type", 12, 14)),
        ("field-type", 12, 20),
    ]


def test_an_error_in_shared_defaults_is_told_once(tmp_path: Path) -> None:
    text = "defaults: {image: py, commit: 123}\ntargets: {a: {task: x}, b: {task: y}}\n"

    assert errors_of(tmp_path, text) == [("bad-commit", 1, 31)]


def test_unknown_names_get_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(InputErrors) as caught:
        target(tmp_path, "taks: x, pathz: [src]")

    assert [e.hint for e in caught.value.errors] == ["did you mean `task`?", "did you mean `paths`?"]


def test_tags_mean_nothing_in_images_and_environments(tmp_path: Path) -> None:
    text = "workspace: p\nimages: {i: {ref: x, platform: !remove }}\nenvironments: {e: {runner: a, storage: b, x: !literal y}}\n"

    assert workspace_errors(tmp_path, text) == [("misplaced-tag", 2, 32), ("misplaced-tag", 3, 46)]
    assert errors_of(tmp_path, "images: {i: {ref: x, platform: !remove }}\n") == [("misplaced-tag", 1, 32)]


def test_long_argument_keys_are_refused_and_other_long_keys_are_not(tmp_path: Path) -> None:
    key = "k" * 257

    assert field_errors(tmp_path, f"args: {{x: {{{key}: 1}}}}") == ["long-key"]
    assert target(tmp_path, f"deliver: {{{key}: mount}}")


def test_a_field_for_tasks_in_a_source_is_an_error(tmp_path: Path) -> None:
    text = "targets: {d: {source: 's3://b/p', args: {}, commit: HEAD}}\n"

    assert [code for code, _, _ in errors_of(tmp_path, text)] == ["misplaced-field", "misplaced-field"]
    assert errors_of(tmp_path, "targets: {d: {source: 'gs://b'}}\n") == [("field-value", 1, 23)]


@pytest.mark.parametrize("text", ["[]", "5", "targets: [a]", "targets: {t: null}", "defaults: x"])
def test_sections_of_the_wrong_shape_are_errors(tmp_path: Path, text: str) -> None:
    assert errors_of(tmp_path, text)


@pytest.mark.parametrize("text", ["", "targets:\n", "defaults:\ntargets:\ntemplates:\nimages:\n"])
def test_empty_sections_are_empty(tmp_path: Path, text: str) -> None:
    assert experiment(tmp_path, text).targets == {}


def test_errors_of_the_lock_file_come_with_those_of_the_experiment(tmp_path: Path) -> None:
    text = "targets: {t: {task: x}}\n"
    with pytest.raises(InputErrors) as caught:
        experiment(tmp_path, text, **{"a/TTLOCK.yaml": "format: traintrack.lock/1\nimage: {}\n"})

    assert {str(e.location) for e in caught.value.errors} == {"a/TTCONFIG.yaml:1:11", "a/TTLOCK.yaml:2:1"}


def test_the_lock_of_an_experiment_is_read(tmp_path: Path) -> None:
    lock = f"format: traintrack.lock/1\nimages: {{'x:1': 'sha256:{'a' * 64}'}}\n"
    found = experiment(tmp_path, "", **{"a/TTLOCK.yaml": lock})

    assert found.lock.images == {"x:1": f"sha256:{'a' * 64}"}
    assert found.lock_path == "a/TTLOCK.yaml"


# packages


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    found = loader(tmp_path, {"a/TTCONFIG.yaml": "", "b/TTCONFIG.yaml": "{"})

    assert found.experiment("a").package == "a"
    assert found.experiment("a") is found.experiment("a")
    with pytest.raises(InputError):
        found.experiment("b")


def test_packages_are_sorted_and_leave_out_what_is_not_of_the_workspace(tmp_path: Path) -> None:
    files = ["b/x", "b", "b-1", "a/deep/er", ".hidden", "c/.git/x", "other", "other/inside"]
    write(tmp_path, {f"{name}/TTCONFIG.yaml": "" for name in files} | {"other/TTWORKSPACE.yaml": "workspace: o\n"})
    (tmp_path / "link").symlink_to(tmp_path / "b")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = Loader(load_workspace(tmp_path))

    assert found.packages() == ["a/deep/er", "b", "b-1", "b/x"]
    assert found.packages("b") == ["b", "b/x"]
    assert found.packages("gone") == []
    assert found.packages("other") == []


def test_a_link_out_of_the_workspace_is_no_package(tmp_path: Path) -> None:
    write(tmp_path / "outside", {"TTCONFIG.yaml": ""})
    root = write(tmp_path / "ws", {})
    (root / "link").symlink_to(tmp_path / "outside")
    found = Loader(load_workspace(root))

    assert not found.exists("link")
    with pytest.raises(InputError, match="symbolic link"):
        found.experiment("link")


@pytest.mark.parametrize("package", ["../x", "/etc", "a/../b", ".", "a b", "a\x00b", ".git", "a/"])
def test_names_that_are_no_packages_are_refused(tmp_path: Path, package: str) -> None:
    found = loader(tmp_path, {"a/TTCONFIG.yaml": ""})

    assert not found.exists(package)
    with pytest.raises(InputError) as caught:
        found.experiment(package)
    assert caught.value.code == "unknown-package"


def test_an_unknown_package_gets_a_suggestion(tmp_path: Path) -> None:
    found = loader(tmp_path, {"runs/april/TTCONFIG.yaml": "", "lib/TTCONFIG.yaml": ""})

    for package, hint in [("runs/aprl", "//runs/april"), ("april", "//runs/april"), ("zzzzzz", "create")]:
        with pytest.raises(InputError) as caught:
            found.experiment(package)
        assert hint in (caught.value.hint or "")


def test_a_folder_with_a_bad_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        loader(tmp_path, {"my runs/TTCONFIG.yaml": ""}).packages()

    assert caught.value.code == "bad-name"


def test_a_file_without_rights_is_an_error_of_the_host(tmp_path: Path) -> None:
    found = loader(tmp_path, {"a/TTCONFIG.yaml": ""})
    (tmp_path / "a" / "TTCONFIG.yaml").chmod(0)

    def body() -> None:
        with pytest.raises(HostError):
            found.experiment("a")

    without_rights(body)


# what the command line changes

BASE = f"""\
defaults: {{task: train, image: py, commit: {C}, paths: [src]}}
targets:
  a: {{args: {{lr: 0.1}}}}
  b: {{args: {{lr: 0.1}}}}
"""


def changed(
    root: Path, text: str, *, sets: list[str], requested: list[str], worktree: bool = False
) -> dict[str, Target]:
    write(root, {"a/TTCONFIG.yaml": text})
    found = Loader(
        load_workspace(root),
        sets=[parse_set(s) for s in sets],
        worktree=worktree,
        requested=[parse_pattern(p, "") for p in requested],
    )
    return dict(found.experiment("a").targets)


def test_a_set_lies_on_top_of_the_targets_that_are_requested(tmp_path: Path) -> None:
    targets = changed(tmp_path, BASE, sets=["args.lr=1e-4", "retries=2"], requested=["//a:a"])

    assert (targets["a"].spec.args, targets["a"].spec.retries) == ({"lr": 0.0001}, 2)
    assert targets["b"].spec.args == {"lr": 0.1}
    assert targets["a"].origin_of("args", "lr") == "--set"


def test_a_set_with_a_pattern_is_for_that_pattern(tmp_path: Path) -> None:
    targets = changed(tmp_path, BASE, sets=["//a:b#args.lr=5", "args.x=1"], requested=["//a/...", "-//a:b"])

    assert targets["a"].spec.args == {"lr": 0.1, "x": 1}
    assert targets["b"].spec.args == {"lr": 5}


def test_a_set_can_remove_and_name_another_task(tmp_path: Path) -> None:
    targets = changed(tmp_path, BASE, sets=["args.lr=!remove", "description=null"], requested=["//a:a"])

    assert targets["a"].spec.args == {}


def test_a_set_of_no_field_or_a_wrong_value_is_an_error(tmp_path: Path) -> None:
    for text in ("agrs.lr=1", "retries=x", "each.lr=1", "use=x"):
        with pytest.raises(InputError):
            changed(tmp_path, BASE, sets=[text], requested=[])


def test_worktree_replaces_the_commit_of_requested_targets(tmp_path: Path) -> None:
    targets = changed(tmp_path, BASE, sets=[], requested=["//a:a"], worktree=True)

    assert (targets["a"].spec.commit, targets["b"].spec.commit) == ("worktree", C)
    assert targets["a"].origin_of("commit") == "--worktree"


def test_worktree_without_paths_is_an_error_at_the_target(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        changed(tmp_path, BASE.replace(", paths: [src]", ""), sets=[], requested=["//a:a"], worktree=True)

    assert rows(caught.value) == [("missing-field", 3, 3)]


def test_worktree_leaves_sources_and_baked_code_alone(tmp_path: Path) -> None:
    text = "targets: {s: {source: data}, k: {task: x, image: box, code: baked}}\n"
    targets = changed(tmp_path, text, sets=[], requested=[], worktree=True)

    assert {name: t.spec.commit for name, t in targets.items()} == {"s": None, "k": None}


# anything at all

_FIELD = st.sampled_from(
    [
        *("task", "image", "commit", "paths", "args", "env", "secrets", "resources", "retries", "timeout", "outputs"),
        *("needs", "source", "pin", "import", "deliver", "keep", "use", "each", "unhashed", "tags", "zzz", "code"),
        *("python", "lock", "ref", "build", "memory", "gpu", "x"),
    ]
)
_LEAF = st.one_of(
    st.sampled_from(["py", "HEAD", C, ":a", "//a:b", "1h", "src", "../x", "!remove", "!literal x", "[]", "{}", "null"]),
    st.integers(-5, 5).map(str),
    st.sampled_from(["true", "1.5", "~", "'a b'", '"\\0"']),
)
_FLOW = st.recursive(
    _LEAF,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{' , '.join(items)} ]"),
        st.dictionaries(_FIELD, inner, max_size=4).map(
            lambda m: "{" + " , ".join(f"{k}: {v}" for k, v in m.items()) + " }"
        ),
    ),
    max_leaves=14,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["defaults", "targets", "templates", "images"]), _FLOW, min_size=1), _FLOW)
def test_any_file_gives_targets_or_input_errors(tmp_path: Path, sections: dict[str, str], flow: str) -> None:
    text = "".join(f"{key}: {value}\n" for key, value in sections.items() if key != "targets")
    text += f"targets: {{t: {flow} , u: {sections.get('targets', '{}')} }}\n"
    accepted_or_told(lambda: experiment(tmp_path, text))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(
            ["workspace", "requires", "platform", "defaults", "images", "tasks", "environments", "default_env", "x"]
        ),
        _FLOW,
    )
)
def test_any_workspace_file_gives_a_workspace_or_input_errors(tmp_path: Path, sections: dict[str, str]) -> None:
    accepted_or_told(lambda: loaded(tmp_path, "".join(f"{key}: {value}\n" for key, value in sections.items())))
