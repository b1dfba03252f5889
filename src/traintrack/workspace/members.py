"""From a declaration with holes to its targets, one at a time: holes filled, overrides laid on, fields checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from traintrack.errors import InputError, Location, raise_all
from traintrack.label import Label
from traintrack.workspace.axes import Coordinate
from traintrack.workspace.findings import Findings
from traintrack.workspace.interpolate import HoleError, Make, compiled, first_coordinates, has_holes, texts_in
from traintrack.workspace.merged_places import MergedPlaces
from traintrack.workspace.model import ImageSpec, Layer, Target, TargetSpec
from traintrack.workspace.overrides import Override
from traintrack.workspace.parameters_put_in import env_as_text
from traintrack.workspace.stack import Over, Stack
from traintrack.workspace.target_fields import CHECKS, SHAPE
from traintrack.workspace.targets import spec_fields, spec_of, wrong_as_a_whole
from traintrack.workspace.template_params import misfit
from traintrack.workspace.templates import Later

Point = tuple[Coordinate, ...]

_FREE: Final = frozenset({"args", "unhashed", "description"})
"""Fields that may hold anything, so that one with its holes filled is right if it was right before."""

_ALONE: Final = frozenset({"args", "unhashed", "description", "env", "tags"})
"""Fields that have no part in what may be wrong between the fields of a target."""


class Declaration(Struct, frozen=True):
    """A target as it is declared, before its holes are filled. `own` are its layers, templates before its own.

    `inside` are the names of the instances that it is a part of, from the outside.
    `axes` are those of its family, none for a target alone. `counts` are the numbers of first coordinates that
    references to siblings ask for. `later` are values for parameters that depend on axes.
    """

    label: Label
    own: tuple[Layer, ...]
    place: Location
    axes: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()
    counts: tuple[int, ...] = ()
    later: tuple[Later, ...] = ()
    inside: tuple[str, ...] = ()


class _Variant(Struct, frozen=True):
    """What the members with the same layers share: `makes` fills the fields with holes."""

    layers: tuple[Layer, ...]
    fields: Mapping[str, Any]
    spec: TargetSpec
    makes: Mapping[str, Make]
    checked: tuple[str, ...]
    is_whole: bool


_Key = tuple[tuple[int, ...], Any, Over]


class MemberMaker:
    """Makes the targets of one declaration."""

    def __init__(self, declaration: Declaration, stack: Stack, images: Mapping[str, ImageSpec]) -> None:
        self._declaration = declaration
        self._stack = stack
        self._images = images
        self._variants: dict[_Key, _Variant] = {}
        self._only: _Variant | None = None
        self._names: dict[str, None] = dict.fromkeys(
            (*declaration.axes, *(first_coordinates(count) for count in declaration.counts))
        )

    def make(self, label: Label, point: Point) -> Target:
        """Return the target at a point; `label` is the member's.

        Raises:
            InputError: all that is wrong with it.
        """
        declaration = self._declaration
        env = {axis: one.value for axis, one in zip(declaration.axes, point, strict=True)}
        for count in declaration.counts:
            pairs = zip(declaration.axes[:count], point, strict=False)
            env[first_coordinates(count)] = ",".join(f"{axis}={one.name}" for axis, one in pairs)
        self._check_later(env, label)
        variant = self._variant(label, point, env)
        target = Target(
            label, self._filled(variant, env, label), variant.layers, declaration.place, declaration.axes, point
        )
        if variant.is_whole:
            raise_all(wrong_as_a_whole(target, self._images))
        return target

    def _variant(self, label: Label, point: Point, env: Mapping[str, Any]) -> _Variant:
        if self._only is not None:
            return self._only
        declaration = self._declaration
        names = tuple(one.name for one in point)
        chosen = tuple(i for i, one in enumerate(declaration.overrides) if one.matches(declaration.axes, names))
        own = (*declaration.own, *(declaration.overrides[i].layer for i in chosen)) if chosen else declaration.own
        over = self._stack.over(label)
        task = self._stack.task_of(own, over)
        if has_holes(task):
            task = self._alone(task, env)
        key = (chosen, task, over)
        known = self._variants.get(key)
        if known is None:
            known = self._variants[key] = self._new_variant(key, own, label, point, env)
            if (
                not declaration.overrides
                and self._stack.changes_nothing
                and not has_holes(self._stack.task_of(own, over))
            ):
                self._only = known
        return known

    def _alone(self, task: Any, env: Mapping[str, Any]) -> Any:
        make = compiled(task, self._names, ("task",), Findings(MergedPlaces(self._declaration.own, {}), []))
        try:
            made = task if make is None else make(env)
        except HoleError:
            return task  # told when the field itself is filled
        return made if isinstance(made, str) else task

    def _new_variant(
        self, key: _Key, own: Sequence[Layer], label: Label, point: Point, env: Mapping[str, Any]
    ) -> _Variant:
        declaration = self._declaration
        names = (*declaration.inside, declaration.label.name)
        fields, layers = self._stack.merged(names, key[1], own, key[2], clean=False)
        fields = {name: value for name, value in fields.items() if name not in SHAPE}
        findings = Findings(MergedPlaces(layers, fields), [])
        makes = {}
        for name, value in fields.items():
            make = compiled(value, self._names, (name,), findings)
            if make is not None:
                makes[name] = make
        raise_all(findings.errors)
        checked = tuple(name for name in makes if name not in _FREE or type(fields[name]) is not dict)
        spec = spec_of({name: value for name, value in fields.items() if name not in makes})
        is_whole = not _ALONE.issuperset(makes)
        variant = _Variant(layers, fields, spec, makes, checked, is_whole)
        if not is_whole:  # then one member speaks for all
            sample = Target(
                label, self._filled(variant, env, label), layers, declaration.place, declaration.axes, point
            )
            raise_all(wrong_as_a_whole(sample, self._images))
        return variant

    def _filled(self, variant: _Variant, env: Mapping[str, Any], label: Label) -> TargetSpec:
        if not variant.makes:
            return variant.spec
        try:
            changed = {name: make(env) for name, make in variant.makes.items()}
        except HoleError:
            raise_all(self._unfilled(variant, env, label))
            raise
        if "env" in changed:
            changed["env"] = env_as_text(changed["env"], variant.fields["env"])
        if variant.checked:
            errors: list[InputError] = []
            findings = Findings(MergedPlaces(variant.layers, changed), errors)
            for name in variant.checked:
                changed[name] = CHECKS[name](changed[name], (name,), findings)
            raise_all([_with_member(error, label) for error in errors])
        return replace(variant.spec, **spec_fields(changed))

    def _unfilled(self, variant: _Variant, env: Mapping[str, Any], label: Label) -> list[InputError]:
        """Find the holes that cannot be filled, by trying each text alone."""
        places = MergedPlaces(variant.layers, {})
        errors = []
        for path, text in texts_in(variant.fields, ()):
            make = compiled(text, self._names, path, Findings(places, []))
            try:
                if make is not None:
                    make(env)
            except HoleError as error:
                found = InputError(str(error), code="interpolation", location=places.value(path), hint=error.hint)
                errors.append(_with_member(found, label))
        return errors

    def _check_later(self, env: Mapping[str, Any], label: Label) -> None:
        for one in self._declaration.later:
            make = compiled(one.value, self._names, (), Findings(MergedPlaces((), {}), []))
            try:
                wrong = misfit(one.parameter, one.value if make is None else make(env))
            except HoleError as error:
                wrong = str(error)
            if wrong is not None:
                misfitting = InputError(wrong, code="parameter-type", location=one.place, hint="pass another value")
                raise _with_member(misfitting, label)


def _with_member(error: InputError, label: Label) -> InputError:
    if "@" not in label.name:
        return error
    return InputError(f"{error.message} (in `{label.name}`)", code=error.code, location=error.location, hint=error.hint)
