"""Requests to a registry: plain HTTP on loopback, TLS elsewhere, proxies as the environment says."""

from __future__ import annotations

import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from email.message import Message
from http.client import HTTPException
from pathlib import Path

from msgspec import Struct

_TIMEOUT_S = 15.0
_MAX_BODY_BYTES = 8 << 20
_PAUSES_S = (0.3, 1.0)
_CERTIFICATES = Path("/etc/docker/certs.d")


class Answer(Struct, frozen=True):
    """What a registry said; `headers` are looked up without regard to case."""

    status: int
    headers: Message
    body: bytes


class UnreachableError(Exception):
    """There was no answer, also not after some tries; the message says why, in few words."""


class Http:
    """Asks one registry. The header `Authorization` is never carried along by a redirect."""

    def __init__(self, host: str, *, is_loopback: bool) -> None:
        handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=_tls(host))]
        if is_loopback:
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def ask(
        self, method: str, url: str, headers: Mapping[str, str], *, authorization: str = "", form: bytes | None = None
    ) -> Answer:
        """Ask once, and again where the registry had a moment of weakness (429 and 5xx, a lost connection).

        Raises:
            UnreachableError: no answer.
        """
        request = urllib.request.Request(url, data=form, headers=dict(headers), method=method)  # noqa: S310  see client.py
        if authorization:
            request.add_unredirected_header("Authorization", authorization)
        for pause in (*_PAUSES_S, None):
            try:
                answer = self._once(request)
            except (OSError, HTTPException) as error:
                # A name that is not known and a door that is shut are answers; only what broke off is tried again.
                if pause is None or not isinstance(error, ConnectionResetError | HTTPException):
                    raise UnreachableError(_reason(error)) from error
            else:
                if pause is None or (answer.status < 500 and answer.status != 429):
                    return answer
            time.sleep(pause)
        raise AssertionError

    def _once(self, request: urllib.request.Request) -> Answer:
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as response:
                return Answer(response.status, response.headers, response.read(_MAX_BODY_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read(_MAX_BODY_BYTES))


def _tls(host: str) -> ssl.SSLContext:
    """The system's authorities, and those that docker was given for this registry."""
    context = ssl.create_default_context()
    for path in sorted((_CERTIFICATES / host).glob("*.crt")):
        context.load_verify_locations(path)
    return context


def _reason(error: OSError | HTTPException) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message})"
    if isinstance(cause, TimeoutError):
        return f"no answer within {_TIMEOUT_S:.0f} s"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return str(cause) or type(cause).__name__
