from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from traintrack.errors import HostError
from traintrack.storages.registry.credentials import Credentials, credentials_for

ADA = {"auth": base64.b64encode(b"ada:pass:word").decode()}
HELPER = """\
#!/bin/sh
read -r key
case "$1 $key" in
"get reg.example") echo '{"ServerURL":"reg.example","Username":"helped","Secret":"by helper"}' ;;
"get token.example") echo '{"Username":"<token>","Secret":"refresh"}' ;;
"get broken.example") echo 'nonsense' ;;
"get locked.example") echo 'the keychain is locked' >&2; exit 1 ;;
*) echo 'credentials not found in native keychain'; exit 1 ;;
esac
"""


class Home:
    """A home folder with the files of docker and podman."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {"HOME": str(root), "PATH": f"{root}/bin:/usr/bin:/bin"}

    def docker(self, **config: object) -> Home:
        return self.write(".docker/config.json", json.dumps(config))

    def write(self, path: str, text: str, mode: int = 0o600) -> Home:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)
        return self

    def helper(self, name: str) -> Home:
        return self.write(f"bin/docker-credential-{name}", HELPER, 0o755)

    def found(self, host: str = "reg.example") -> Credentials | None:
        return credentials_for(host, self.environment)


def test_who_never_logged_in_has_no_credentials(tmp_path: Path) -> None:
    assert Home(tmp_path).found() is None
    assert Home(tmp_path).docker(auths={"other.example": ADA}).found() is None


@pytest.mark.parametrize("key", ["reg.example", "https://reg.example", "https://reg.example/v2/"])
def test_a_login_in_dockers_file_is_found_however_it_was_written(tmp_path: Path, key: str) -> None:
    assert Home(tmp_path).docker(auths={key: ADA}).found() == Credentials("ada", "pass:word")


def test_docker_hub_has_a_key_of_its_own(tmp_path: Path) -> None:
    home = Home(tmp_path).docker(auths={"https://index.docker.io/v1/": ADA})

    assert home.found("docker.io") == Credentials("ada", "pass:word")
    assert home.found("reg.example") is None


def test_docker_config_and_podmans_files_are_looked_at(tmp_path: Path) -> None:
    home = Home(tmp_path).write("elsewhere/config.json", json.dumps({"auths": {"a.example": ADA}}))
    home.write("auth.json", json.dumps({"auths": {"b.example": ADA}}))
    home.write("run/containers/auth.json", json.dumps({"auths": {"c.example": ADA}}))
    home.write(".config/containers/auth.json", json.dumps({"auths": {"d.example": ADA}}))
    where = {"DOCKER_CONFIG": str(tmp_path / "elsewhere"), "XDG_RUNTIME_DIR": str(tmp_path / "run")}

    home.environment |= where
    assert [host for host in "abcd" if home.found(f"{host}.example")] == ["a", "c", "d"]

    home.environment |= {"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}
    assert [host for host in "abcd" if home.found(f"{host}.example")] == ["a", "b"]


def test_the_helper_of_a_registry_wins_over_the_file(tmp_path: Path) -> None:
    home = Home(tmp_path).helper("test").docker(auths={"reg.example": ADA}, credHelpers={"reg.example": "test"})

    assert home.found() == Credentials("helped", "by helper")


def test_the_store_is_asked_where_the_file_says_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path).helper("test").docker(auths={"reg.example": {}}, credsStore="test")

    assert home.found() == Credentials("helped", "by helper")
    assert home.found("unknown.example") is None


def test_a_helper_may_give_a_refresh_token(tmp_path: Path) -> None:
    home = Home(tmp_path).helper("test").docker(credHelpers={"token.example": "test"})

    assert home.found("token.example") == Credentials(refresh_token="refresh")


@pytest.mark.parametrize(
    ("host", "words"), [("broken.example", "not what a helper says"), ("locked.example", "the keychain is locked")]
)
def test_a_helper_that_fails_is_told_with_the_command_to_see_why(tmp_path: Path, host: str, words: str) -> None:
    home = Home(tmp_path).helper("test").docker(credHelpers={host: "test"})

    with pytest.raises(HostError, match=words) as failed:
        home.found(host)

    assert failed.value.hint == f"see what it says: echo {host} | docker-credential-test get"


def test_a_helper_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="docker-credential-absent"):
        Home(tmp_path).docker(credHelpers={"reg.example": "absent"}).found()


def test_a_broken_file_is_told_and_not_taken_for_no_login(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="cannot be read") as broken:
        Home(tmp_path).write(".docker/config.json", "{").found()

    assert broken.value.code == "registry-login"


def test_a_password_is_not_printed_with_its_owner() -> None:
    assert "word" not in repr(Credentials("ada", "pass:word"))
