"""Errors and hints for targets and experiments that are not there, with the one that was likely meant."""

from __future__ import annotations

from collections.abc import Collection

from traintrack.errors import InputError, Location
from traintrack.graph.catalog import Catalog
from traintrack.label import Label
from traintrack.workspace.model import Experiment
from traintrack.workspace.suggest import closest

_SHOWN_NAMES = 5


def listed(names: Collection[str]) -> str:
    """Spell some names for a hint: the first few in backticks, and how many more there are."""
    shown = ", ".join(f"`{name}`" for name in list(names)[:_SHOWN_NAMES])
    more = len(names) - _SHOWN_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def unknown_target(label: Label, experiment: Experiment, place: Location | None) -> InputError:
    """The error for a name that the experiment does not declare, with the one that was meant."""
    return InputError(
        f"no target `{label.name}` in `//{label.package}`",
        code="unknown-target",
        location=place,
        hint=target_hint(label.name, experiment),
    )


def no_family(label: Label, place: Location | None) -> InputError:
    """The error for members of a target that has none."""
    return InputError(
        f"`{label}` is one target and has no members",
        code="bad-member",
        location=place,
        hint="refer to it without `@`, or give it axes with `each`",
    )


def unknown_package(package: str, catalog: Catalog, place: Location | None) -> InputError:
    """The error for a folder that is no experiment, with the one that was meant."""
    return InputError(
        f"there is no experiment `//{package}`",
        code="unknown-package",
        location=place,
        hint=package_hint(package, catalog),
    )


def plain_names(experiment: Experiment) -> list[str]:
    """The names of targets and families; no member is made for it."""
    if not experiment.families:
        return list(experiment.targets)
    from traintrack.workspace.family import TargetMap  # noqa: PLC0415  most experiments have none

    targets = experiment.targets
    return targets.declared_names() if isinstance(targets, TargetMap) else list(targets)


def target_hint(name: str, experiment: Experiment) -> str:
    """Say which target of the experiment was meant, or which there are."""
    names = plain_names(experiment)
    close = closest(name, names)
    if close is not None:
        return f"did you mean `:{close}`?"
    if not names:
        return f"declare it under `targets` in `{experiment.path}`"
    return f"it has {listed([f':{n}' for n in names])}"


def package_hint(package: str, catalog: Catalog) -> str:
    """Say which experiment was meant, or how to make one."""
    packages = catalog.packages("")
    close = closest(package, packages)
    if close is None:
        # People mistype the folders before the experiment's own; its last segment then still fits.
        last = package.rpartition("/")[2]
        close = next((p for p in packages if last and p.rpartition("/")[2] == last), None)
    if close is not None:
        return f"did you mean `//{close}`?"
    if not package:
        return "name a target, or take everything: `//...`"
    return f"create `{package}/TTCONFIG.yaml`, or list what there is with `traintrack ls //...`"
