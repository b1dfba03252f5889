"""Errors of the members of families: a mistake that 10,000 of them have in common is told once."""

from __future__ import annotations

from traintrack.errors import InputError, InputErrors, Location
from traintrack.label import Label

_Key = tuple[Location, str]


class MemberErrors:
    """Thins out errors: of members of families, those at the same place with the same code are one."""

    def __init__(self) -> None:
        self._first: dict[_Key, tuple[InputError, Label]] = {}
        self._more: dict[int, int] = {}

    def thin(self, errors: list[InputError], before: int, label: Label) -> None:
        """Take out of the errors from number `before` on, all of `label`, what was told of a sibling."""
        if "@" not in label.name or len(errors) == before:
            return
        own = [one for e in errors[before:] for one in (e.errors if isinstance(e, InputErrors) else (e,))]
        del errors[before:]
        for error in own:
            if error.location is None:
                errors.append(error)
                continue
            first, of = self._first.setdefault((error.location, error.code), (error, label))
            if of == label:
                errors.append(error)
            else:
                self._more[id(first)] = self._more.get(id(first), 0) + 1

    def counted(self, errors: list[InputError]) -> list[InputError]:
        """Return the errors, each with the number of those that it stands for."""
        return [self._counted(error) for error in errors]

    def _counted(self, error: InputError) -> InputError:
        more = self._more.get(id(error))
        if more is None:
            return error
        message = f"{error.message} (and {more:,} more member{'' if more == 1 else 's'})"
        return InputError(message, code=error.code, location=error.location, hint=error.hint, details=error.details)
