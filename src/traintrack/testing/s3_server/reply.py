"""One request and its answer, with all that rules do to both."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from traintrack.testing.s3_server.access import Caller
from traintrack.testing.s3_server.answer import NOTHING, Answer, xml_answer
from traintrack.testing.s3_server.conditions import CONDITIONS, COPY_SOURCE
from traintrack.testing.s3_server.content import flipped, of_bytes
from traintrack.testing.s3_server.faults import (
    CutBody,
    Delay,
    DeliverLate,
    Effect,
    ErrorIn200,
    FlipBit,
    Hold,
    IgnoreConditions,
    LoseAnswer,
    Respond,
    When,
)
from traintrack.testing.s3_server.operations import carry_out
from traintrack.testing.s3_server.receive import Received
from traintrack.testing.s3_server.request import Head, Request, address_of, operation_of
from traintrack.testing.s3_server.request_log import LoggedRequest
from traintrack.testing.s3_server.s3_error import S3Error, error_document
from traintrack.testing.s3_server.signature import claimed_key
from traintrack.testing.s3_server.site import Site

_CONDITIONS = frozenset(CONDITIONS) | {COPY_SOURCE + name for name in CONDITIONS}
_LISTS = ("ListObjectsV2", "ListMultipartUploads")


class Reply(Struct, frozen=True, eq=False):
    """What is sent: nothing if there is no answer, `keep_bytes` of its body if that is not None; then the end."""

    answer: Answer | None
    keep_bytes: int | None = None


def reply_to(site: Site, head: Head, received: Received, under_way: int) -> Reply:
    """Carry a request out as the rules of the server have it, note it, and return what is to be sent."""
    entry = LoggedRequest("", "", "", 0, received_bytes=received.content.size_bytes, under_way=under_way)
    try:
        address = address_of(head)
        operation = operation_of(head.method, address, head.headers)
    except S3Error as error:
        answer = error_answer(head, error.status, error.code, error.message)
        site.log.add(_noted(entry, answer))
        return Reply(answer)
    key = address.query.get("prefix", "") if operation in _LISTS else address.key
    effects = site.faults.effects_on(operation, key)
    caller = Caller(site.access, claimed_key(head.headers))
    parts = (address.bucket, address.key, address.query, received.headers, received.content, received.found)
    request = Request(head, *parts, caller)
    entry = replace(_named(entry, request, effects), operation=operation, bucket=address.bucket, key=key)
    return _met(site, operation, request, effects, entry)


def error_answer(head: Head, status: int, code: str, message: str) -> Answer:
    """Return an error as S3 words it; one without a code has no body."""
    request_id = secrets.token_hex(8)
    named = (("x-amz-request-id", request_id),)
    if not code or head.method == "HEAD" or status == 304:
        return Answer(status, named, NOTHING, code=code)
    body = error_document(code, message, head.target.partition("?")[0], request_id)
    return Answer(status, (("Content-Type", "application/xml"), *named), of_bytes(body), code=code)


def _met(site: Site, operation: str, request: Request, effects: tuple[Effect, ...], entry: LoggedRequest) -> Reply:
    """The reply to a request that rules have these effects on."""
    if not effects:
        answer = _applied(site, operation, request)
        site.log.add(_noted(entry, answer))
        return Reply(answer)
    if any(isinstance(effect, IgnoreConditions) for effect in effects):
        request = replace(request, headers=_without_conditions(request.headers))
    answer_or_none = _affected(site, operation, request, effects, entry)
    keep = None
    for effect in effects:
        if isinstance(effect, CutBody) and answer_or_none is not None:
            size = answer_or_none.content.size_bytes
            keep = size // 2 if effect.keep_bytes is None else min(effect.keep_bytes, size)
    site.log.add(entry if answer_or_none is None else _noted(entry, answer_or_none, keep))
    return Reply(answer_or_none, keep)


def _affected(
    site: Site, operation: str, request: Request, effects: Iterable[Effect], entry: LoggedRequest
) -> Answer | None:
    _wait(site, effects, When.BEFORE)
    instead = _instead(request.head, effects, When.BEFORE)
    if instead is not None:
        return instead
    for effect in effects:
        if isinstance(effect, DeliverLate):
            site.late.add(lambda: _deliver(site, operation, request, entry), effect.after_s)
            return None
    answer = _applied(site, operation, request)
    _wait(site, effects, When.AFTER)
    answer = _instead(request.head, effects, When.AFTER) or answer
    for effect in effects:
        if isinstance(effect, LoseAnswer):
            return None
        if isinstance(effect, FlipBit):
            answer = replace(answer, content=flipped(answer.content, effect.at_byte))
    return answer


def _applied(site: Site, operation: str, request: Request) -> Answer:
    try:
        return carry_out(site.buckets, operation, request)
    except S3Error as error:
        return error_answer(request.head, error.status, error.code, error.message)


def _deliver(site: Site, operation: str, request: Request, entry: LoggedRequest) -> None:
    answer = _applied(site, operation, request)
    site.log.add(replace(_noted(entry, answer), sent_bytes=0, effects=("delivered",)))


def _wait(site: Site, effects: Iterable[Effect], when: When) -> None:
    for effect in effects:
        if isinstance(effect, Delay | Hold) and effect.when is when:
            site.faults.wait(effect)


def _instead(head: Head, effects: Iterable[Effect], when: When) -> Answer | None:
    for effect in effects:
        if isinstance(effect, Respond) and effect.when is when:
            return error_answer(head, effect.status, effect.code, "this answer is a rule of the server")
        if isinstance(effect, ErrorIn200) and effect.when is when:
            return xml_answer(error_document(effect.code, "this answer is a rule of the server", "", ""))
    return None


def _without_conditions(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: word for name, word in headers.items() if name not in _CONDITIONS}


def _named(entry: LoggedRequest, request: Request, effects: Iterable[Effect]) -> LoggedRequest:
    return replace(
        entry,
        range=request.headers.get("range", ""),
        access_key=request.caller.access_key,
        conditional=not _CONDITIONS.isdisjoint(request.headers),
        effects=tuple(effect.__struct_config__.tag for effect in effects),
    )


def _noted(entry: LoggedRequest, answer: Answer, keep: int | None = None) -> LoggedRequest:
    sent = answer.content.size_bytes if keep is None else keep
    return replace(entry, status=answer.status, code=answer.code, sent_bytes=sent)
