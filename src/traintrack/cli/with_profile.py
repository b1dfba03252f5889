"""Commands to copy name the profile that lies over the targets, since without it they are about other results."""

from __future__ import annotations

from traintrack.cli.asked import Asked
from traintrack.errors import InputErrors, TraintrackError


def with_profile(text: str, profile: str | None) -> str:
    """Return a command, or a text with commands, with `--profile` where a command takes it; as it is without a profile."""
    return Asked(profile=profile).again(text)


def hint_with_profile(error: TraintrackError, profile: str | None) -> TraintrackError:
    """Put the profile into the commands of an error's hints, and return the error."""
    for one in (error, *(error.errors if isinstance(error, InputErrors) else ())):
        one.hint = with_profile(one.hint, profile) if one.hint else one.hint
    return error
