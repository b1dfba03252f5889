"""One file behind a URL: found with HEAD, read with GET, and read on from where a connection broke off."""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from typing import IO, Any, Final

from traintrack.errors import HostError, InputError, IntegrityError, TraintrackError
from traintrack.ports.sources import CutError, Reading, SourceEntry
from traintrack.storages.sources.patience import Patience
from traintrack.storages.sources.uri import last_name

TIMEOUT_S: Final = 30.0
"""Silence of a server for so long counts as a cut."""

_READ_BYTES: Final = 1 << 20
_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_NO_HEAD: Final = frozenset({400, 403, 405, 501})
"""Servers, and links that were signed for GET only, answer so to HEAD and would give the file."""

_ETAG: Final = "etag "
_MODIFIED: Final = "modified "


class HttpsReader:
    """Reads over HTTPS. The version of a file is its ETag, else its Last-Modified."""

    def __init__(self, patience: Patience | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self._patience = patience or Patience()
        self._timeout_s = timeout_s
        self._opener = urllib.request.build_opener(_SafeRedirects())

    def list(self, uri: str) -> Iterator[SourceEntry]:
        """See `SourceReader`."""
        yield self._patience.call(lambda: self._look(uri), f"`{uri}`")

    def open(self, uri: str, entry: SourceEntry, offset: int) -> Reading:
        """See `SourceReader`. Without an ETag or a time of change nothing says that a rest belongs to what came before."""
        headers = {}
        if offset and entry.version and not entry.version.startswith(f"{_ETAG}W/"):
            condition = entry.version.removeprefix(_ETAG).removeprefix(_MODIFIED)
            headers = {"Range": f"bytes={offset}-", "If-Range": condition}
        answer = self._ask(uri, "GET", headers)
        start = _start_of(answer, offset)
        if entry.version and _version(answer.headers) != entry.version:
            answer.close()
            raise IntegrityError(f"`{uri}` changed while it was read", code="source-changed", hint="run again")
        return Reading(start, _chunks(answer))

    def _look(self, uri: str) -> SourceEntry:
        try:
            answer = self._ask(uri, "HEAD", {})
        except _AnswerError as error:
            if error.status not in _NO_HEAD:
                raise
            answer = self._ask(uri, "GET", {})
        with answer:
            return SourceEntry(last_name(uri), _length(answer.headers), _version(answer.headers))

    def _ask(self, uri: str, method: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        request = urllib.request.Request(uri, headers={**headers, "Accept-Encoding": "identity"}, method=method)  # noqa: S310
        request.add_header("User-Agent", "traintrack")
        try:
            answer: http.client.HTTPResponse = self._opener.open(request, timeout=self._timeout_s)
            return answer
        except urllib.error.HTTPError as error:
            error.close()
            raise _of_status(uri, error.code, error.reason) from error
        except urllib.error.URLError as error:
            raise _of_reason(uri, error.reason) from error
        except (OSError, http.client.HTTPException) as error:
            raise _of_reason(uri, error) from error


class _AnswerError(HostError):
    """A refusal of the server that asking again does not change."""

    status = 0


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, keeps the method, and never leaves HTTPS."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if not newurl.lower().startswith("https://"):
            message = f"`{req.full_url}` leads to `{newurl.partition('?')[0][:200]}`, which is not https"
            raise HostError(message, code="source-refused", hint="name a URL that stays with https")
        made = super().redirect_request(req, fp, code, msg, headers, newurl)
        if made is not None:
            made.method = req.get_method()
        return made


def _of_status(uri: str, status: int, reason: object) -> TraintrackError | CutError:
    said = f"`{uri}`: the server says {status} {reason}".rstrip()
    if status in _BUSY:
        return CutError(said)
    if status in {404, 410}:
        return InputError(said, code="source-missing", hint="correct the URL, or ask its owner where it has gone")
    refused = _AnswerError(
        said, code="source-denied", hint="use a URL that needs no login, or `s3://`, where credentials are known"
    )
    refused.status = status
    return refused


def _of_reason(uri: str, reason: object) -> HostError | CutError:
    words = str(getattr(reason, "strerror", None) or reason or type(reason).__name__).lower()
    if isinstance(reason, ssl.SSLCertVerificationError):
        message = f"`{uri}`: the certificate is not trusted: {reason.verify_message}"
        return HostError(message, code="source-certificate", hint="name the right authority: `SSL_CERT_FILE=FILE`")
    if isinstance(reason, socket.gaierror) and reason.errno == socket.EAI_NONAME:
        message = f"`{uri}`: there is no such host"
        return HostError(message, code="source-unreachable", hint="correct the URL, or look at the network")
    return CutError(f"`{uri}`: {words}")


def _start_of(answer: http.client.HTTPResponse, offset: int) -> int:
    if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
        return 0
    unit, _, rest = answer.headers.get("Content-Range", "").partition(" ")
    first = rest.partition("-")[0]
    if unit != "bytes" or not first.isdigit() or int(first) > offset:
        answer.close()
        raise CutError("the server sent another part than was asked for")
    return int(first)


def _length(headers: Message) -> int | None:
    text = headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() else None


def _version(headers: Message) -> str:
    if etag := headers.get("ETag", "").strip():
        return _ETAG + etag
    modified = headers.get("Last-Modified", "").strip()
    return _MODIFIED + modified if modified else ""


def _chunks(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body. A connection that ends early is silent about it, so the bytes are counted."""
    missing = _length(answer.headers)
    with answer:
        while True:
            try:
                data = answer.read(_READ_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise CutError(str(error) or type(error).__name__) from error
            if not data:
                break
            missing = None if missing is None else missing - len(data)
            yield data
    if missing:
        raise CutError(f"the connection ended {missing:,} bytes early")
