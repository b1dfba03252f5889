"""The call and the variables of a task."""

from __future__ import annotations

from msgspec.structs import replace

from traintrack.action.action import Action
from traintrack.action.image import PythonImage
from traintrack.digest import TargetId
from traintrack.runners.contract.call import find_program, python_folders, task_argv, task_environment
from traintrack.runners.contract.stage import Stage

STAGE = Stage("/s", "/o")
ACTION = Action(TargetId("id"), b"{}", "train", PythonImage("3.11", "r.lock", "0" * 64))


def environment(action: Action, **fields) -> dict[str, str]:
    given = {"bin_folder": "/env/bin", "checkpoints": "/c", "gpus": (), "secrets": {}, "marker": "m"}
    return task_environment(action, STAGE, **{**given, **fields})


def test_a_python_images_own_entrypoint_is_python_m() -> None:
    assert task_argv(ACTION, STAGE) == ["python", "-m", "train", "/s/config.yaml", "/o"]


def test_an_empty_entrypoint_calls_the_task_itself() -> None:
    assert task_argv(replace(ACTION, entrypoint=()), STAGE) == ["train", "/s/config.yaml", "/o"]


def test_the_targets_env_replaces_defaults_but_not_the_contract() -> None:
    found = environment(replace(ACTION, env={"TZ": "CET", "TRAINTRACK_ID": "x", "CUDA_VISIBLE_DEVICES": "7"}))

    assert found["TZ"] == "CET"
    assert found["TRAINTRACK_ID"] == "id"
    assert found["CUDA_VISIBLE_DEVICES"] == ""


def test_the_variables_are_these_and_no_more() -> None:
    found = environment(ACTION, gpus=(1,))

    assert sorted(found) == [
        "CUDA_VISIBLE_DEVICES",
        "HOME",
        "LANG",
        "LOGNAME",
        "PATH",
        "TMPDIR",
        "TRAINTRACK_ATTEMPT",
        "TRAINTRACK_CHECKPOINT_DIR",
        "TRAINTRACK_ID",
        "TZ",
        "USER",
        "XDG_CACHE_HOME",
    ]
    assert found["PATH"] == "/env/bin:/usr/local/bin:/usr/bin:/bin"
    assert found["CUDA_VISIBLE_DEVICES"] == "1"


def test_the_folders_of_paths_come_before_a_pythonpath_of_the_target() -> None:
    found = environment(replace(ACTION, code={"b": "t"}, env={"PYTHONPATH": "/opt/x"}))

    assert found["PYTHONPATH"] == "/s/work/b:/opt/x"


def test_python_folders_keep_the_order_and_a_file_stands_for_its_folder() -> None:
    code = {"b": "t", "a/x.py": "100644:b", "top.py": "100644:b", ".": "t", "a": "t"}

    assert python_folders(code, "/w") == ["/w/b", "/w/a", "/w"]


def test_a_program_with_a_slash_is_looked_for_in_the_current_folder_alone(tmp_path) -> None:
    (tmp_path / "tool").write_text("")

    assert find_program("./tool", "/bin", str(tmp_path)) == f"{tmp_path}/./tool"
    assert find_program("tool", "/bin", str(tmp_path)) is None
