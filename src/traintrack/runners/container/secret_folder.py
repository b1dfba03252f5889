"""Secrets of a container: files in memory, of which one is read by a shell that makes variables of its lines.

An engine shows the variables of a container to everybody who may ask it. So a secret that is wanted as a variable is
none of the container's: a shell in it reads the file and becomes the task. The values lie there as long as the
container does, so that another process can mask them in its log.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from traintrack.action.action import Secret
from traintrack.runners.container.accounts import Account
from traintrack.runners.contract.secret_files import missing_secret, secret_folder, write_secret

SECRETS = "/tt/secrets"
NO_COMMAND = "traintrack: no such command in the image: "

_VARIABLES = ".variables"
SHELL = (
    "sh",
    "-c",
    f'. {SECRETS}/{_VARIABLES} && {{ command -v "$1" >/dev/null || {{ echo "{NO_COMMAND}$1"; exit 127; }}; }} && exec "$@"',
    "task",
)
"""Words before those of the task."""


def write_secrets(secrets: tuple[Secret, ...], values: Mapping[str, str], marker: str, user: Account) -> str | None:
    """Write the secrets of an attempt and return the folder to be mounted at `SECRETS`, None without any.

    Raises:
        HostError: a secret has no value, or its file cannot be written.
    """
    lines = []
    for secret in secrets:
        value = values.get(secret.name)
        if value is None or "\0" in value:
            raise missing_secret(secret)
        if secret.as_file:
            write_secret(secret.name, value, marker)
        else:
            lines.append(f"export {secret.name}={_quoted(value)}\n")
    if lines:
        write_secret(_VARIABLES, "".join(lines), marker)
    if not secrets:
        return None
    folder = secret_folder(marker)
    _give(folder, user)
    return folder


def file_variables(secrets: tuple[Secret, ...]) -> dict[str, str]:
    """Return `NAME_FILE` of each secret that is wanted as a file, with its path in the container."""
    return {f"{s.name}_FILE": f"{SECRETS}/{s.name}" for s in secrets if s.as_file}


def needs_shell(secrets: tuple[Secret, ...]) -> bool:
    """Tell if a secret is wanted as a variable."""
    return any(not secret.as_file for secret in secrets)


def read_secrets(secrets: tuple[Secret, ...], marker: str) -> dict[str, str] | None:
    """Return the values as they were written for an attempt that lives, None if they are not there any more."""
    folder = Path(secret_folder(marker))
    try:
        found = {s.name: _text(folder / s.name) for s in secrets if s.as_file}
        words = shlex.split(_text(folder / _VARIABLES)) if needs_shell(secrets) else []
    except (OSError, ValueError):
        return None
    pairs = (word.partition("=") for word in words if word != "export")
    return {**found, **{name: value for name, _, value in pairs}}


def _quoted(value: str) -> str:
    """Quote for every POSIX shell; within single quotes nothing but a single quote has a meaning."""
    return "'" + value.replace("'", "'\\''") + "'"


def _text(path: Path) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        return file.read()


def _give(folder: str, user: Account) -> None:
    if user.uid in (0, os.geteuid()):
        return
    for path in (folder, *(f"{folder}/{name}" for name in os.listdir(folder))):
        os.chown(path, user.uid, user.gid)
