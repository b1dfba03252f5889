"""`init` in a repository that has code: what it finds, which image it chooses, and that it says what comes first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from small_workspace import Small

from traintrack.app.check import check
from traintrack.app.init import Wish, init, plan_init
from traintrack.errors import InputError

HASHED = "numpy==2.0.0 --hash=sha256:00\n"
CODE = {"src/plates/__init__.py": "", "src/plates/model.py": "", "train.py": 'if __name__ == "__main__":\n    pass\n'}
PROJECT = '[project]\nname = "plates"\nrequires-python = ">=3.12"\ndependencies = ["numpy"]\n'


def repository(root: Path, files: Mapping[str, str]) -> Small:
    return Small(root, base={**CODE, **files})


def text_of(root: Path, path: str = "TTWORKSPACE.yaml") -> str:
    return (root / path).read_text(encoding="utf-8")


# What stands in the repository: the image's fields, and the commands before the first commit.
FITTING = {
    "uv.lock": (
        {"uv.lock": "version = 1\n", "pyproject.toml": PROJECT, "requirements.txt": "numpy\n"},
        'py: {python: "3.12", lock: uv.lock}',
        (),
    ),
    "members": (
        {
            "uv.lock": '[[package]]\nname = "core"\nsource = { editable = "packages/core" }\n',
            "pyproject.toml": PROJECT,
        },
        'py: {python: "3.12", lock: requirements.lock}',
        ("uv export --frozen --no-emit-project --no-emit-workspace --no-emit-local -o requirements.lock",),
    ),
    "hashed": (
        {"requirements.txt": f"# by pip-compile with Python 3.10\n{HASHED}", "requirements-dev.txt": HASHED},
        'py: {python: "3.10", lock: requirements.txt}',
        (),
    ),
    "loose": (
        {"requirements.txt": "numpy\n", ".python-version": "3.10.4\n"},
        'py: {python: "3.10", lock: requirements.lock}',
        ("uv pip compile --generate-hashes --python-version 3.10 requirements.txt -o requirements.lock",),
    ),
    "loose-lock": (
        {"requirements.lock": "numpy==2.0.0\n", ".python-version": "3.10"},
        'py: {python: "3.10", lock: requirements.hashed.lock}',
        ("uv pip compile --generate-hashes --python-version 3.10 requirements.lock -o requirements.hashed.lock",),
    ),
    "poetry": (
        {"poetry.lock": "", ".python-version": "3.10"},
        'py: {python: "3.10", lock: requirements.lock}',
        ("poetry export --format requirements.txt --output requirements.lock",),
    ),
    "pyproject": ({"pyproject.toml": PROJECT}, 'py: {python: "3.12", lock: uv.lock}', ("uv lock",)),
    "nothing": ({".python-version": "3.10"}, 'py: {python: "3.10", lock: requirements.lock}', ()),
    "docker": (
        {
            "Dockerfile": "FROM python:3.11\nCOPY --chown=1 app.cfg conf/*.json /\nCOPY --from=0 /a /b\n",
            "app.cfg": "",
            "a": "",
            "conf/a.json": "",
        },
        "container: {build: {dockerfile: Dockerfile, paths: [app.cfg, conf/a.json, Dockerfile]}, entrypoint: [sh]}",
        (),
    ),
    "docker-folder": (
        {"docker/Dockerfile": 'FROM a\nCOPY ["env.yml", "/"]\n', "docker/env.yml": ""},
        "container: {build: {context: docker, dockerfile: docker/Dockerfile, paths: [docker/env.yml, docker/Dockerfile]}, entrypoint: [sh]}",
        (),
    ),
    "conda": (
        {"environment.yml": "dependencies: [numpy]\n"},
        "container: {build: {dockerfile: docker/tasks/Dockerfile, paths: [environment.yml, docker/tasks/Dockerfile]}, entrypoint: [python, -m]}",
        (),
    ),
    "pixi": (
        {"pixi.toml": "", "pixi.lock": ""},
        "container: {build: {dockerfile: docker/tasks/Dockerfile, paths: [pixi.toml, pixi.lock, docker/tasks/Dockerfile]}, entrypoint: [python, -m]}",
        (),
    ),
}


@pytest.mark.parametrize("case", FITTING)
def test_the_image_fits_what_is_there(tmp_path: Path, case: str) -> None:
    files, image, commands = FITTING[case]
    small = repository(tmp_path, files)

    report = init(tmp_path)

    images = text_of(tmp_path).partition("images:\n")[2]
    assert images.splitlines()[1].strip() == image
    start = 1 if report.next_steps[0].startswith("cd ") else 0
    assert report.next_steps[start : start + len(commands)] == commands
    assert report.next_steps[start + len(commands)].startswith("git add ")
    # What the commands would make is not there in this test; of all else the check has nothing to say.
    small.commit("Start a traintrack workspace")
    if not commands:
        assert check(small.project()).errors == ()


def test_a_dockerfile_beside_a_lock_is_a_second_image(tmp_path: Path) -> None:
    repository(tmp_path, {"requirements.txt": HASHED, "Dockerfile": "FROM a\n"})

    report = init(tmp_path)

    assert "  py: {" in text_of(tmp_path)
    assert "  container: {" in text_of(tmp_path)
    assert "image: py\n" in text_of(tmp_path, "experiments/first_look/TTCONFIG.yaml")
    assert any("as well" in note.text for note in report.notes)


def test_with_docker_the_dockerfile_comes_first(tmp_path: Path) -> None:
    repository(tmp_path, {"requirements.txt": HASHED, "Dockerfile": "FROM a\n"})

    init(tmp_path, Wish(base="debian"))

    assert "image: container\n" in text_of(tmp_path, "experiments/first_look/TTCONFIG.yaml")
    assert (tmp_path / "tasks/look_around.sh").exists()


def test_with_docker_and_code_but_no_dockerfile_it_says_what_to_do(tmp_path: Path) -> None:
    repository(tmp_path, {})

    with pytest.raises(InputError, match="no Dockerfile here") as caught:
        init(tmp_path, Wish(base="debian"))

    assert "traintrack init FOLDER --docker" in (caught.value.hint or "")
    assert not (tmp_path / "TTWORKSPACE.yaml").exists()


def test_a_dockerfile_that_copies_everything_gets_no_workspace_file(tmp_path: Path) -> None:
    small = repository(
        tmp_path, {"Dockerfile": "FROM a@sha256:" + "0" * 64 + "\nCOPY . /app\n", "x.bin": "", ".gitignore": "x.*\n"}
    )

    report = init(tmp_path)
    small.commit("Start")

    assert "paths: [Dockerfile, src, train.py]" in text_of(tmp_path)
    assert any("every change builds it anew" in note.text for note in report.notes)
    assert check(small.project()).errors == ()


def test_the_code_is_found_without_tests_environments_and_data(tmp_path: Path) -> None:
    files = {
        "scripts/eval.py": "",
        "plates/__init__.py": "",
        "tests/test_a.py": "",
        "setup.py": "",
        "venv2/pyvenv.cfg": "",
        "venv2/lib/a.py": "",
        "data/make.py": "",
        ".hidden/a.py": "",
        "README.md": "",
    }
    repository(tmp_path, files)

    init(tmp_path)

    assert "paths: [plates, scripts, src, train.py, tasks]" in text_of(tmp_path)
    assert "modules: [eval, plates, train]" in text_of(tmp_path, "experiments/first_look/TTCONFIG.yaml")


def test_the_name_is_that_of_the_remote(tmp_path: Path) -> None:
    small = repository(tmp_path / "checkout-2", {})
    small.git("remote", "add", "origin", "git@example.org:team/plate-reader.git")

    init(small.root)

    assert "workspace: plate-reader\n" in text_of(small.root)


def test_the_commit_takes_just_what_is_new_and_needed(tmp_path: Path) -> None:
    small = repository(tmp_path, {"requirements.txt": HASHED})
    small.write("src/plates/new.py", "")
    small.write("notes.txt", "")

    report = init(tmp_path)

    [add] = [step for step in report.next_steps if step.startswith("git add ")]
    assert add == "git add TTWORKSPACE.yaml experiments/first_look/TTCONFIG.yaml tasks/look_around.py src"
    assert small.git("log", "--format=%s") == "Begin"
    assert small.git("diff", "--cached") == ""


def test_experiments_go_where_git_does_not_ignore_them(tmp_path: Path) -> None:
    repository(tmp_path, {".gitignore": "experiments/\n"})

    assert "runs/first_look/TTCONFIG.yaml" in init(tmp_path).files


def test_an_ignored_lock_is_told(tmp_path: Path) -> None:
    small = repository(tmp_path, {".gitignore": "*.lock\n", "pyproject.toml": PROJECT})
    small.write("uv.lock", "version = 1\n")

    notes = [note.text for note in init(tmp_path).notes if note.kind == "note"]

    assert any(text.startswith("git ignores uv.lock, which a run needs") for text in notes)


def test_a_module_that_hides_one_of_pythons_own_is_told(tmp_path: Path) -> None:
    repository(tmp_path, {"plates/__init__.py": "", "plates/types.py": "", "plates/shapes.py": ""})

    notes = [note.text for note in init(tmp_path).notes if note.kind == "note"]

    assert "plates/types.py hides Python's own `types`, since plates is on PYTHONPATH" in notes


def test_a_plan_of_a_repository_writes_nothing(tmp_path: Path) -> None:
    small = repository(tmp_path, {"requirements.txt": HASHED})

    plan = plan_init(tmp_path)

    assert small.git("status", "--porcelain") == ""
    assert plan.report == init(tmp_path)


def test_a_second_init_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    small = repository(tmp_path, {"requirements.txt": HASHED})
    init(tmp_path)
    small.commit("Start")

    with pytest.raises(InputError, match="is a workspace already"):
        init(tmp_path)

    assert small.git("status", "--porcelain") == ""


def test_a_file_of_the_users_is_in_the_way_and_stays(tmp_path: Path) -> None:
    small = repository(tmp_path, {"train_task.py": "mine"})

    with pytest.raises(InputError, match=r"`train_task\.py` is there already"):
        init(tmp_path, Wish(wrap="train.py"))

    assert small.git("status", "--porcelain") == ""


@pytest.mark.parametrize("text", ["project = 3\n", "[project]\ndependencies = 3\noptional-dependencies = 1\n", "]["])
def test_a_strange_pyproject_is_no_reason_to_fall(tmp_path: Path, text: str) -> None:
    repository(tmp_path, {"pyproject.toml": text, "uv.lock": text})

    assert init(tmp_path).files


def test_a_script_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    repository(tmp_path, {})

    with pytest.raises(InputError, match=r"no script `trian\.py`") as caught:
        init(tmp_path, Wish(wrap="trian.py"))

    assert "`train.py`" in (caught.value.hint or "")


def test_a_first_look_in_a_container_with_python_finds_the_modules(tmp_path: Path) -> None:
    repository(tmp_path, {"environment.yml": "dependencies: [numpy]\n"})

    init(tmp_path)

    config = text_of(tmp_path, "experiments/first_look/TTCONFIG.yaml")
    assert "task: tasks.look_around #" in config
    assert 'env: {PYTHONPATH: ".:src"}' in config
