"""What is asked of an engine about what it has, often; by its program here, by its socket in `socket_queries.py`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from traintrack.errors import HostError
from traintrack.runners.container.cli import Cli, Said
from traintrack.runners.container.engine import ContainerId
from traintrack.runners.container.engine_errors import refusal

Told = Mapping[str, Any]


class Queries(Protocol):
    """Questions with JSON as the answer; each raises `HostError` when the engine cannot be reached."""

    def containers(self, ids: Collection[str]) -> list[Told]:
        """Return what is known of those containers that exist."""

    def labelled(self, labels: Mapping[str, str]) -> list[str]:
        """Return the IDs of all containers with these labels, and perhaps more; an empty value asks for any."""

    def ended(self, container: ContainerId, timeout_s: float | None) -> bool:
        """Wait until a container does not run; False when the time is over. One that is gone has ended."""

    def remove(self, containers: Collection[ContainerId]) -> None:
        """Remove containers, running or not, with their anonymous volumes."""

    def image(self, ref: str) -> Told | None:
        """Return what is known of an image; None if it is not here."""


class CliQueries:
    """Asks through the program: for podman, and for a docker that is not behind a local socket."""

    def __init__(self, cli: Cli) -> None:
        self._cli = cli

    def containers(self, ids: Collection[str]) -> list[Told]:
        """See `Queries`."""
        if not ids:
            return []
        return self._found(self._cli.ask("container", "inspect", *ids))

    def labelled(self, labels: Mapping[str, str]) -> list[str]:
        """See `Queries`."""
        plain = {
            name: value if value.isprintable() and not set(value) & set(',"') else "" for name, value in labels.items()
        }
        words = [word for label in label_words(plain) for word in ("--filter", f"label={label}")]
        return self._cli.must("ps", "--all", "--quiet", "--no-trunc", *words).split()

    def ended(self, container: ContainerId, timeout_s: float | None) -> bool:
        """See `Queries`."""
        try:
            said = self._cli.ask("wait", container, timeout_s=timeout_s)
        except HostError as error:
            if error.code == "engine-not-running" and timeout_s is not None:
                return False
            raise
        if said.code != 0 and not _none_such(said.err):
            raise refusal(self._cli.name, said.err, container)
        return True

    def remove(self, containers: Collection[ContainerId]) -> None:
        """See `Queries`."""
        if not containers:
            return
        said = self._cli.ask("rm", "--force", "--volumes", *containers)
        left = [line for line in said.err.splitlines() if line.strip() and not _none_such(line)]
        if said.code != 0 and left and self.containers(containers):
            raise refusal(self._cli.name, said.err)

    def image(self, ref: str) -> Told | None:
        """See `Queries`."""
        found = self._found(self._cli.ask("image", "inspect", ref))
        return found[0] if found else None

    def _found(self, said: Said) -> list[Told]:
        """What an `inspect` found; it fails, having told the others, if one is missing."""
        others = [line for line in said.err.splitlines() if line.strip() and not _none_such(line)]
        if said.code != 0 and others:
            raise refusal(self._cli.name, said.err)
        return list(json.loads(said.out or "[]"))


def label_words(labels: Mapping[str, str]) -> Sequence[str]:
    """Return labels as engines filter by them: `name=value`, or `name` where any value will do."""
    return [f"{name}={value}" if value else name for name, value in sorted(labels.items())]


def _none_such(said: str) -> bool:
    said = said.lower()
    return any(
        words in said for words in ("no such", "not known", "no container with", "already in progress", "not found")
    )
