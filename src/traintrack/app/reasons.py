"""Reasons in words, one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from traintrack.action.plan import Reason, ReasonCode

SHOWN = 3


def reason_text(reason: Reason) -> str:
    """Say a reason in one line, lower case without full stop."""
    return _TEXTS[reason.code](reason.facts)


def _list(names: object) -> str:
    fields = [str(name) for name in names] if isinstance(names, list | tuple) else []
    more = f" and {len(fields) - SHOWN} more" if len(fields) > SHOWN else ""
    return ", ".join(fields[:SHOWN]) + more


def _changed(facts: Mapping[str, Any]) -> str:
    fields = _list(facts.get("fields", ()))
    return f"changed: {fields}" if fields else "its recipe changed"


def _inputs(facts: Mapping[str, Any]) -> str:
    fields = _list(facts.get("fields", ()))
    return f"new input: {fields}" if fields else "an input is new"


def _failed(facts: Mapping[str, Any]) -> str:
    message = facts.get("message")
    return f"it failed before: {message}" if message else "it failed before"


def _corrupt(facts: Mapping[str, Any]) -> str:
    what = facts.get("what")
    return f"its stored bytes are damaged: {what}" if what else "its stored bytes were damaged"


def _refused(facts: Mapping[str, Any]) -> str:
    return f"the result in {facts.get('storage', '?')} is refused: {facts.get('what', '?')}"


def _superseded(facts: Mapping[str, Any]) -> str:
    return f"made from other bytes of {facts['input']} than stand now" if "input" in facts else "superseded"


def _evicted(facts: Mapping[str, Any]) -> str:
    by = facts.get("by")
    return f"evicted by {by}: made again" if by else "its bytes were removed"


def _held(facts: Mapping[str, Any]) -> str:
    who = f"{facts.get('user', '?')}@{facts.get('host', '?')}"
    return f"{who} is making it (run {facts.get('run', '?')}, {facts.get('phase', '')})"


_TEXTS: dict[ReasonCode, Callable[[Mapping[str, Any]], str]] = {
    ReasonCode.CACHED: lambda _: "it stands already",
    ReasonCode.NEVER_BUILT: lambda _: "never built",
    ReasonCode.RECIPE_CHANGED: _changed,
    ReasonCode.FAILED_BEFORE: _failed,
    ReasonCode.RELEASED: lambda _: "an earlier run was interrupted",
    ReasonCode.EVICTED: _evicted,
    ReasonCode.CORRUPT: _corrupt,
    ReasonCode.MISSING_BYTES: lambda _: "its bytes are missing",
    ReasonCode.SUPERSEDED: _superseded,
    ReasonCode.FORCED: lambda _: "forced",
    ReasonCode.INPUT_REMADE: _inputs,
    ReasonCode.HELD: _held,
    ReasonCode.REFUSED: _refused,
}
