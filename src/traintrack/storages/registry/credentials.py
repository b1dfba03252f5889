"""What `docker login` and `podman login` left for a registry: in a file, or with a credential helper.

Source: docker CLI reference, `docker login`, "Credential stores" and "Credential helpers";
containers-auth.json(5) for the places of podman.
"""

from __future__ import annotations

import base64
import binascii
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from traintrack.action.image_ref import DOCKER_HUB
from traintrack.errors import HostError

_HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")
_HELPER_TIMEOUT_S = 30
_TOKEN_USER = "<token>"  # noqa: S105  a helper says so that its secret is a refresh token


class Credentials(Struct, frozen=True):
    """What to show a registry. `refresh_token` stands alone; else user and password do."""

    user: str = ""
    password: str = ""
    refresh_token: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.user!r})"

    @property
    def basic(self) -> str:
        """The header of HTTP basic authentication."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")


def credentials_for(host: str, environment: Mapping[str, str]) -> Credentials | None:
    """Return what the user's files know about a registry, None if nothing: then one asks without a name.

    Raises:
        HostError: a file cannot be read as JSON, or a credential helper fails.
    """
    for path in _files(environment):
        config = _read(path)
        found = None if config is None else _from_config(config, host, environment)
        if found is not None:
            return found
    return None


def _files(environment: Mapping[str, str]) -> Iterator[Path]:
    """Where docker looks, then where podman does."""
    home = Path(environment.get("HOME") or Path.home())
    yield Path(environment.get("DOCKER_CONFIG") or home / ".docker") / "config.json"
    named = environment.get("REGISTRY_AUTH_FILE")
    if named:
        yield Path(named)
        return
    runtime = environment.get("XDG_RUNTIME_DIR")
    if runtime:
        yield Path(runtime) / "containers" / "auth.json"
    yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "containers" / "auth.json"


def _read(path: Path) -> Mapping[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise HostError(
            f"the logins in `{path}` cannot be read: {error}",
            code="registry-login",
            hint=f"correct it, or move it away and log in again: mv {path} {path}.old",
        ) from error
    return value if isinstance(value, dict) else None


def _from_config(config: Mapping[str, Any], host: str, environment: Mapping[str, str]) -> Credentials | None:
    keys = _HUB_KEYS if host == DOCKER_HUB else (host, f"https://{host}", f"http://{host}", f"https://{host}/v2/")
    helpers = _map(config, "credHelpers")
    for key in keys:
        if isinstance(helpers.get(key), str):
            return _from_helper(helpers[key], key, environment)
    auths = _map(config, "auths")
    for key in keys:
        found = _from_auth(auths.get(key))
        if found is not None:
            return found
    store = config.get("credsStore")
    if isinstance(store, str) and store:
        # A store is asked by the key of the login; what is not in `auths` was never logged in to.
        return _from_helper(store, next((key for key in keys if key in auths), keys[0]), environment)
    return None


def _from_auth(auth: Any) -> Credentials | None:
    if not isinstance(auth, dict):
        return None
    if isinstance(auth.get("identitytoken"), str) and auth["identitytoken"]:
        return Credentials(refresh_token=auth["identitytoken"])
    if auth.get("username") and auth.get("password"):
        return Credentials(str(auth["username"]), str(auth["password"]))
    try:
        text = base64.b64decode(str(auth.get("auth") or ""), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    user, colon, password = text.partition(":")
    return Credentials(user, password.rstrip("\0")) if colon else None


def _from_helper(name: str, key: str, environment: Mapping[str, str]) -> Credentials | None:
    program = f"docker-credential-{name}"
    try:
        asked = subprocess.run(
            [program, "get"],
            input=key.encode(),
            capture_output=True,
            env=dict(environment),
            timeout=_HELPER_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _helper_error(program, key, str(error)) from error
    if asked.returncode != 0:
        said = (asked.stdout + asked.stderr).decode("utf-8", "replace").strip()
        if "credentials not found" in said:
            return None
        raise _helper_error(program, key, said.splitlines()[-1] if said else f"it ended with {asked.returncode}")
    try:
        answer = json.loads(asked.stdout)
        user, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, KeyError, TypeError) as error:
        raise _helper_error(program, key, "its answer is not what a helper says") from error
    return Credentials(refresh_token=secret) if user == _TOKEN_USER else Credentials(user, secret)


def _helper_error(program: str, key: str, reason: str) -> HostError:
    return HostError(
        f"the credential helper `{program}` gives nothing for `{key}`: {reason}",
        code="registry-login",
        hint=f"see what it says: echo {key} | {program} get",
    )


def _map(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = config.get(name)
    return value if isinstance(value, dict) else {}
