"""What a container is kept from, and what an image's `isolation` loosens: decided before it starts, and recorded."""

from __future__ import annotations

from collections.abc import Mapping

from traintrack.action.job import Job
from traintrack.action.record import Isolation
from traintrack.errors import HostError
from traintrack.runners.container.accounts import Account

OF_THE_IMAGE = "image"
WRITABLE = "writable"

_ALWAYS = (
    "code",
    "current folder",
    "environment",
    "secrets",
    "timeout",
    "no process outlives the task",
    "inputs read-only",
    "files of the host",
    "shm",
    "processes",
)

ISOLATION = Isolation(
    enforced=(*_ALWAYS, "network", "memory", "cpu", "gpus", "user", "root file system"),
    checked=("outputs", "disk"),
)
"""What can be enforced; what of it is enforced around a job, `isolation_of` says."""


def isolation_of(job: Job) -> Isolation:
    """Return what is enforced around a job, checked, and missing since it was not asked for or was loosened."""
    loosened = job.action.isolation
    given = {
        "network": not job.action.network,
        "memory": job.resources.memory_bytes is not None,
        "cpu": True,
        "gpus": True,
        "user": loosened.get("user") != OF_THE_IMAGE,
        "root file system": loosened.get("root") != WRITABLE,
    }
    disk = job.resources.disk_bytes is not None
    return Isolation(
        enforced=(*_ALWAYS, *(name for name, is_given in given.items() if is_given)),
        checked=("outputs", "disk") if disk else ("outputs",),
        missing=(*(name for name, is_given in given.items() if not is_given), *(() if disk else ("disk",))),
    )


def task_user(isolation: Mapping[str, str], own: Account, of_image: Account | None, user: str) -> Account:
    """Return who a task is: the caller, or whom its image names where `isolation: {user: image}` asks for that.

    Args:
        isolation: what the image loosens.
        own: whom the caller is to the container.
        of_image: whom the image means, None if its entry is missing.
        user: the image's words for it.

    Raises:
        HostError: what such a user writes would belong to somebody else, or there is no such user in the image.
    """
    if isolation.get("user") != OF_THE_IMAGE:
        return own
    if of_image is None:
        raise HostError(
            f"the image's user `{user}` is not in its `/etc/passwd`",
            code="no-such-user",
            hint="write `USER` of the Dockerfile as numbers, such as `USER 1000:1000`",
        )
    if own.uid not in (0, of_image.uid):
        raise HostError(
            f"`isolation: {{user: image}}` wants the user {of_image.uid}, whose files would not be yours",
            code="foreign-user",
            hint="take `user: image` away, or run as root",
        )
    return of_image
