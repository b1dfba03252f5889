"""What is told when an engine is not there, not running or not ours to use, and which engine is chosen."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from traintrack.errors import HostError
from traintrack.runners.container.detect import find_engine
from traintrack.runners.container.docker import DockerCli
from traintrack.runners.container.engine import ContainerId, ContainerSpec, Engine
from traintrack.runners.container.podman import PodmanCli


def fake(folder: Path, name: str, script: str) -> None:
    """A program that says what the real one says where it cannot be made to."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("make", [DockerCli, PodmanCli])
def test_a_missing_program_is_told_with_what_to_install(
    make: type[DockerCli | PodmanCli], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(HostError, match="there is no program") as caught:
        make().info()

    assert caught.value.code == "engine-missing"
    assert "install" in (caught.value.hint or "")


def test_a_daemon_that_does_not_run_is_told_by_every_question(docker_engine: Engine, tmp_path: Path) -> None:
    del docker_engine
    dead = DockerCli(f"unix://{tmp_path}/no-socket")
    spec = ContainerSpec("x", "x", {}, ("true",))

    for ask in (
        dead.info,
        lambda: dead.image("x"),
        lambda: dead.inspect([ContainerId("x")]),
        lambda: dead.find({"x": ""}),
        lambda: dead.remove([ContainerId("x")]),
        lambda: dead.wait(ContainerId("x")),
        lambda: dead.start(spec, tmp_path / "log"),
        lambda: dead.pull("x"),
    ):
        with pytest.raises(HostError) as caught:
            ask()
        assert (caught.value.code, "systemctl start docker" in (caught.value.hint or "")) == (
            "engine-not-running",
            True,
        )
    assert os.listdir(tmp_path) == ["log"]


def test_a_socket_without_rights_is_told_with_the_group_to_join(docker_engine: Engine) -> None:
    assert isinstance(docker_engine, DockerCli)
    code = (
        "import os, sys\n"
        "from traintrack.errors import HostError\n"
        "from traintrack.runners.container.docker import DockerCli\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "engine = DockerCli(sys.argv[1])\n"
        "for ask in (engine.info, lambda: engine.image('x')):\n"
        "    try:\n        ask()\n"
        "    except HostError as error:\n        print(error.code, error.hint)\n"
    )
    done = subprocess.run(
        [os.sys.executable, "-c", code, docker_engine.endpoint or ""],  # type: ignore[attr-defined]
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HOME": "/"},
    )

    assert done.stdout.count("engine-denied `sudo usermod -aG docker $USER`") == 2, done.stdout


def test_docker_is_taken_if_it_answers(docker_engine: Engine, podman_engine: Engine) -> None:
    chosen = find_engine(None, {"docker": lambda: docker_engine, "podman": lambda: podman_engine})

    assert chosen is docker_engine


def test_podman_is_taken_if_docker_does_not_answer(podman_engine: Engine, tmp_path: Path) -> None:
    dead = DockerCli(f"unix://{tmp_path}/no-socket")

    assert find_engine(None, {"docker": lambda: dead, "podman": lambda: podman_engine}) is podman_engine


def test_the_engine_that_is_asked_for_is_not_replaced(podman_engine: Engine, tmp_path: Path) -> None:
    engines = {"docker": lambda: DockerCli(f"unix://{tmp_path}/no-socket"), "podman": lambda: podman_engine}

    with pytest.raises(HostError) as caught:
        find_engine("docker", engines)  # type: ignore[arg-type]

    assert caught.value.code == "engine-not-running"


def test_no_engine_at_all_is_told_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(HostError) as caught:
        find_engine()

    assert caught.value.code == "no-engine"
    assert "use a Python image" in (caught.value.hint or "")
    assert [line.partition(":")[0] for line in caught.value.details] == ["docker", "podman"]


def test_an_engine_that_is_installed_but_asleep_is_told_how_to_wake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, "docker", "echo 'Cannot connect to the Docker daemon at unix:///x. Is it running?' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}")

    with pytest.raises(HostError) as caught:
        find_engine()

    assert "systemctl start docker" in (caught.value.hint or "")


def test_docker_is_looked_for_where_the_users_context_says(
    docker_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell_image: str
) -> None:
    assert isinstance(docker_engine, DockerCli)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    host = f"host={docker_engine.endpoint}"
    subprocess.run(["docker", "context", "create", "there", "--docker", host], check=True, capture_output=True)
    subprocess.run(["docker", "context", "use", "there"], check=True, capture_output=True)

    assert DockerCli().image(shell_image) == docker_engine.image(shell_image)

    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-socket")
    with pytest.raises(HostError):
        DockerCli().image(shell_image)
