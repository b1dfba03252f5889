"""Which container engine this machine has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from traintrack.errors import HostError
from traintrack.runners.container.docker import DockerCli
from traintrack.runners.container.engine import Engine
from traintrack.runners.container.podman import PodmanCli

ENGINES: Mapping[str, Callable[[], Engine]] = {"docker": DockerCli, "podman": PodmanCli}
"""How each engine is made, the preferred one first."""


def find_engine(wanted: str | None = None, engines: Mapping[str, Callable[[], Engine]] = ENGINES) -> Engine:
    """Return the engine of this name, or, for None, the first that answers.

    Raises:
        HostError: the one that is wanted does not answer, or none does; code `no-engine` for the latter.
    """
    refusals: dict[str, HostError] = {}
    for name in [wanted] if wanted is not None else engines:
        engine = engines[name]()
        try:
            engine.info()
        except HostError as error:
            if wanted is not None:
                raise
            refusals[name] = error
            continue
        return engine
    raise _none(refusals)


def _none(refusals: Mapping[str, HostError]) -> HostError:
    installed = [error for error in refusals.values() if error.code != "engine-missing"]
    return HostError(
        "no container engine answers on this machine",
        code="no-engine",
        hint=_hint(installed),
        details=[f"{name}: {error.message}" for name, error in refusals.items()],
    )


def _hint(installed: Sequence[HostError]) -> str:
    """What is installed needs the least to work."""
    if installed and installed[0].hint:
        return installed[0].hint
    return 'install docker or podman, or use a Python image (`python: "3.11"`), which needs no containers'
