"""A job as text that another process can make the same job of: everything but the values of its secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec
from msgspec.structs import replace

from traintrack.action.action import Action
from traintrack.action.image import Image
from traintrack.action.job import Job

T = TypeVar("T")

_IMAGES: Mapping[str, type[Any]] = {kind.__name__: kind for kind in get_args(Image)}
"""Images by the name that says of which kind one is: nothing in their fields does."""


def stored_job(job: Job) -> Any:
    """Return a job as plain JSON data, without the values of its secrets."""
    plain = msgspec.to_builtins(replace(job, secrets={}))
    plain["action"]["image"]["kind"] = type(job.action.image).__name__
    return plain


def restored_job(plain: Any) -> Job:
    """Return the job that `stored_job` made the data of.

    Raises:
        msgspec.MsgspecError: it is not such data.
    """
    try:
        action = dict(plain["action"])
        image = dict(action.pop("image"))
        kind = _IMAGES[image.pop("kind")]
    except (KeyError, TypeError, ValueError) as error:
        raise msgspec.ValidationError("no job of this version") from error
    made = _restored(Action, action, {"config": action.pop("config", None), "image": msgspec.convert(image, kind)})
    return _restored(Job, {key: value for key, value in plain.items() if key != "action"}, {"action": made})


def job_text(job: Job) -> bytes:
    """Return a job as JSON text; Python's own writer, since an argument may be an integer of any size."""
    return json.dumps(stored_job(job)).encode()


def _restored(kind: type[T], plain: Mapping[str, Any], given: Mapping[str, Any]) -> T:
    """Make a value of its fields one by one: as a whole its type has a union that no decoder can tell apart."""
    hints = get_type_hints(kind, localns={"JsonValue": object})
    values = {name: msgspec.convert(value, hints[name]) for name, value in plain.items() if name in hints}
    try:
        return kind(**values, **given)
    except TypeError as error:
        raise msgspec.ValidationError(str(error)) from error
