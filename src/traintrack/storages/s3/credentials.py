"""Who we are to a bucket: what the environment says, or a profile of `~/.aws`, read by boto3 where it is installed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from traintrack.errors import HostError

if TYPE_CHECKING:
    from boto3.session import Session  # type: ignore[import-untyped]
    from obstore.auth.boto3 import Boto3CredentialProvider

_NAMED_BY: tuple[str, ...] = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
_TOLD_BY: tuple[str, ...] = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


def credentials_of(profile: str | None) -> Boto3CredentialProvider | None:
    """Return who reads a profile, None where the environment or the machine itself says who we are.

    A profile that is named in TTWORKSPACE.yaml goes before the environment, as with every tool of AWS; one that is
    named by `AWS_PROFILE` goes after its keys. With neither, the default profile is read if there is one.

    Raises:
        HostError: a profile is named that cannot be read.
    """
    if profile is None:
        if os.environ.get("AWS_SKIP_SIGNATURE", "").lower() in {"1", "true", "yes"}:
            return None
        if any(os.environ.get(name) for name in _TOLD_BY):
            return None
    named = profile or next((os.environ[name] for name in _NAMED_BY if os.environ.get(name)), None)
    if named is None and not _has_profiles(os.environ):
        return None
    try:
        return _read_profile(named)
    except HostError:
        if named is None:
            return None  # The machine may have a role: the store tries that.
        raise


def open_session(profile: str | None) -> Session:
    """Return a session of boto3 for a profile, or for what the environment says.

    Raises:
        HostError: boto3 is not installed, or has no such profile.
    """
    try:
        from boto3.session import Session  # noqa: PLC0415  slow to import, and not always installed
        from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as error:
        message = f"boto3 is needed to read the profile `{profile or 'default'}`, and is not installed"
        raise HostError(message, code="storage-denied", hint="pip install boto3") from error
    try:
        return Session(profile_name=profile)
    except BotoCoreError as error:
        message = f"the profile `{profile or 'default'}` cannot be read: {str(error).lower()}"
        raise HostError(message, code="storage-denied", hint="see yours: aws configure list-profiles") from error


def _read_profile(profile: str | None) -> Boto3CredentialProvider:
    session = open_session(profile)
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415
    from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415  imports boto3

    try:
        provider = Boto3CredentialProvider(session)
        provider()  # A login that has run out is told here and not with the first request.
    except (BotoCoreError, ValueError, AssertionError) as error:
        name = profile or "default"
        hint = f"log in: aws sso login --profile {name}"
        message = f"the profile `{name}` gives no credentials: {str(error).lower()}"
        raise HostError(message, code="storage-denied", hint=hint) from error
    return provider


def _has_profiles(environ: Mapping[str, str]) -> bool:
    places = (("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config"))
    home = Path.home() / ".aws"
    return any(Path(environ.get(name) or home / file).expanduser().is_file() for name, file in places)
