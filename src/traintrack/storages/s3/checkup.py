"""What `doctor` says of a bucket: can it be shared, how far away is it, and what of its settings would lose results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from traintrack.errors import TraintrackError
from traintrack.storages.s3.bucket import S3Bucket
from traintrack.storages.s3.probe import demand_conditions
from traintrack.storages.s3.settings import Advice, Settings, read_settings


class Checkup(Struct, frozen=True):
    """What was found of a bucket. `problem` is what `run` would stumble over, `settings` is empty then.

    `said` is a line for people, such as `12 ms away, keeps conditions, versions on`.
    """

    url: str
    said: str = ""
    problem: TraintrackError | None = None
    round_trip_s: float | None = None
    settings: Settings = Settings()
    advice: tuple[Advice, ...] = ()


def examine(url: str, options: Mapping[str, Any] | None = None) -> Checkup:
    """Probe a bucket and read its settings; removes what it wrote, raises nothing that `run` would."""
    try:
        found = demand_conditions(S3Bucket(url, options))
    except TraintrackError as error:
        return Checkup(url, error.message, error)
    settings = read_settings(url, options)
    away_s = float(found["round_trip_s"])
    words = [f"{away_s * 1000:.0f} ms away", "keeps conditions", _versions(settings)]
    return Checkup(url, ", ".join(words), None, away_s, settings, settings.advice)


def _versions(settings: Settings) -> str:
    if settings.versioned is None:
        return f"settings not read ({settings.unread})"
    return "versions on" if settings.versioned else "versions off"
