"""From layers to a target: merged, typed, and checked as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from traintrack.errors import InputError
from traintrack.workspace.findings import shown
from traintrack.workspace.images import KINDS
from traintrack.workspace.model import ImageSpec, Layer, Target, TargetSpec
from traintrack.workspace.source_control import HEAD, WORKTREE
from traintrack.workspace.suggest import did_you_mean, one_of
from traintrack.workspace.target_fields import OF_SOURCES_ONLY, OF_TASKS_ONLY

SHARED: Final = ("defaults", "tasks.")
"""Origins of layers that many targets share: a field there is no mistake where a target has no use for it."""


def spec_of(merged: dict[str, Any]) -> TargetSpec:
    """Return checked and merged fields as a value; takes over `merged`."""
    merged.pop("use", None)
    return TargetSpec(**spec_fields(merged))


def spec_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Return checked fields under the names, and of the types, that `TargetSpec` has; takes over `fields`."""
    for key in ("paths", "needs", "tags"):
        if type(fields.get(key)) is list:
            fields[key] = tuple(fields[key])
    for key in ("import", "except"):
        if key in fields:
            fields[f"{key}_"] = fields.pop(key)
    return fields


def wrong_as_a_whole(target: Target, images: Mapping[str, ImageSpec]) -> list[InputError]:
    """Return what is wrong between the fields of a target, empty if nothing is."""
    spec = target.spec
    if (spec.task is None) == (spec.source is None):
        return [_neither_or_both(target)]
    if spec.source is not None:
        return list(_misplaced(target, OF_TASKS_ONLY, "a source has no `{}`"))
    errors = [] if _image_is_known(spec, images) else [_image_error(target, images)]
    if spec.code is None and (spec.commit is None or (spec.paths is None and spec.commit in _MOVING)):
        errors.append(_code_error(target))
    if spec.unhashed and not spec.unhashed.keys().isdisjoint(spec.args):
        errors += _delivered_twice(target)
    if spec.pin is not None or spec.import_ is not None or spec.max_age is not None:
        errors += _misplaced(target, OF_SOURCES_ONLY, "`{}` belongs to sources")
    return errors


_MOVING: Final = frozenset({HEAD, WORKTREE})


def _image_is_known(spec: TargetSpec, images: Mapping[str, ImageSpec]) -> bool:
    image = spec.image
    if isinstance(image, str):
        return image in images
    return image is not None and sum(kind in image for kind in KINDS) == 1


def _neither_or_both(target: Target) -> InputError:
    both = target.spec.task is not None
    name = shown(target.label.name)
    return InputError(
        f"target `{name}` has both `task` and `source`" if both else f"target `{name}` has no `task` and no `source`",
        code="task-or-source",
        location=target.place_of("source") if both else target.place,
        hint="remove one of them" if both else "add `task: COMMAND`, or `source: URI` for external data",
    )


def _image_error(target: Target, images: Mapping[str, ImageSpec]) -> InputError:
    image = target.spec.image
    if image is None:
        hint = f"add `image: NAME`; {one_of(images)}" if images else "declare one below `images` in TTWORKSPACE.yaml"
        message = f"target `{shown(target.label.name)}` has no `image`"
        return InputError(message, code="missing-field", location=target.place, hint=hint)
    if isinstance(image, str):
        otherwise = one_of(images) if images else "declare it below `images` in TTWORKSPACE.yaml"
        return InputError(
            f"no image `{shown(image)}`",
            code="unknown-image",
            location=target.place_of("image"),
            hint=did_you_mean(image, images, otherwise),
        )
    return InputError(
        "after merging, the image does not have exactly one of `ref`, `build` and `python`",
        code="bad-image",
        location=target.place_of("image"),
        hint="take the others away with `!remove`, or name an image",
    )


def _code_error(target: Target) -> InputError:
    commit = target.spec.commit
    if commit is None:
        return InputError(
            f"target `{shown(target.label.name)}` has no `commit`",
            code="missing-field",
            location=target.place,
            hint="add `commit:` with what `git rev-parse HEAD` prints, or `code: baked`",
        )
    if target.origin_of("commit") == "--worktree":
        return InputError(
            f"target `{shown(target.label.name)}` has no `paths`, which `--worktree` needs",
            code="missing-field",
            location=target.place,
            hint="add `paths: [src]`, the folders of the working tree that count",
        )
    return InputError(
        f"`commit: {commit}` needs `paths`",
        code="missing-field",
        location=target.place_of("commit"),
        hint="add `paths: [src]`: only these folders count, so that editing others reruns nothing",
    )


def _delivered_twice(target: Target) -> Iterator[InputError]:
    for key in target.spec.unhashed:
        if key in target.spec.args:
            yield InputError(
                f"`{shown(key)}` is in both `args` and `unhashed`",
                code="unhashed-twice",
                location=target.place_of("unhashed", key),
                hint="keep it in `args` if it can change the result, else in `unhashed`",
            )


def _misplaced(target: Target, names: Sequence[str], message: str) -> Iterator[InputError]:
    for layer in target.layers:
        if layer.origin.startswith(SHARED):
            continue
        for name in names:
            if name in layer.fields:
                yield _misplaced_error(layer, name, message)


def _misplaced_error(layer: Layer, name: str, message: str) -> InputError:
    place = layer.places.key((*layer.base, name))
    return InputError(message.format(name), code="misplaced-field", location=place, hint="remove it")
