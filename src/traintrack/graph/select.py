"""From the patterns of a command to labels; only the experiments that the patterns reach are read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from traintrack.errors import InputError, NotFoundError, UsageError, raise_all
from traintrack.graph.catalog import Catalog
from traintrack.graph.suggest import package_hint, plain_names, target_hint
from traintrack.label import Label, LabelError, Pattern, is_segment, parse_pattern
from traintrack.selector import Selector, parse_selector
from traintrack.workspace.model import Experiment, FamilyOfTargets
from traintrack.workspace.suggest import did_you_mean, one_of


def select(catalog: Catalog, patterns: Sequence[str], current_package: str = "") -> tuple[Label, ...]:
    """Return the labels that the patterns select, in the order of the patterns and files, each once.

    A pattern takes effect where it stands: `-//a:slow` takes away what those before it selected.

    Raises:
        UsageError: a text is not a pattern.
        NotFoundError: a pattern matches nothing, or nothing is left.
        InputError: an experiment that was reached is wrong; several as `InputErrors`.
    """
    selected: dict[Label, None] = {}
    errors: list[InputError] = []
    for text in patterns:
        pattern = _parsed(text, current_package)
        if pattern.exclude:
            selected = {label: None for label in selected if not pattern.matches(label)}
            continue
        try:
            selected |= dict.fromkeys(_matches(catalog, pattern, text, current_package))
        except InputError as error:
            errors.append(error)
    raise_all(errors)
    if not selected:
        raise NotFoundError(
            "no target is selected" if patterns else "no pattern was given",
            code="nothing-selected",
            hint="name a target (`:train`), a folder (`//runs/a:*`) or everything (`//...`)",
        )
    return tuple(selected)


def _parsed(text: str, current_package: str) -> Pattern:
    body = text.removeprefix("-")
    if body.startswith("@"):
        raise InputError(
            f"`{text}` selects at a revision or alias, which is not supported in this version",
            code="unsupported",
            hint="name the target itself, as in `//folder:target`",
        )
    try:
        pattern = parse_pattern(text, current_package)
        _check_selector(pattern)
    except LabelError as error:
        raise UsageError(
            str(error), code="bad-pattern", hint="write `//folder:target`, `:target`, `//folder:*` or `//folder/...`"
        ) from error
    return pattern


def _check_selector(pattern: Pattern) -> None:
    """Demand that what stands behind the `@` of a member says which are meant.

    Raises:
        LabelError: it does not.
    """
    _, at, text = (pattern.name or "").partition("@")
    if at and parse_selector(text).here:
        raise LabelError(f"`{pattern}` has `.`, which means something in `args` only")


def _matches(catalog: Catalog, pattern: Pattern, text: str, current_package: str) -> Iterable[Label]:
    if pattern.recursive:
        return _below(catalog, pattern, text)
    if not catalog.exists(pattern.package):
        raise NotFoundError(
            f"there is no experiment `//{pattern.package}`",
            code="unknown-package",
            hint=_local_hint(catalog, text, current_package) or package_hint(pattern.package, catalog),
        )
    experiment = catalog.experiment(pattern.package)
    if pattern.name is None:
        labels = labels_of(experiment)
        if not labels:
            raise NotFoundError(
                f"the experiment `//{pattern.package}` has no targets",
                code="nothing-matched",
                hint=f"declare one under `targets` in `{experiment.path}`",
            )
        return labels
    family = experiment.families.get(pattern.name.partition("@")[0])
    if family is not None:
        return _members(family, pattern)
    if pattern.name in experiment.targets:
        return [Label(pattern.package, pattern.name)]
    if pattern.name in experiment.lock.frozen:
        return [Label(pattern.package, pattern.name)]
    base = pattern.name.partition("@")[0]
    if base != pattern.name and base in experiment.targets:
        message = f"`//{pattern.package}:{base}` is one target and has no members"
        raise NotFoundError(message, code="unknown-target", hint=f"write `//{pattern.package}:{base}`")
    hint = target_hint(base, experiment)
    if ":" not in text:
        hint = f"write `//{pattern.package}:*` for all targets of the experiment; {hint}"
    raise NotFoundError(f"no target `{pattern.name}` in `//{pattern.package}`", code="unknown-target", hint=hint)


def _members(family: FamilyOfTargets, pattern: Pattern) -> list[Label]:
    """The members that a name means: all without coordinates, else those that have them."""
    assert pattern.name is not None
    text = pattern.name.partition("@")[2]
    selector = parse_selector(text) if text else Selector(rest=True)
    unknown = next((axis for axis, _ in selector.named if axis not in family.axes), None)
    if unknown is not None:
        raise NotFoundError(
            f"`{family.label}` has no axis `{unknown}`",
            code="unknown-target",
            hint=did_you_mean(unknown, family.axes, one_of(family.axes)),
        )
    labels = [Label(pattern.package, name) for name in family.names(dict(selector.named))]
    if not labels:
        raise NotFoundError(
            f"`{pattern}` matches none of {len(family):,} members",
            code="unknown-target",
            hint=f"`traintrack ls '{family.label}'` shows them",
        )
    return labels


def _below(catalog: Catalog, pattern: Pattern, text: str) -> list[Label]:
    labels: list[Label] = []
    errors: list[InputError] = []
    for package in catalog.packages(pattern.package):
        try:
            labels += labels_of(catalog.experiment(package))
        except InputError as error:
            errors.append(error)
    raise_all(errors)
    if labels:
        return labels
    hint = package_hint(pattern.package, catalog) if pattern.package else "create a folder with a TTCONFIG.yaml"
    raise NotFoundError(f"`{text}` matches no target", code="nothing-matched", hint=hint)


def labels_of(experiment: Experiment) -> list[Label]:
    """The label of every target of an experiment, in the order of the file; no member is made for it."""
    labels: list[Label] = []
    for name in plain_names(experiment):
        family = experiment.families.get(name)
        if family is None:
            labels.append(Label(experiment.package, name))
        else:
            labels += [Label(experiment.package, member) for member in family.names({})]
    return labels


def _local_hint(catalog: Catalog, text: str, current_package: str) -> str | None:
    """People write `train` for `:train`: say so where that target exists."""
    if not is_segment(text) or not catalog.exists(current_package):
        return None
    return f"did you mean `:{text}`?" if text in plain_names(catalog.experiment(current_package)) else None
