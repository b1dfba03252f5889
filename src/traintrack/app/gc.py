"""`gc`: remove the bytes of results that were not used for long; records, metrics, reports and file lists stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct, field

from traintrack.app.environment import Environment
from traintrack.app.keep import DEFAULT_S, Facts, Stays, judge
from traintrack.app.project import Project, parse_patterns
from traintrack.app.roots import rooted
from traintrack.app.small_files import keep_small_files
from traintrack.app.stock import Item, Stock, collectable, matching, take_stock
from traintrack.digest import TargetId
from traintrack.ports.collect import FENCE_AFTER_S, Collected, Loose, Terms


class GcOptions(Struct, frozen=True):
    """What the command line says. `default_s` counts for results of which no `keep` was said."""

    default_s: float = DEFAULT_S
    most_share: float = 0.5
    fence_after_s: float = FENCE_AFTER_S


class GcPlan(Struct, frozen=True):
    """What would go, sorted by label, and how many stay and why.

    `size_bytes` counts an artifact once, and only if nothing that stays has it too. `loose` are bytes of no result.
    """

    stock: Stock
    going: tuple[Item, ...]
    stays: Mapping[Stays, int] = field(default_factory=dict)
    size_bytes: int = 0
    loose: Loose = Loose()

    @property
    def remake_s(self) -> float:
        """The recorded time of all executions that would have to be made again."""
        return sum(item.remake_s for item in self.going)

    @property
    def gpu_s(self) -> float:
        """The same for each GPU."""
        return sum(item.gpu_s for item in self.going)


def plan_gc(project: Project, environment: Environment, texts: Sequence[str], options: GcOptions) -> GcPlan:
    """Say which results of a storage may go, whoever made them; patterns select among those of this workspace.

    Raises:
        UsageError: a text is not a pattern.
        InputError: this storage cannot be collected.
        IntegrityError: the roots of a workspace, or a cell, cannot be read.
        HostError: the storage cannot be read.
    """
    patterns = parse_patterns(project, texts) if texts else ()
    storage = collectable(environment.storage)
    roots = rooted(storage.documents)
    stock = take_stock(environment.storage)
    reasons = judge(stock.items, Facts(stock.cells, roots, datetime.now(UTC), options.default_s))
    selected = matching(stock.items, patterns, project.workspace.name)
    going = tuple(item for item in selected if reasons[item.id] is None)
    return GcPlan(
        stock,
        going,
        Counter(why for item in selected if (why := reasons[item.id]) is not None),
        freed_bytes(stock.items, {item.id for item in going}),
        storage.collecting.loose(),
    )


def carry_out(environment: Environment, plan: GcPlan, options: GcOptions, who: str) -> Collected:
    """Remove what the plan says, after its small files were put where they stay; `who` is told in what is freed.

    Raises:
        GateError: too much would go; nothing was removed.
        IntegrityError: a cell cannot be read; nothing was removed.
        HostError: the storage is busy or cannot be written.
    """
    for item in plan.going:
        if item.seen.cell is not None and item.seen.cell.result is not None:
            keep_small_files(environment.storage, item.seen.cell.result)
    terms = Terms(
        note=f"gc on {datetime.now(UTC):%Y-%m-%d} by {who}",
        most_share=options.most_share,
        fence_after_s=options.fence_after_s,
    )
    return collectable(environment.storage).collecting.collect([item.seen for item in plan.going], terms)


def freed_bytes(items: Collection[Item], going: Collection[TargetId]) -> int:
    """The bytes of artifacts that only results in `going` have; each artifact once."""
    staying = {item.artifact for item in items if item.id not in going}
    sizes = {item.artifact: item.size_bytes for item in items if item.id in going and item.artifact not in staying}
    return sum(sizes.values())
