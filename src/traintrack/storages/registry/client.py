"""The part of the registry protocol that pins need: which digest a tag points at, without fetching a layer.

Source: OCI distribution specification 1.1, "Pulling manifests"; distribution project, "Token authentication
specification" and "OAuth2 token authentication".
"""

from __future__ import annotations

import hashlib
import json
import re
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from traintrack.action.image_ref import DOCKER_HUB, LATEST, ImageRef, parse_image_ref
from traintrack.errors import HostError, IntegrityError
from traintrack.storages.registry.credentials import Credentials, credentials_for
from traintrack.storages.registry.http import Answer, Http, UnreachableError

_ACCEPT = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
_HUB_ENDPOINT = "registry-1.docker.io"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_CLIENT = "traintrack"


class Registries:
    """Asks each registry with the user's own login, once per name; `environment` says where the logins are."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._known: dict[str, str] = {}
        self._silent: dict[str, HostError] = {}

    def digest(self, ref: str) -> str:
        """Return what a name points at, `sha256:…`: the multi-platform index where there is one.

        Raises:
            InputError: this is not the name of an image.
            HostError: code `registry-unreachable`, `registry-denied`, `registry-login` or `no-such-image`.
        """
        known = self._known.get(ref)
        if known is None:
            known = self._known[ref] = self._ask(ref)
        return known

    def _ask(self, ref: str) -> str:
        parsed = parse_image_ref(ref)
        if parsed.digest is not None:
            return parsed.digest
        if parsed.host in self._silent:
            raise self._silent[parsed.host]
        try:
            return _Question(parsed, ref, lambda: credentials_for(parsed.host, self._environment)).digest()
        except UnreachableError as error:
            silent = HostError(
                f"the registry `{parsed.host}` cannot be reached: {error}",
                code="registry-unreachable",
                hint=f"try again when this works: curl -sSI {_base(parsed)}/v2/",
            )
            self._silent[parsed.host] = silent
            raise silent from error


class _Question:
    """One name at one registry."""

    def __init__(self, ref: ImageRef, text: str, login: Callable[[], Credentials | None]) -> None:
        self._ref, self._text, self._login = ref, text, login
        self._http = Http(ref.host, is_loopback=ref.is_loopback)
        self._url = f"{_base(ref)}/v2/{ref.repository}/manifests/{ref.tag or LATEST}"

    def digest(self) -> str:
        """The digest that the registry gives, or that of the manifest's own bytes if it gives none."""
        answer, authorization = self._authorized("HEAD")
        digest = answer.headers.get("Docker-Content-Digest")
        if digest is None:
            answer = self._http.ask("GET", self._url, {"Accept": _ACCEPT}, authorization=authorization)
            self._check(answer)
            digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        if not _DIGEST.match(digest):
            raise IntegrityError(
                f"`{self._ref.host}` gives `{digest[:80]}` for `{self._text}`, which is no SHA-256 digest",
                code="registry-digest",
                hint="pin the image by hand: write `ref: NAME@sha256:…`",
            )
        return digest

    def _authorized(self, method: str) -> tuple[Answer, str]:
        """Ask; where the registry wants a name, ask again as it says."""
        answer = self._http.ask(method, self._url, {"Accept": _ACCEPT})
        authorization = ""
        if answer.status == 401:
            authorization = self._authorization(answer)
            if authorization:
                answer = self._http.ask(method, self._url, {"Accept": _ACCEPT}, authorization=authorization)
        self._check(answer)
        return answer, authorization

    def _authorization(self, refused: Answer) -> str:
        challenges = refused.headers.get_all("WWW-Authenticate") or []
        for challenge in challenges:
            kind, _, rest = challenge.partition(" ")
            parameters = dict(_PARAMETER.findall(rest))
            if kind.lower() == "bearer" and "realm" in parameters:
                return f"Bearer {self._token(parameters)}"
        credentials = self._login()
        if credentials is None or credentials.refresh_token:
            return ""
        return credentials.basic

    def _token(self, challenge: Mapping[str, str]) -> str:
        realm = challenge["realm"]
        if not realm.startswith("https://") and not self._ref.is_loopback:
            # Whoever reads the wire would have the password.
            raise self._denied(f"it asks for a login over `{realm[:80]}`, which is not encrypted")
        credentials = self._login()
        asked = {
            "service": challenge.get("service", ""),
            "scope": challenge.get("scope") or f"repository:{self._ref.repository}:pull",
        }
        if credentials is not None and credentials.refresh_token:
            grant = {"grant_type": "refresh_token", "client_id": _CLIENT, "refresh_token": credentials.refresh_token}
            form = urllib.parse.urlencode({**asked, **grant}).encode()
            answer = self._http.ask("POST", realm, {}, form=form)
        else:
            url = f"{realm}{'&' if '?' in realm else '?'}{urllib.parse.urlencode(asked)}"
            answer = self._http.ask("GET", url, {}, authorization=credentials.basic if credentials else "")
        token = _token_in(answer)
        if token is None:
            raise self._denied("the login is not accepted" if credentials else "it wants a login")
        return token

    def _check(self, answer: Answer) -> None:
        """Raise what a status means."""
        if answer.status == 200:
            return
        if answer.status in (401, 403):
            raise self._denied("the login has no right to it, or there is no such repository")
        if answer.status == 404:
            raise HostError(
                f"`{self._text}` is not at `{self._ref.host}`",
                code="no-such-image",
                hint=f"correct the name, or push it: docker push {self._text}",
            )
        if answer.status == 429:
            raise HostError(
                f"the registry `{self._ref.host}` answers no more for now: too many requests",
                code="registry-limit",
                hint=f"wait, or log in for a higher limit: {_login_command(self._ref)}",
            )
        raise UnreachableError(f"it answers {answer.status}")

    def _denied(self, reason: str) -> HostError:
        return HostError(
            f"the registry `{self._ref.host}` refuses `{self._text}`: {reason}",
            code="registry-denied",
            hint=_login_command(self._ref),
        )


def _base(ref: ImageRef) -> str:
    host = _HUB_ENDPOINT if ref.host == DOCKER_HUB else ref.host
    return f"{'http' if ref.is_loopback else 'https'}://{host}"


def _login_command(ref: ImageRef) -> str:
    return "docker login" if ref.host == DOCKER_HUB else f"docker login {ref.host}"


def _token_in(answer: Answer) -> str | None:
    if answer.status != 200:
        return None
    try:
        value: Any = json.loads(answer.body)
    except ValueError:
        return None
    token = (value.get("token") or value.get("access_token")) if isinstance(value, dict) else None
    return token if isinstance(token, str) else None
