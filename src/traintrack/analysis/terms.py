"""The terms that a target asks to run under; none of them is hashed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from traintrack.action.action import Deliver, Resources, Retries, Secret
from traintrack.action.keep import FOREVER, Keep
from traintrack.action.parallel import Parallel
from traintrack.action.placing import Placing
from traintrack.errors import InputError
from traintrack.workspace.findings import shown
from traintrack.workspace.model import KeyPath, Target
from traintrack.workspace.quantities import QuantityError, parse_duration, parse_size

T = TypeVar("T")

NO_RESOURCES = Resources()
NO_RETRIES = Retries()


def resources_of(target: Target) -> Resources:
    """Read `resources`: counts as they are, sizes such as `16GiB` in bytes.

    Raises:
        InputError: a value cannot be read, or more than one node is asked for.
    """
    asked = target.spec.resources
    if not asked:
        return NO_RESOURCES
    if asked.get("nodes", 1) != 1:
        raise InputError(
            "tasks of several nodes are not supported in this version",
            code="unsupported",
            location=target.place_of("resources", "nodes"),
            hint="write `nodes: 1`, or remove it",
        )

    def size(name: str) -> int | None:
        value = asked.get(name)
        return None if value is None else int(_read(target, ("resources", name), value, parse_size))

    gpu_type = asked.get("gpu_type")
    return Resources(
        cpu=_count(target, "cpu", 1.0),
        memory_bytes=size("memory"),
        gpu=_whole(target, "gpu"),
        gpu_type=None if gpu_type is None else str(gpu_type),
        disk_bytes=size("disk"),
        shm_bytes=size("shm"),
    )


def retries_of(target: Target) -> Retries:
    """Read `retries`: a number for the task's own failures, or a number per class of failure."""
    asked = target.spec.retries
    if asked == 0:
        return NO_RETRIES
    if isinstance(asked, Mapping):
        return Retries(asked.get("task", 0), asked.get("out_of_memory", 0), asked.get("timeout", 0))
    return Retries(asked)


def timeout_of(target: Target) -> float | None:
    """Read `timeout` in seconds, None if there is none.

    Raises:
        InputError: it is no duration.
    """
    asked = target.spec.timeout
    return None if asked is None else float(_read(target, ("timeout",), asked, parse_duration))


def keep_of(target: Target) -> Keep | None:
    """Read `keep`: seconds, or for ever; None where nothing is said.

    Raises:
        InputError: it is no duration.
    """
    asked = target.spec.keep
    if asked is None or asked == FOREVER:
        return None if asked is None else FOREVER
    return float(_read(target, ("keep",), asked, parse_duration))


def placing_of(target: Target) -> Placing:
    """Read `layout`."""
    return Placing.PLAIN if target.spec.layout == Placing.PLAIN.value else Placing.PACKED


def parallel_of(target: Target) -> Parallel | None:
    """Read `max_parallel`; a family is all labels that are the same up to `@`."""
    most = target.spec.max_parallel
    if most is None:
        return None
    family = target.label.name.partition("@")[0]
    return Parallel(f"//{target.label.package}:{family}", most)


def secrets_of(target: Target) -> tuple[Secret, ...]:
    """Read `secrets`, sorted by name: `{NAME: {env: SOURCE}}`, `{NAME: {file: SOURCE}}`, or just a name.

    Raises:
        InputError: a secret is none of these.
    """
    return tuple(_secret(target, name, how) for name, how in sorted(target.spec.secrets.items()))


def deliver_of(target: Target, arg_path: KeyPath, source: Deliver) -> Deliver:
    """How an input gets to the task: as the consumer says for this argument or for all, else as its source does."""
    asked = target.spec.deliver
    if asked is None:
        return source
    if isinstance(asked, str):
        return Deliver(asked)
    for depth in range(len(arg_path), 0, -1):
        mode = asked.get(".".join(map(str, arg_path[:depth])))
        if mode is not None:
            return Deliver(mode)
    return source


def check_deliver(target: Target, arg_paths: Iterable[KeyPath]) -> Iterator[InputError]:
    """Yield what `deliver` says of arguments that hold no reference, which would mean nothing.

    `arg_paths` are where the references of the target stand.
    """
    asked = target.spec.deliver
    if not isinstance(asked, Mapping) or target.spec.task is None:
        return
    known = {".".join(map(str, path[:depth])) for path in arg_paths for depth in range(1, len(path) + 1)}
    for name in asked:
        if name not in known:
            yield InputError(
                f"`deliver` names `{shown(name)}`, and no reference stands there in `args`",
                code="unknown-argument",
                location=target.place_of("deliver", name),
                hint="name an argument with a reference, such as `data` or `old.model`",
            )


def _secret(target: Target, name: str, how: Any) -> Secret:
    if how is None:
        return Secret(name, name)
    if isinstance(how, str):
        return Secret(name, how)
    if isinstance(how, Mapping) and len(how) == 1:
        kind, source = next(iter(how.items()))
        if kind in ("env", "file"):
            return Secret(name, str(source or name), as_file=kind == "file")
    raise InputError(
        f"the secret `{name}` says neither `env` nor `file`",
        code="bad-secret",
        location=target.place_of("secrets", name),
        hint=f"write `{name}: {{env: {name}}}` for a variable, `{name}: {{file: {name}}}` for a file",
    )


def _count(target: Target, name: str, default: float) -> float:
    value = target.spec.resources.get(name)
    return default if value is None else _read(target, ("resources", name), value, _positive)


def _whole(target: Target, name: str) -> int:
    value = target.spec.resources.get(name)
    return 0 if value is None else _read(target, ("resources", name), value, _natural)


def _positive(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ValueError(f"`{value}` is not a number above zero")
    return float(value)


def _natural(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"`{value}` is not a whole number")
    return value


def _read(target: Target, path: KeyPath, value: Any, read: Callable[[Any], T]) -> T:
    try:
        return read(value)
    except ValueError as error:
        raise InputError(
            str(error),
            code="bad-quantity",
            location=target.place_of(*path),
            hint=error.hint if isinstance(error, QuantityError) else "write a number, such as `1`",
        ) from error
