"""Images of an engine: looked up, built, pushed to a real registry and pulled from it."""

from __future__ import annotations

import json
import socket
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import engines
import pytest
from container_maker import Containers
from msgspec.structs import replace

from traintrack.errors import HostError
from traintrack.runners.container.docker import DockerCli
from traintrack.runners.container.engine import Build, Engine
from traintrack.runners.container.podman import PodmanCli, with_registry


@pytest.fixture
def folder(tmp_path: Path, shell_image: str) -> Path:
    """A folder with a Dockerfile that wants a build argument."""
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "Dockerfile").write_text(
        f'FROM {shell_image}\nARG WORD=none\nENV WORD=$WORD MORE="a=b"\nCOPY file /file\n'
        'WORKDIR /work\nUSER 12:34\nENTRYPOINT ["sh", "-c"]\nCMD ["cat /file"]\n'
    )
    (tmp_path / "file").write_text("baked\n")
    return tmp_path


def build_of(folder: Path, engine: Engine, **changes: object) -> Build:
    build = Build(folder, "docker/Dockerfile", f"localhost/traintrack-test/{folder.name.lower()}:{engine.name}")
    return replace(build, **changes)


def test_an_image_is_found_by_tag_and_by_id(engine: Engine, shell_image: str) -> None:
    found = engine.image(shell_image)

    assert found is not None
    assert found.platform == engine.info().platform
    assert found.environment["PATH"] == "/usr/local/bin:/usr/bin:/bin"
    assert (found.entrypoint, found.user) == ((), "")
    assert engine.image(found.id) == found
    assert engine.image("localhost/no/such:1") is None
    assert engine.image("sha256:" + "0" * 64) is None


def test_a_build_has_its_arguments_labels_and_files(containers: Containers, folder: Path) -> None:
    engine = containers.engine
    build = build_of(folder, engine, arguments={"WORD": "given here"}, labels={"who": "tests"})

    image = engine.build(build, folder / "build.log")

    assert (image.entrypoint, image.command) == (("sh", "-c"), ("cat /file",))
    assert (image.user, image.work) == ("12:34", "/work")
    assert (image.environment["WORD"], image.environment["MORE"]) == ("given here", "a=b")
    assert "FROM" in (folder / "build.log").read_text()
    assert containers.said(replace(containers.spec("cat /file; pwd; id -u"), image=image.id)) == "baked\n/work\n12\n"


def test_a_failed_build_shows_its_last_lines(engine: Engine, folder: Path, shell_image: str) -> None:
    (folder / "docker" / "Dockerfile").write_text(f"FROM {shell_image}\nCOPY no-such-file /\n")

    with pytest.raises(HostError) as caught:
        engine.build(build_of(folder, engine), folder / "build.log")

    assert caught.value.code == "build-failed"
    assert any("no-such-file" in line for line in caught.value.details)
    assert caught.value.hint


def test_a_pushed_image_is_pulled_by_the_digest_that_push_told(engine: Engine, folder: Path, registry: str) -> None:
    image = engine.build(build_of(folder, engine, arguments={"WORD": engine.name}), folder / "build.log")
    name = f"{registry}/team/{engine.name}"

    assert image.environment["WORD"] == engine.name
    digest = engine.push(image.id, f"{name}:1")
    forget(engine, image.id)
    assert engine.image(f"{name}@{digest}") is None
    pulled = engine.pull(f"{name}@{digest}")

    assert pulled.environment["WORD"] == engine.name
    assert f"{name}@{digest}" in pulled.digests
    assert engine.image(f"{name}@{digest}") == pulled
    assert engine.pull(f"{name}:1", pulled.platform).id == pulled.id


def test_what_a_registry_does_not_have_is_told_as_such(engine: Engine, registry: str) -> None:
    for ref in (f"{registry}/no/such:1", f"{registry}/no/such@sha256:{'0' * 64}"):
        with pytest.raises(HostError) as caught:
            engine.pull(ref)

        assert (caught.value.code, ref in caught.value.message) == ("no-such-image", True)


def test_a_registry_that_refuses_is_told_with_what_to_do(
    engine: Engine, guarded_registry: str, shell_image: str
) -> None:
    with pytest.raises(HostError) as caught:
        engine.pull(f"{guarded_registry}/team/x:1")
    assert caught.value.code == "registry-denied"
    assert f"{engine.name} login {guarded_registry}" in (caught.value.hint or "")

    with pytest.raises(HostError) as caught:
        engine.push(shell_image, f"{guarded_registry}/team/x:1")
    assert caught.value.code == "registry-denied"


@pytest.fixture
def logged_in(engine: Engine, guarded_registry: str, request: pytest.FixtureRequest) -> Iterator[None]:
    """The engine with the password of the guarded registry where its own `login` puts it."""
    variables = request.getfixturevalue(f"{engine.name}_variables")
    is_docker = engine.name == "docker"
    path = Path(variables["DOCKER_CONFIG"], "config.json") if is_docker else Path(variables["REGISTRY_AUTH_FILE"])
    entry = {"auth": b64encode(f"{engines.USER}:{engines.PASSWORD}".encode()).decode()}
    path.write_text(json.dumps({"auths": {guarded_registry: entry}}))
    yield
    path.write_text("{}")


@pytest.mark.usefixtures("logged_in")
def test_the_users_login_opens_a_registry(
    engine: Engine, guarded_registry: str, minimal_image: str, docker_config: None
) -> None:
    digest = engine.push(minimal_image, f"{guarded_registry}/team/{engine.name}:1")

    assert engine.pull(f"{guarded_registry}/team/{engine.name}@{digest}").platform == engine.info().platform


@pytest.fixture
def docker_config(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, engine: Engine) -> None:
    """The folder in which docker looks for logins, for this process."""
    if engine.name == "docker":
        monkeypatch.setenv("DOCKER_CONFIG", request.getfixturevalue("docker_variables")["DOCKER_CONFIG"])


def test_a_registry_that_does_not_answer_is_told_as_such(engine: Engine) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    with pytest.raises(HostError) as caught:
        engine.pull(f"localhost:{port}/x:1")

    assert caught.value.code == "registry-unreachable"


@pytest.mark.parametrize(
    ("ref", "full"),
    [
        ("debian", "docker.io/library/debian"),
        ("debian:12", "docker.io/library/debian:12"),
        ("team/x@sha256:00", "docker.io/team/x@sha256:00"),
        ("localhost/x", "localhost/x"),
        ("localhost:5000/x", "localhost:5000/x"),
        ("registry.example/team/x:1", "registry.example/team/x:1"),
    ],
)
def test_a_name_without_registry_is_one_of_docker_hub_for_podman_too(ref: str, full: str) -> None:
    assert with_registry(ref) == full


def forget(engine: Engine, image: str) -> None:
    """Remove an image, with all its names, from the engine."""
    if isinstance(engine, DockerCli):
        words, variables = ["docker", "-H", engine.endpoint or "", "rmi", "--force", image], {}
    else:
        assert isinstance(engine, PodmanCli)
        words, variables = ["podman", "rmi", "--force", image], engine.variables
    subprocess.run(["env", *(f"{k}={v}" for k, v in variables.items()), *words], check=True, capture_output=True)
