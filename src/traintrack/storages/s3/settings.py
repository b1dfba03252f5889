"""What a bucket is set to by whoever owns it: versions, and rules that would delete what we keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from traintrack.errors import HostError
from traintrack.storages.s3.connection import Access, access_of, endpoint_of
from traintrack.storages.s3.credentials import open_session
from traintrack.storages.s3.place import Place, place_of

_NOT_SET: Final = frozenset({"NoSuchLifecycleConfiguration", "NotImplemented", "MethodNotAllowed"})
_TIMEOUT_S: Final = 10


class Advice(Struct, frozen=True):
    """Something that should be otherwise, and the next step."""

    message: str
    hint: str


class Settings(Struct, frozen=True):
    """What could be read of a bucket's settings; None is what could not, for the reason in `unread`."""

    versioned: bool | None = None
    advice: tuple[Advice, ...] = ()
    unread: str = ""


def read_settings(url: str, options: Mapping[str, Any] | None = None) -> Settings:
    """Read versions and lifecycle rules of the bucket of a store; takes boto3, and rights that few roles have."""
    place, access = place_of(url), access_of(options or {})
    try:
        client = _client(access)
    except HostError as error:
        return Settings(unread=error.message)
    from botocore.exceptions import (  # type: ignore[import-untyped]  # noqa: PLC0415  the session has found it
        BotoCoreError,
        ClientError,
    )

    try:
        versioned = client.get_bucket_versioning(Bucket=place.bucket).get("Status") == "Enabled"
    except (BotoCoreError, ClientError) as error:
        return Settings(unread=str(error).lower())
    try:
        rules = client.get_bucket_lifecycle_configuration(Bucket=place.bucket).get("Rules", [])
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") not in _NOT_SET:
            return Settings(versioned, unread=str(error).lower())
        rules = []
    except BotoCoreError as error:
        return Settings(versioned, unread=str(error).lower())
    return Settings(versioned, tuple(judge_rules(rules, place)))


def judge_rules(rules: Sequence[Mapping[str, Any]], place: Place) -> Iterator[Advice]:
    """Tell which lifecycle rules lose results, and which one is lacking.

    Source: Amazon S3 API Reference, "GetBucketLifecycleConfiguration"; flyteorg/flyte#6450 is what a rule can do.
    """
    live = [rule for rule in rules if rule.get("Status") == "Enabled"]
    for rule in live:
        if not _meets(rule, place.prefix):
            continue
        name = f"the lifecycle rule `{rule.get('ID') or 'without a name'}`"
        what = f"{name} of `{place.bucket}` covers `{place.url}`"
        if rule.get("Expiration", {}).keys() & {"Days", "Date"}:
            hint = "limit it to another prefix: results go by `traintrack gc`, which knows what is still needed"
            yield Advice(f"{what}: it deletes what results are made of", hint)
        if any(_is_slow(step.get("StorageClass", "")) for step in rule.get("Transitions", ())):
            yield Advice(f"{what}: it moves results to where they cannot be read at once", "limit it to another prefix")
    if not any("AbortIncompleteMultipartUpload" in rule and _covers(rule, place.prefix) for rule in live):
        hint = "add a lifecycle rule with AbortIncompleteMultipartUpload after 7 days"
        yield Advice(f"`{place.bucket}` keeps the parts of uploads that were broken off, and bills them", hint)


def _meets(rule: Mapping[str, Any], prefix: str) -> bool:
    """Tell if a rule may take an object of the store; ours have no tags."""
    wanted, tagged = _filter_of(rule)
    return not tagged and (prefix.startswith(wanted) or wanted.startswith(prefix))


def _covers(rule: Mapping[str, Any], prefix: str) -> bool:
    wanted, tagged = _filter_of(rule)
    return not tagged and prefix.startswith(wanted)


def _filter_of(rule: Mapping[str, Any]) -> tuple[str, bool]:
    """The prefix of a rule, and whether it asks for tags."""
    found: Mapping[str, Any] = rule.get("Filter") or {}
    both: Mapping[str, Any] = found.get("And") or {}
    prefix = rule.get("Prefix") or found.get("Prefix") or both.get("Prefix") or ""
    return str(prefix), bool(found.get("Tag") or both.get("Tags"))


def _is_slow(storage_class: str) -> bool:
    return storage_class in {"GLACIER", "DEEP_ARCHIVE"}


def _client(access: Access) -> Any:
    session = open_session(access.profile)
    from botocore.config import Config  # type: ignore[import-untyped]  # noqa: PLC0415

    config = Config(connect_timeout=_TIMEOUT_S, read_timeout=_TIMEOUT_S, retries={"total_max_attempts": 2})
    return session.client("s3", endpoint_url=endpoint_of(access), region_name=access.region, config=config)
