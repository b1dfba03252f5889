from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from registry_server import BEARER, DIGEST, RegistryServer, serving

from traintrack.errors import HostError, InputError
from traintrack.storages.registry.client import Registries
from traintrack.storages.registry.http import Http


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("traintrack.storages.registry.http._PAUSES_S", (0.0, 0.0))


def registries(home: Path, **auths: object) -> Registries:
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": auths}))
    return Registries({"HOME": str(home), "PATH": "/usr/bin:/bin"})


def login(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_the_digest_of_a_tag_is_the_registrys_and_is_asked_for_once(server: RegistryServer, tmp_path: Path) -> None:
    asked = registries(tmp_path)

    assert [asked.digest(f"{server.host}/team/x:1") for _ in range(3)] == [DIGEST] * 3
    assert server.seen == [("HEAD", "/v2/team/x/manifests/1", "")]


def test_a_registry_that_gives_no_digest_has_the_manifest_read_and_hashed(
    server: RegistryServer, tmp_path: Path
) -> None:
    server.has_digest_header = False

    assert registries(tmp_path).digest(f"{server.host}/team/x:1") == DIGEST
    assert [method for method, _, _ in server.seen] == ["HEAD", "GET"]


def test_a_name_with_a_digest_needs_no_registry(tmp_path: Path) -> None:
    assert registries(tmp_path).digest(f"nowhere.invalid/x:1@{DIGEST}") == DIGEST


def test_a_name_without_a_tag_means_latest(server: RegistryServer, tmp_path: Path) -> None:
    with pytest.raises(HostError, match="is not at"):
        registries(tmp_path).digest(f"{server.host}/team/x")

    assert server.seen[0][1] == "/v2/team/x/manifests/latest"


@pytest.mark.parametrize("kind", ["basic", "token"])
def test_a_login_of_docker_opens_a_registry(server: RegistryServer, tmp_path: Path, kind: str) -> None:
    server.login = kind

    asked = registries(tmp_path, **{server.host: login("ada", "s3cret:with colon")})

    assert asked.digest(f"{server.host}/team/x:1") == DIGEST


@pytest.mark.parametrize("kind", ["basic", "token"])
@pytest.mark.parametrize("auths", [{}, {"wrong": 1}])
def test_without_the_right_login_one_is_told_how_to_log_in(
    server: RegistryServer, tmp_path: Path, kind: str, auths: dict[str, object]
) -> None:
    server.login = kind

    asked = registries(tmp_path, **({server.host: login("ada", "wrong")} if auths else {}))
    with pytest.raises(HostError) as refused:
        asked.digest(f"{server.host}/team/x:1")

    assert refused.value.code == "registry-denied"
    assert refused.value.hint == f"docker login {server.host}"
    assert "wrong" not in str(refused.value)


def test_a_token_is_given_without_a_login_where_the_registry_does_so(server: RegistryServer, tmp_path: Path) -> None:
    server.login, server.user = "token", None

    assert registries(tmp_path).digest(f"{server.host}/team/x:1") == DIGEST


def test_a_refresh_token_is_changed_into_one_for_pulling(server: RegistryServer, tmp_path: Path) -> None:
    server.login = "token"

    asked = registries(tmp_path, **{server.host: {"identitytoken": "refresh-me"}})

    assert asked.digest(f"{server.host}/team/x:1") == DIGEST
    assert ("POST", "/token", "") in server.seen


def test_a_redirect_does_not_carry_the_login_away(server: RegistryServer, tmp_path: Path) -> None:
    server.login = "token"
    with serving() as elsewhere:
        server.redirect_to = f"http://{elsewhere.host}/elsewhere/manifests/1"

        asked = registries(tmp_path, **{server.host: login("ada", "s3cret:with colon")})

        assert asked.digest(f"{server.host}/team/x:1") == DIGEST
        assert [authorization for _, _, authorization in elsewhere.seen] == [""]
    assert f"Bearer {BEARER}" in [authorization for _, _, authorization in server.seen]


def test_what_a_registry_does_not_have_is_told_by_its_name(server: RegistryServer, tmp_path: Path) -> None:
    with pytest.raises(HostError) as missed:
        registries(tmp_path).digest(f"{server.host}/team/x:2")

    assert missed.value.code == "no-such-image"
    assert f"{server.host}/team/x:2" in missed.value.message


@pytest.mark.parametrize("statuses", [[503], [500, 502], [429, 503]])
def test_a_moment_of_weakness_is_waited_out(server: RegistryServer, tmp_path: Path, statuses: list[int]) -> None:
    server.answers = statuses

    assert registries(tmp_path).digest(f"{server.host}/team/x:1") == DIGEST


@pytest.mark.parametrize(("status", "code"), [(503, "registry-unreachable"), (429, "registry-limit")])
def test_a_registry_that_stays_weak_is_given_up(server: RegistryServer, tmp_path: Path, status: int, code: str) -> None:
    server.answers = [status] * 9

    with pytest.raises(HostError) as given_up:
        registries(tmp_path).digest(f"{server.host}/team/x:1")

    assert given_up.value.code == code
    assert len(server.seen) == 3


def test_a_registry_that_is_not_there_is_tried_once_for_all_its_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    tries: list[str] = []
    ask = Http.ask
    monkeypatch.setattr(
        Http, "ask", lambda self, *words, **named: (tries.append(words[1]), ask(self, *words, **named))[1]
    )
    asked = registries(tmp_path)

    for name in ("x", "y"):
        with pytest.raises(HostError, match="cannot be reached: connection refused") as unreachable:
            asked.digest(f"{host}/{name}:1")

    assert unreachable.value.code == "registry-unreachable"
    assert len(tries) == 1


def test_a_password_is_not_sent_where_anybody_could_read_it(
    server: RegistryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the registry of another machine would be: its challenge names a realm without encryption."""
    server.login = "token"
    monkeypatch.setattr("traintrack.action.image_ref.ImageRef.is_loopback", property(lambda _: False))
    monkeypatch.setattr("traintrack.storages.registry.client._base", lambda _: f"http://{server.host}")

    with pytest.raises(HostError, match="not encrypted") as refused:
        registries(tmp_path, **{server.host: login("ada", "s3cret:with colon")}).digest(f"{server.host}/team/x:1")

    assert refused.value.code == "registry-denied"
    assert [path for _, path, _ in server.seen] == ["/v2/team/x/manifests/1"]


def test_what_is_no_name_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        registries(tmp_path).digest("Not A Name")

    assert refused.value.code == "bad-image"
