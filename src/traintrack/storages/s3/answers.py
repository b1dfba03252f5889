"""What a bucket's answer means: known from its status and code, which the client tells only in the text of its errors.

Classes of the client's own errors are no guide: it calls 409 "already exists", and a missing bucket "precondition".
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from traintrack.errors import HostError
from traintrack.ports.objects import PreconditionFailedError, UnknownOutcomeError

_STATUS: Final = re.compile(r"status code: (\d{3})")
_FIELD: Final = re.compile(r"<(Code|Message|Region|RequestTime|ServerTime)>([^<]*)<")
_METADATA_SERVICE: Final = ("/latest/api/token", "/latest/meta-data", "169.254.170.2")
_ACCOUNT: Final = re.compile(r"Error performing \w+ (\w+://[^/\s]+)\S* in ")
_CAUSE: Final = re.compile(r'(?:message|error): "([^"]+)"')
_PROFILE: Final = re.compile(r"External AWS credential provider: (\w+): ([^\n]*)")
_OUT_OF_REACH: Final = re.compile(r"Connect|Timeout|HTTPClient")
_BARE_REDIRECT: Final = "redirect without LOCATION"
_ENDED_UPLOAD: Final = "NoSuchUpload"
"""The upload in parts has ended, perhaps by one's own earlier request whose answer was lost."""
_PASSING: Final = frozenset({408, 409, 416, 425, 429, 500, 502, 503, 504})
_PASSING_CODES: Final = frozenset(
    # The last four are bytes that were damaged or cut on their way.
    {
        *("RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "OperationAborted"),
        *("BadDigest", "InvalidDigest", "IncompleteBody", "XAmzContentSHA256Mismatch"),
    }
)
_REGION_CODES: Final = frozenset(
    {"AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException"}
)
_LOGIN_CODES: Final = frozenset({"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "ExpiredTokenException"})

Outcome = HostError | PreconditionFailedError | UnknownOutcomeError | FileNotFoundError


class Answer(Struct, frozen=True):
    """An answer that was no success. `status` is None where there was none; `code` is the store's word, or empty."""

    status: int | None
    code: str
    fields: dict[str, str]
    text: str


def read_answer(error: BaseException) -> Answer:
    """Find status and code in an error of the client."""
    said = str(error).partition("\n\nDebug source:")[0]
    status = _STATUS.search(said)
    fields = dict(_FIELD.findall(said))
    return Answer(int(status[1]) if status else None, fields.get("Code", ""), fields, said)


def outcome_of(error: BaseException, url: str) -> Outcome:
    """Return what is to be raised for an error of the client; `url` is what was asked for.

    FileNotFoundError: there is no such object, or there was none to replace.
    """
    answer = read_answer(error)
    refused = refusal(answer, url, "storage")
    if refused is not None:
        return refused
    if answer.status == 412:
        return PreconditionFailedError(url)
    if answer.status == 404 and answer.code != _ENDED_UPLOAD:
        return FileNotFoundError(url)
    if passes(answer):
        return UnknownOutcomeError(f"{url}: {first_line(error)}")
    hint = "see what the store says with: aws s3api list-objects-v2 --max-keys 1 --bucket BUCKET"
    return HostError(f"`{url}`: {first_line(error)}", code="storage-refused", hint=hint)


def passes(answer: Answer) -> bool:
    """Tell if nothing is known, or if asking again may help: no answer, a busy store, damage on the way."""
    if answer.status is None or answer.code in _PASSING_CODES:
        return True
    return answer.status in _PASSING or answer.status < 300 or answer.code == _ENDED_UPLOAD


def refusal(answer: Answer, url: str, kind: str) -> HostError | None:
    """Return the error of an answer that stays the same however often one asks, with the way out; None for others.

    The codes of the errors begin with `kind`.
    """
    if answer.code == "NoSuchBucket":
        hint = "see yours: aws s3 ls; make one: aws s3 mb s3://BUCKET"
        return HostError(f"there is no bucket of `{url}`", code=f"{kind}-missing", hint=hint)
    if answer.code == "RequestTimeTooSkewed":
        return _skewed(answer, url, kind)
    if answer.code in _REGION_CODES or _BARE_REDIRECT in answer.text or answer.status in {301, 307, 308}:
        region = answer.fields.get("Region")
        hint = f"write `region: {region or 'REGION'}` at the environment in TTWORKSPACE.yaml, or set AWS_REGION"
        where = f" `{region}`" if region else ""
        return HostError(f"`{url}` is in another region{where}", code=f"{kind}-region", hint=hint)
    if answer.code in _LOGIN_CODES:
        return HostError(f"`{url}`: the login has run out", code=f"{kind}-denied", hint="log in again: aws sso login")
    profile = _PROFILE.search(answer.text)
    if profile is not None and not _OUT_OF_REACH.search(profile[1]):
        hint = "log in again: aws sso login"
        return HostError(f"`{url}`: no credentials: {profile[2].lower()}", code=f"{kind}-denied", hint=hint)
    if asks_machine(answer):
        hint = (
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for public data AWS_SKIP_SIGNATURE=true"
        )
        return HostError(f"`{url}`: there are no credentials", code=f"{kind}-denied", hint=hint)
    if answer.status in {401, 403}:
        code = f" ({answer.code})" if answer.code else ""
        hint = "see who you are: aws sts get-caller-identity"
        return HostError(f"`{url}`: access is denied{code}", code=f"{kind}-denied", hint=hint)
    if answer.status in {405, 501}:
        hint = "use a store that keeps `If-None-Match` and `If-Match`, such as S3 itself"
        return HostError(f"`{url}`: the store cannot do this", code="no-conditions", hint=hint)
    return None


def asks_machine(answer: Answer) -> bool:
    """Tell if the service of the machine that gives its role's credentials did not answer; there may be none."""
    return answer.status is None and any(service in answer.text for service in _METADATA_SERVICE)


def _skewed(answer: Answer, url: str, kind: str) -> HostError:
    clocks = [answer.fields.get(name) for name in ("RequestTime", "ServerTime")]
    told = f": {clocks[0]} here, {clocks[1]} there" if all(clocks) else ""
    hint = "set the clock of this machine: sudo timedatectl set-ntp true"
    return HostError(f"`{url}`: the clocks differ too much{told}", code=f"{kind}-clock", hint=hint)


def first_line(error: BaseException) -> str:
    """What the client says in one line of lower case, less its own account of how it came to say so."""
    said, _, told = str(error).partition("\n\nDebug source:")
    answer = read_answer(error)
    account = _ACCOUNT.search(said)
    server = account[1] if account else "the store"
    if account and answer.status is None and _BARE_REDIRECT not in said:
        causes = ["timed out"] if "TimedOut" in told else _CAUSE.findall(told)
        line = f"{server} gives no answer{f': {causes[-1]}' if causes else ''}"
    elif answer.status is not None:
        words = " ".join(filter(None, (answer.code, answer.fields.get("Message"))))
        line = f"{server} answers {answer.status}{f': {words}' if words else ''}"
    else:
        line = said.partition("<?xml")[0].partition("\n")[0].removeprefix("Generic S3 error: ").strip()
    return line[:300].rstrip(".").lower() or type(error).__name__
