"""Connections to a bucket: where it is, who we are, and how often and how long a request is tried."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from obstore.exceptions import BaseError
from obstore.store import S3Store

from traintrack.errors import HostError, InputError
from traintrack.storages.s3.answers import first_line
from traintrack.storages.s3.credentials import credentials_of

if TYPE_CHECKING:
    from obstore.auth.boto3 import Boto3CredentialProvider
    from obstore.store import ClientConfig, S3Config

_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_CONNECT_S: Final = 5.0
_DAY_S: Final = 86_400.0
_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 5.0


class Tries(Struct, frozen=True):
    """How long a request may take in seconds, without an answer and in all, and how often the client repeats it."""

    retries: int
    within_s: float
    timeout_s: float
    silence_s: float | None = None


ONCE = Tries(retries=0, within_s=0.0, timeout_s=15.0)
"""Conditional writes: a repetition that follows one's own success would be answered as a refusal."""

READS = Tries(retries=3, within_s=10.0, timeout_s=_DAY_S, silence_s=20.0)
"""An answer may be as long as it is; what must not be long is the silence between two pieces of it."""

WRITES = Tries(retries=3, within_s=60.0, timeout_s=300.0)
"""Of at most one part of a large object. There is silence for as long as it is on its way."""


class Access(Struct, frozen=True):
    """What TTWORKSPACE.yaml says on top of the environment: None is what `AWS_…` says."""

    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None


def access_of(options: Mapping[str, Any]) -> Access:
    """Return what the options of an environment in TTWORKSPACE.yaml say about its bucket.

    Raises:
        InputError: one of them is no text.
    """
    found = {name: options.get(name) for name in ("endpoint", "region", "profile")}
    for name, value in found.items():
        if value is not None and not (isinstance(value, str) and value):
            raise InputError(f"`{name}` of an environment is a text", code="bad-value", hint=f"write `{name}: …`")
    return Access(**found)


def endpoint_of(access: Access) -> str | None:
    """The address of the service, None for that of AWS."""
    return access.endpoint or next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), None)


def open_stores(bucket: str, access: Access, *tries: Tries) -> tuple[S3Store, ...]:
    """Open a bucket once for each kind of request, all with the same credentials; asks nobody yet.

    Raises:
        HostError: settings or credentials are not usable.
    """
    provider = credentials_of(access.profile)
    try:
        return tuple(_open(bucket, access, provider, one) for one in tries)
    except (BaseError, ValueError) as error:
        message = f"bucket `{bucket}` cannot be opened: {first_line(error)}"
        raise HostError(message, code="storage-denied", hint="look at the variables: env | grep AWS_") from error


def _open(bucket: str, access: Access, provider: Boto3CredentialProvider | None, tries: Tries) -> S3Store:
    config: S3Config = {"disable_bulk_delete": True}
    endpoint = endpoint_of(access)
    if endpoint:
        config["endpoint"] = endpoint
    if access.region:
        config["region"] = access.region
    if not os.environ.get("AWS_CHECKSUM_ALGORITHM"):
        # Costs nothing more: the signature needs the same digest.
        config["checksum_algorithm"] = "SHA256"
    client: ClientConfig = {
        # A server of one's own without TLS is asked for by its address.
        "allow_http": (endpoint or "").startswith("http://"),
        "connect_timeout": timedelta(seconds=_CONNECT_S),
        "timeout": timedelta(seconds=tries.timeout_s),
    }
    if tries.silence_s is not None:
        client["read_timeout"] = timedelta(seconds=tries.silence_s)
    return S3Store(
        bucket,
        config=config,
        client_options=client,
        retry_config={
            "max_retries": tries.retries,
            "retry_timeout": timedelta(seconds=tries.within_s),
            "backoff": {
                "init_backoff": timedelta(seconds=_FIRST_PAUSE_S),
                "max_backoff": timedelta(seconds=_LONGEST_PAUSE_S),
                "base": 2,
            },
        },
        credential_provider=provider,
    )
