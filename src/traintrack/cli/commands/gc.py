"""`traintrack gc`: what was not used for long, and removing it."""

from __future__ import annotations

import shlex
import socket
from datetime import datetime

from msgspec import Struct

from traintrack.app.environment import open_environment
from traintrack.app.gc import GcOptions, GcPlan, carry_out, plan_gc
from traintrack.app.keep import DEFAULT_S
from traintrack.app.project import open_project
from traintrack.app.stock import Item
from traintrack.cli.call import Call, JsonValue
from traintrack.cli.columns import table_lines
from traintrack.cli.line import Line, faint, good
from traintrack.cli.quantity import count_text, duration_text, size_text
from traintrack.errors import UsageError
from traintrack.ports.collect import FENCE_AFTER_S, Collected
from traintrack.storages.local.processes import user_name
from traintrack.workspace.quantities import QuantityError, parse_duration

_MOST_SHARE = 0.5


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    patterns: tuple[str, ...]
    delete: bool
    older_than: str | None
    max_delete_fraction: str | None
    fence_after: str | None

    def for_gc(self) -> GcOptions:
        """Return what the use case wants.

        Raises:
            UsageError: a time or a share is none.
        """
        return GcOptions(
            default_s=_seconds("--older-than", self.older_than, DEFAULT_S),
            most_share=_share(self.max_delete_fraction),
            fence_after_s=_seconds("--fence-after", self.fence_after, FENCE_AFTER_S),
        )


def run(call: Call, options: Options) -> int:
    """Print a row for each result that may go, and how much that is; remove them if that is asked for."""
    wanted = options.for_gc()
    project = open_project(call.start)
    environment = open_environment(project.workspace, call.env)
    plan = plan_gc(project, environment, options.patterns, wanted)
    if not call.json:
        call.terminal.result(*_rows(plan))
    done: Collected | None = None
    if options.delete and (plan.going or plan.loose.count):
        call.terminal.flush()
        done = carry_out(environment, plan, wanted, f"{user_name()}@{socket.gethostname()}")
    if call.json:
        call.document(
            "gc/1", {"environment": environment.name, "storage": environment.storage.name, **_fields(plan, done)}
        )
        return 0
    call.terminal.say(*_summary(plan, done, _again(options, plan, wanted)))
    return 0


def _rows(plan: GcPlan) -> list[Line]:
    several = len({item.workspace for item in plan.stock.items}) > 1
    rows = [
        (
            size_text(item.size_bytes),
            _day(item.last_use),
            duration_text(item.remake_s),
            f"{item.gpu_s / 3600:.1f} GPU h" if item.gpu_s else "",
            f"{item.workspace} {item.label}" if several else item.label,
        )
        for item in plan.going
    ]
    return table_lines(("size", "last use", "to make again", "", "label"), rows)


def _summary(plan: GcPlan, done: Collected | None, command: str) -> list[Line]:
    """`command` is what would remove it."""
    lines: list[Line] = []
    stays = ", ".join(f"{count} {why.value}" for why, count in sorted(plan.stays.items()))
    if stays:
        lines.append((faint(f"  stays: {stays}"),))
    if not plan.going and not plan.loose.count:
        return [*lines, (good("✓"), " nothing is to be removed")]
    cost = f"{duration_text(plan.remake_s)} to make again"
    cost += f", {plan.gpu_s / 3600:.1f} GPU hours" if plan.gpu_s else ""
    what = [f"{count_text(len(plan.going), 'result')}, {size_text(plan.size_bytes)}, {cost}"] if plan.going else []
    if plan.loose.count:
        what.append(f"{size_text(plan.loose.size_bytes)} that no result names")
    if done is None:
        lines.append((good("✓"), f" would remove {'; '.join(what)}"))
        return [*lines, (faint(f"  to do so: {command}"),)]
    lines.append((good("✓"), f" removed {count_text(len(done.evicted), 'result')}, {size_text(done.freed_bytes)}"))
    if done.freed_bytes < plan.size_bytes and done.evicted:
        lines.append((faint("  bytes in a bucket go a round later: run `traintrack gc --delete` again"),))
    if done.spared:
        lines.append((faint(f"  {count_text(len(done.spared), 'result')} came into use meanwhile and stayed"),))
    return lines


def _again(options: Options, plan: GcPlan, wanted: GcOptions) -> str:
    """The command that removes what this one has listed."""
    words = ["traintrack", "gc", "--delete"]
    words += ["--older-than", options.older_than] if options.older_than else []
    share = len(plan.going) / len(plan.stock.items) if plan.stock.items else 0.0
    if share > wanted.most_share:
        words += ["--max-delete-fraction", f"{min(share + 0.01, 1.0):.2f}"]
    return shlex.join([*words, *options.patterns])


def _fields(plan: GcPlan, done: Collected | None) -> dict[str, JsonValue]:
    evicted = frozenset(done.evicted) if done else frozenset()
    return {
        "deleted": done is not None,
        "results": [_item_fields(item, item.id in evicted) for item in plan.going],
        "size_bytes": plan.size_bytes,
        "remake_s": round(plan.remake_s, 3),
        "gpu_hours": round(plan.gpu_s / 3600, 3),
        "stays": {why.name.lower().replace("_", "-"): count for why, count in sorted(plan.stays.items())},
        "unnamed": {"count": plan.loose.count, "size_bytes": plan.loose.size_bytes},
        "freed_bytes": done.freed_bytes if done else 0,
        "spared": list(done.spared) if done else [],
    }


def _item_fields(item: Item, evicted: bool) -> dict[str, JsonValue]:  # noqa: FBT001
    return {
        "label": item.label,
        "workspace": item.workspace,
        "id": item.id,
        "size_bytes": item.size_bytes,
        "last_use": item.last_use.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "remake_s": round(item.remake_s, 3),
        "gpu_hours": round(item.gpu_s / 3600, 3),
        "evicted": evicted,
    }


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d}"


def _seconds(flag: str, text: str | None, otherwise: float) -> float:
    if text is None:
        return otherwise
    if text in {"0", "0s", "0d"}:
        return 0.0
    try:
        return parse_duration(text)
    except QuantityError as error:
        raise UsageError(f"`{flag}`: {error}", hint=error.hint) from error


def _share(text: str | None) -> float:
    if text is None:
        return _MOST_SHARE
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise UsageError(f"`{text}` is not a share", hint="write `--max-delete-fraction 0.8`")
    return share
