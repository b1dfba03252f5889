"""`du`: what takes the space of a storage, told by the storage alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum

from msgspec import Struct

from traintrack.app.environment import Environment
from traintrack.app.keep import Facts, judge
from traintrack.app.project import Project, parse_patterns
from traintrack.app.roots import rooted
from traintrack.app.stock import Item, collectable, matching, take_stock


class Group(str, Enum):
    """What results are put together by."""

    EXPERIMENT = "experiment"
    TASK = "task"
    USER = "user"
    LABEL = "label"


class Share(Struct, frozen=True):
    """The results of one group.

    `logical_bytes` counts each result, `real_bytes` each artifact once; `could_go_bytes` is what `gc` would free of
    these results as things are.
    """

    name: str
    results: int
    logical_bytes: int
    real_bytes: int
    could_go_bytes: int


class DuReport(Struct, frozen=True):
    """A share per group, the largest first, and all of it; an artifact of several groups is in each, and once in all."""

    by: Group
    shares: tuple[Share, ...]
    total: Share


def du(project: Project, environment: Environment, texts: Sequence[str], by: Group) -> DuReport:
    """Add up the results of a storage; patterns select among those of this workspace.

    Raises:
        UsageError: a text is not a pattern.
        InputError: this storage cannot tell.
        IntegrityError: roots or a cell cannot be read.
        HostError: the storage cannot be read.
    """
    patterns = parse_patterns(project, texts) if texts else ()
    roots = rooted(collectable(environment.storage).documents)
    stock = take_stock(environment.storage)
    reasons = judge(stock.items, Facts(stock.cells, roots, datetime.now(UTC)))
    selected = matching(stock.items, patterns, project.workspace.name)
    going = {item.id for item in selected if reasons[item.id] is None}
    staying = {item.artifact for item in stock.items if item.id not in going}
    several = len({item.workspace for item in selected}) > 1
    groups: dict[str, list[Item]] = {}
    for item in selected:
        name = _NAMES[by](item) or "unknown"
        groups.setdefault(f"{item.workspace} {name}" if several and by is not Group.USER else name, []).append(item)

    def share(name: str, items: Sequence[Item]) -> Share:
        own = [item for item in items if not item.home]
        could_go = {i.artifact: i.size_bytes for i in own if i.id in going and i.artifact not in staying}
        real = {item.artifact: item.size_bytes for item in own}
        logical = sum(item.size_bytes for item in items)
        return Share(name, len(items), logical, sum(real.values()), sum(could_go.values()))

    shares = [share(name, items) for name, items in groups.items()]
    return DuReport(by, tuple(sorted(shares, key=lambda s: (-s.real_bytes, s.name))), share("total", selected))


_NAMES: Mapping[Group, Callable[[Item], str]] = {
    Group.EXPERIMENT: lambda item: item.experiment,
    Group.TASK: lambda item: item.task or ("import" if item.label else ""),
    Group.USER: lambda item: item.user,
    Group.LABEL: lambda item: item.label,
}
