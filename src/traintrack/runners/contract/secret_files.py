"""Secrets on their way to a task: variables, or files in memory that no disk ever holds."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping

from traintrack.action.action import Secret
from traintrack.errors import HostError
from traintrack.runners.contract.stage import remove_tree

_MEMORY = "/dev/shm"  # noqa: S108 (a file system in memory is wanted)


def secret_variables(secrets: tuple[Secret, ...], values: Mapping[str, str], marker: str) -> dict[str, str]:
    """Return the variables of the secrets; one wanted as a file is written first and named by `NAME_FILE`.

    Raises:
        HostError: a secret has no value, or its file cannot be written.
    """
    found: dict[str, str] = {}
    for secret in secrets:
        value = values.get(secret.name)
        if value is None or "\0" in value:
            raise missing_secret(secret)
        if secret.as_file:
            found[f"{secret.name}_FILE"] = write_secret(secret.name, value, marker)
        else:
            found[secret.name] = value
    return found


def missing_secret(secret: Secret) -> HostError:
    """The error for a secret that has no value here."""
    return HostError(
        f"the secret `{secret.name}` has no value here",
        code="secret-missing",
        hint=f"export {secret.source}=… before the command, or have the environment's provider supply it",
    )


def remove_secrets(marker: str) -> None:
    """Remove the secret files of an attempt; repeating it is harmless."""
    remove_tree(secret_folder(marker))


def write_secret(name: str, value: str, marker: str) -> str:
    """Write a file in the folder of an attempt's secrets and return its path.

    Raises:
        HostError: it cannot be written.
    """
    folder = secret_folder(marker)
    path = f"{folder}/{name}"
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o400)
        with open(descriptor, "wb") as file:
            file.write(value.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise HostError(
            f"the file of the secret `{name}` cannot be written: {error.strerror}",
            code="secret-file",
            hint=f"see if `{os.path.dirname(folder)}` can be written",
        ) from error
    return path


def secret_folder(marker: str) -> str:
    """The folder of an attempt's secrets."""
    # The name is random and the folder ours alone, so that nobody can prepare it. Where no file system in
    # memory is known (macOS), the user's own temporary folder has to do.
    base = _MEMORY if os.path.isdir(_MEMORY) else tempfile.gettempdir()
    return f"{base}/traintrack-{marker}"
