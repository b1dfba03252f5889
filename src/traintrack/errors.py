"""Every error that traintrack raises, and whose fault it is.

```
TraintrackError
├── UsageError        wrong words on the command line            exit 2
├── InputError        a file of the user's is wrong               exit 3
│   └── InputErrors   several of them, told at once               exit 3
├── NotFoundError     nothing matched, or no such result          exit 4
├── GateError         a gate said no                              exit 5
├── HostError         git, network, rights, disk, engine          exit 6
├── CancelledError    somebody else ended the work                exit 7
├── IntegrityError    bytes or trust refused                      exit 8
├── TaskError         the user's task failed                      exit 1
└── InternalError     our bug                                     exit 70
```

An error carries data: message, code, place, hint. `cli/render.py` makes text of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from msgspec import Struct


class Location(Struct, frozen=True, order=True):
    """A place in a text file: `path` from the workspace root with `/`, line and column counted from 1."""

    path: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class TraintrackError(Exception):
    """The root of all errors that a user may meet.

    Args:
        message: one fact in lower case without full stop, the user's words in backticks.
        code: short name for searching, `kebab-case`.
        location: the place in the user's file, if there is one.
        hint: the next step, as a command or an edit; required for input and host errors.
        details: further lines, such as the last lines of a log.
    """

    exit_code: ClassVar[int] = 70
    default_code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        location: Location | None = None,
        hint: str | None = None,
        details: Iterable[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.location = location
        self.hint = hint
        self.details = tuple(details)

    def __str__(self) -> str:
        place = f"{self.location}: " if self.location else ""
        return f"{place}{self.message} [{self.code}]"


class UsageError(TraintrackError):
    """The command line is wrong."""

    exit_code = 2
    default_code = "usage"


class InputError(TraintrackError):
    """A file of the workspace is wrong, or asks for what cannot be."""

    exit_code = 3
    default_code = "input"


class InputErrors(InputError):
    """All errors of a workspace at once; `errors` is sorted by place and never empty."""

    default_code = "input"

    def __init__(self, errors: Iterable[InputError]) -> None:
        unique = {(e.location, e.code, e.message): e for e in errors}
        self.errors: tuple[InputError, ...] = tuple(
            sorted(unique.values(), key=lambda e: (e.location is None, e.location or Location("", 0), e.message))
        )
        first = self.errors[0]
        super().__init__(first.message, code=first.code, location=first.location, hint=first.hint)

    def __str__(self) -> str:
        return "\n".join(str(e) for e in self.errors)


class NotFoundError(TraintrackError):
    """Nothing matched a pattern, or a wanted result does not exist."""

    exit_code = 4
    default_code = "not-found"


class GateError(TraintrackError):
    """A gate said no."""

    exit_code = 5
    default_code = "gate"


class HostError(TraintrackError):
    """Git, network, rights, disk or an engine stands in the way; trying again may help."""

    exit_code = 6
    default_code = "host"


class CancelledError(TraintrackError):
    """Somebody else ended the work."""

    exit_code = 7
    default_code = "cancelled"


class IntegrityError(TraintrackError):
    """Stored bytes are not what they should be, or are not trusted."""

    exit_code = 8
    default_code = "integrity"


class TaskError(TraintrackError):
    """A task of the user's failed."""

    exit_code = 1
    default_code = "task-failed"


class InternalError(TraintrackError):
    """A bug of traintrack's own."""

    exit_code = 70
    default_code = "internal"


def raise_all(errors: list[InputError]) -> None:
    """Raise what was collected: nothing if there is none, the error itself if it is alone.

    Raises:
        InputError: one error, or `InputErrors` for several.
    """
    if not errors:
        return
    flat = [inner for e in errors for inner in (e.errors if isinstance(e, InputErrors) else (e,))]
    if len(flat) == 1:
        raise flat[0]
    raise InputErrors(flat)
