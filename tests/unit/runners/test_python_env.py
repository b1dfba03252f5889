"""Environments are built once, whoever asks, and only count when they are complete."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from traintrack.action.image import PythonImage
from traintrack.digest import sha256_hex
from traintrack.errors import HostError
from traintrack.runners.process.python_env import (
    PythonEnvs,
    environment_key,
    find_uv,
)
from traintrack.testing.memory_storage import MemoryKept

NEVER = threading.Event()

BUILD = """
import sys, threading
from pathlib import Path
from traintrack.action.image import PythonImage
from traintrack.runners.process import python_env
from traintrack.testing.memory_storage import MemoryKept
kept = MemoryKept()
kept.put_named("lock/{digest}", Path({lock!r}).read_bytes())
ran = python_env._run_uv
def counted(*args):
    with open({log!r}, "a") as file:
        file.write("uv\\n")
    ran(*args)
python_env._run_uv = counted
print("ready", flush=True)
sys.stdin.readline()
env = python_env.PythonEnvs(Path({root!r}), kept).provide(PythonImage("3.11", "r.lock", "{digest}"), threading.Event())
print(env.python)
"""


def image_of(kept: MemoryKept, lock: bytes, **fields) -> PythonImage:
    kept.put_named(f"lock/{sha256_hex(lock)}", lock)
    return PythonImage("3.11", "requirements.lock", sha256_hex(lock), **fields)


def wheel(folder: Path) -> Path:
    """Write a package `tiny` with a module that says where it is from; no index is asked for it."""
    import zipfile

    path = folder / "tiny-1.0-py3-none-any.whl"
    meta = "tiny-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny.py", "NAME = 'tiny'\n")
        archive.writestr(f"{meta}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(
            f"{meta}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{meta}/RECORD", f"tiny.py,,\n{meta}/METADATA,,\n{meta}/WHEEL,,\n{meta}/RECORD,,\n")
    return path


def test_two_processes_at_once_build_one_environment_once(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text(f"{wheel(tmp_path).as_uri()}\n".replace("file:", "tiny @ file:"))
    log = tmp_path / "log"
    text = BUILD.format(digest=sha256_hex(lock.read_bytes()), lock=str(lock), log=str(log), root=str(tmp_path / "envs"))
    both = [
        subprocess.Popen([sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout is not None
        process.stdout.readline()
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    pythons = [process.communicate()[0].strip() for process in both]

    assert pythons[0] == pythons[1]
    assert log.read_text() == "uv\nuv\n"  # once for the environment, once for its packages
    assert subprocess.check_output([pythons[0], "-c", "import tiny; print(tiny.NAME)"], text=True) == "tiny\n"


def test_an_empty_lock_gives_a_bare_environment_that_is_not_built_again(tmp_path: Path) -> None:
    kept = MemoryKept()
    image = image_of(kept, b"")
    first = PythonEnvs(tmp_path, kept).provide(image, NEVER)
    made = os.stat(first.python, follow_symlinks=False).st_ino
    second = PythonEnvs(tmp_path, kept).provide(image, NEVER)

    assert second == first
    assert os.stat(second.python, follow_symlinks=False).st_ino == made
    assert first.version.startswith("3.11.")


def test_an_environment_without_its_marker_is_built_anew(tmp_path: Path) -> None:
    kept = MemoryKept()
    image = image_of(kept, b"")
    folder = tmp_path / environment_key(image)
    (folder / "venv" / "bin").mkdir(parents=True)
    (folder / "venv" / "bin" / "python").write_text("half")

    env = PythonEnvs(tmp_path, kept).provide(image, NEVER)

    assert subprocess.check_output([env.python, "-c", "print(1)"]) == b"1\n"


def test_an_environment_whose_interpreter_was_removed_is_built_anew(tmp_path: Path) -> None:
    kept = MemoryKept()
    image = image_of(kept, b"")
    envs = PythonEnvs(tmp_path, kept)
    python = envs.provide(image, NEVER).python
    os.unlink(python)

    assert os.path.exists(envs.provide(image, NEVER).python)


def test_a_lock_with_a_wrong_hash_is_refused_with_uvs_lines(tmp_path: Path) -> None:
    kept = MemoryKept()
    lock = f"tiny @ {wheel(tmp_path).as_uri()} --hash=sha256:{'0' * 64}\n".encode()

    with pytest.raises(HostError) as error:
        PythonEnvs(tmp_path / "envs", kept).provide(image_of(kept, lock), NEVER)

    assert "hash" in " ".join(error.value.details).lower()
    assert error.value.hint


def test_a_uv_lock_is_installed_without_the_project_and_its_default_groups(tmp_path: Path) -> None:
    project = '[project]\nname = "p"\nversion = "0"\nrequires-python = ">=3.11"\n[dependency-groups]\ndev = []\n'
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "pyproject.toml").write_text(project)
    uv = find_uv()
    assert uv
    subprocess.run([uv, "lock", "-q", "--offline"], cwd=tmp_path / "p", check=True)
    kept = MemoryKept()
    kept.put_named(f"lock/{sha256_hex(project.encode())}", project.encode())
    lock = (tmp_path / "p" / "uv.lock").read_bytes()

    env = PythonEnvs(tmp_path / "envs", kept).provide(
        image_of(kept, lock, project_sha256=sha256_hex(project.encode()), groups=("dev",)), NEVER
    )

    listed = subprocess.check_output([uv, "pip", "list", "-q", "--format", "json", "--python", env.python])
    assert json.loads(listed) == []


def test_a_python_that_is_nowhere_is_told_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    kept = MemoryKept()
    kept.put_named("lock/" + "0" * 64, b"")

    with pytest.raises(HostError) as error:
        PythonEnvs(tmp_path, kept).provide(PythonImage("3.8", "r.lock", "0" * 64), NEVER)

    assert error.value.hint == "install that Python: uv python install 3.8"


def test_a_lock_that_is_not_in_the_storage_is_told_by_path(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"requirements\.lock"):
        PythonEnvs(tmp_path, MemoryKept()).provide(PythonImage("3.11", "requirements.lock", "0" * 64), NEVER)


def test_a_cache_that_cannot_be_written_is_the_hosts_fault(tmp_path: Path) -> None:
    kept = MemoryKept()
    (tmp_path / "file").write_text("")

    with pytest.raises(HostError) as error:
        PythonEnvs(tmp_path / "file" / "envs", kept).provide(image_of(kept, b""), NEVER)

    assert error.value.code == "python-env"


def test_the_key_depends_on_all_that_decides_the_content_and_not_on_its_order() -> None:
    base = PythonImage("3.11", "a.lock", "0" * 64, None, ("a", "b"), ())
    others = [
        PythonImage("3.12", "a.lock", "0" * 64, None, ("a", "b"), ()),
        PythonImage("3.11", "a.lock", "1" * 64, None, ("a", "b"), ()),
        PythonImage("3.11", "a.lock", "0" * 64, "2" * 64, ("a", "b"), ()),
        PythonImage("3.11", "a.lock", "0" * 64, None, ("a",), ()),
        PythonImage("3.11", "a.lock", "0" * 64, None, ("a",), ("b",)),
    ]
    same = PythonImage("3.11", "elsewhere.lock", "0" * 64, None, ("b", "a"), ())

    assert len({environment_key(image) for image in [base, *others]}) == 6
    assert environment_key(same) == environment_key(base)
