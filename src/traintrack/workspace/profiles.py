"""Profiles: named layers that `--profile NAME` lays over the targets, so that the same graph runs small."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from traintrack.label import is_segment
from traintrack.workspace import checks
from traintrack.workspace.findings import Findings, shown
from traintrack.workspace.model import KeyPath, Layer, Profile
from traintrack.workspace.suggest import did_you_mean, one_of
from traintrack.workspace.target_fields import CHECKS, OF_INSTANCES, OF_SOURCES_ONLY, check_declared

SECTION: Final = "profiles"
FIELDS: Final = ("description", "defaults", "tasks", "targets")

_OF_ONE_TARGET: Final = "write it below `targets` of a profile in TTCONFIG.yaml"
_USE: Final = "write the fields out: a profile lies over the target and what that uses"
_COMMIT: Final = "write `commit` in a profile of TTCONFIG.yaml: here it would move the code of every experiment"
_SHAPE: Final = ("each", "overrides", "with", "max_members", "except")

_REFUSED_IN_TARGETS: Final[Mapping[str, str]] = {"use": _USE}
_REFUSED_IN_DEFAULTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("task", "source", *OF_SOURCES_ONLY, *_SHAPE), _OF_ONE_TARGET),
    "use": _USE,
}
_REFUSED_IN_TASKS: Final = {**_REFUSED_IN_DEFAULTS, "task": "the key above it names the task"}


def read_workspace_profiles(section: Any, findings: Findings) -> dict[str, Profile]:
    """Return the profiles of TTWORKSPACE.yaml by name; what is wrong is noted."""
    return _Reader(findings, None).profiles(section)


def read_experiment_profiles(section: Any, findings: Findings, targets: Collection[str]) -> dict[str, Profile]:
    """Return the profiles of a TTCONFIG.yaml that declares `targets`, by name; what is wrong is noted."""
    return _Reader(findings, targets).profiles(section)


def profile_layers(
    workspace: Profile | None, experiment: Profile | None, names: Sequence[str], task: str | None
) -> tuple[Layer, ...]:
    """Return what a profile lays over a target of an experiment, the last wins.

    Args:
        workspace: the profile as the workspace declares it, None if it does not.
        experiment: the same as the experiment declares it.
        names: those of the instances of templates that the target is a part of, from the outside, then its own.
        task: what the target runs below the profile, None for a source: that has layers by its name only.
    """
    found: list[Layer | None] = []
    if task is not None:
        for profile in (workspace, experiment):
            if profile is not None:
                found += [profile.defaults, profile.tasks.get(task)]
    if experiment is not None:
        found += [_shared(experiment.targets.get(name)) for name in names[:-1]]
        found.append(experiment.targets.get(names[-1]))
    return tuple(layer for layer in found if layer is not None and layer.fields)


def _shared(layer: Layer | None) -> Layer | None:
    """What the layer of an instance says of all its parts."""
    if layer is None:
        return None
    return replace(layer, fields={key: value for key, value in layer.fields.items() if key not in OF_INSTANCES})


class _Reader:
    """Reads one section; `targets` is None in the file of the workspace, which has none."""

    def __init__(self, findings: Findings, targets: Collection[str] | None) -> None:
        self._findings = findings
        self._targets = targets

    def profiles(self, section: Any) -> dict[str, Profile]:
        found: dict[str, Profile] = {}
        for name, value in self._findings.section(section, (SECTION,)).items():
            base = (SECTION, name)
            if not is_segment(name):
                hint = "names are of `A-Z a-z 0-9 _ . + -`, and not `.` or `..`"
                self._findings.at_key(base, f"`{shown(name)}` cannot be the name of a profile", "bad-name", hint)
            found[name] = self._profile(name, value, base)
        return found

    def _profile(self, name: str, value: Any, base: KeyPath) -> Profile:
        fields = self._findings.section(value, base)
        for key in fields:
            self._check_key(key, name, base)
        description = fields.get("description")
        if description is not None:
            checks.text(description, (*base, "description"), self._findings)
        defaults = None
        if "defaults" in fields:
            defaults = self._layer(fields["defaults"], (*base, "defaults"), _REFUSED_IN_DEFAULTS)
        tasks = self._layers(fields.get("tasks"), (*base, "tasks"), _REFUSED_IN_TASKS)
        targets: dict[str, Layer] = {}
        if self._targets is not None:
            targets = self._layers(fields.get("targets"), (*base, "targets"), _REFUSED_IN_TARGETS)
            self._check_targets(targets, name, base, self._targets)
        return Profile(name, self._findings.places.key(base), description, defaults, tasks, targets)

    def _check_key(self, key: str, name: str, base: KeyPath) -> None:
        path = (*base, key)
        if key == "targets" and self._targets is None:
            message = "`targets` of a profile belong into a TTCONFIG.yaml"
            hint = "move them there, or write the fields below `defaults` or `tasks`"
            self._findings.at_key(path, message, "misplaced-field", hint)
        elif key in FIELDS:
            return
        elif key in CHECKS:
            hint = f"write it below `defaults`, `tasks` or `targets` of `{shown(name)}`"
            self._findings.at_key(path, f"`{shown(key)}` is a field of targets", "misplaced-field", hint)
        else:
            self._findings.unknown(path, FIELDS, f"profile `{shown(name)}`")

    def _check_targets(self, layers: Mapping[str, Layer], name: str, base: KeyPath, known: Collection[str]) -> None:
        for target in layers:
            if target in known:
                continue
            otherwise = one_of(known) if known else "declare it below `targets`"
            message = f"no target `{shown(target)}` in this file for profile `{shown(name)}`"
            hint = did_you_mean(target, known, otherwise)
            self._findings.at_key((*base, "targets", target), message, "unknown-target", hint)

    def _layers(self, section: Any, base: KeyPath, refused: Mapping[str, str]) -> dict[str, Layer]:
        values = self._findings.section(section, base)
        return {key: self._layer(value, (*base, key), refused) for key, value in values.items()}

    def _layer(self, value: Any, base: KeyPath, refused: Mapping[str, str]) -> Layer:
        fields = self._findings.section(value, base)
        if self._targets is None:
            refused = {**refused, "commit": _COMMIT}
        origin = ".".join(str(part) for part in base)
        kept = check_declared(fields, base, self._findings, f"`{shown(origin)}`", refused)
        return Layer(origin, kept, base, self._findings.places)
