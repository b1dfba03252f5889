"""The JSON documents of `--json` as JSON Schemas (2020-12): kept stable, checked by tests, shown in docs/reference/json.md.

A document gets fields, it loses none without a new number; readers ignore what they do not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]
"""A JSON Schema; what stands in one is JSON of any shape."""

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
SECONDS: Schema = {"type": "number", "minimum": 0}
SWITCH: Schema = {"type": "boolean"}
ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
ANY: Schema = {}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _map(fields: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "required": list(fields), "properties": dict(fields)}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


WHERE = _or_null(_map({"path": TEXT, "line": {"type": "integer", "minimum": 0}, "column": COUNT}))
ERROR = _map({"code": TEXT, "message": TEXT, "where": WHERE, "hint": TEXT_OR_NULL, "details": _list(TEXT)})
REASON = {"type": "object", "required": ["code"], "properties": {"code": TEXT}}
OUTCOME: Schema = {"enum": ["executed", "reused", "same-inputs", "shared", "failed", "blocked", "cancelled"]}
_RAN = _map(
    {
        "label": TEXT,
        "id": ID,
        "outcome": OUTCOME,
        "reason": REASON,
        "reason_text": TEXT,
        "attempts": COUNT,
        "duration_s": SECONDS,
        "artifact": TEXT_OR_NULL,
        "path": TEXT_OR_NULL,
        "failure": TEXT_OR_NULL,
        "message": TEXT,
        "log": TEXT_OR_NULL,
    }
)
_PLANNED = _map(
    {
        "label": TEXT,
        "id": ID,
        "decision": {"enum": ["reuse", "wait", "execute"]},
        "reason": REASON,
        "reason_text": TEXT,
        "expected_s": {"type": ["number", "null"]},
    }
)
_STATUS = _map(
    {
        "label": TEXT,
        "id": ID,
        "state": {"enum": ["cached", "missing", "running", "failed", "stale"]},
        "detail": TEXT,
        "since": TEXT_OR_NULL,
        "size_bytes": {"type": ["integer", "null"]},
        "home": TEXT_OR_NULL,
    }
)
_VALUES: Schema = {"type": "object", "additionalProperties": {"type": ["boolean", "number", "string", "null"]}}
_RESULT = _map(
    {
        "label": TEXT,
        "id": ID,
        "state": {"enum": ["cached", "removed", "running", "failed", "missing"]},
        **dict.fromkeys(("coordinates", "args", "metrics"), _VALUES),
        "problem": TEXT_OR_NULL,
    }
)
_NUMBER: Schema = {"type": ["number", "string"]}
_SPREAD = _map({"mean": _NUMBER, "sd": {"type": ["number", "string", "null"]}, "n": COUNT})
_GROUP = _map(
    {
        "target": TEXT,
        "coordinates": _VALUES,
        "members": COUNT,
        "results": COUNT,
        "metrics": {"type": "object", "additionalProperties": _SPREAD},
    }
)
_EDIT = _map(
    {
        **dict.fromkeys(("set", "label", "path"), TEXT),
        "line": COUNT,
        "old": TEXT_OR_NULL,
        "new": TEXT,
        "into": _list(TEXT),
        "shared_by": COUNT,
    }
)
_PIN_KEPT = _map({"label": TEXT, "id": ID, "name": TEXT_OR_NULL, "by": TEXT, "at": TEXT, "why": TEXT_OR_NULL})
_TAKEN = {"results": COUNT, "logical_bytes": COUNT, "real_bytes": COUNT, "could_go_bytes": COUNT}
_CAUSE: Schema = _map(
    {
        "field": TEXT,
        "old": ANY,
        "new": ANY,
        "where": WHERE,
        "change": TEXT_OR_NULL,
        "input_label": TEXT_OR_NULL,
        "causes": {"type": "array"},
    }
)
_PIN = _map({"lock": TEXT, "kind": TEXT, "name": TEXT, "value": TEXT, "old": TEXT_OR_NULL})
_MOVED = _map(
    {
        **dict.fromkeys(("lock", "kind", "name", "pinned"), TEXT),
        "now": TEXT_OR_NULL,
        "error": _or_null(ERROR),
    }
)
_LISTED = _map(
    {
        "label": TEXT,
        "family": TEXT_OR_NULL,
        "kind": TEXT,
        "image": TEXT,
        "where": WHERE,
        "description": TEXT,
        "tags": _list(TEXT),
    }
)
_EXCEPT = _map(
    {
        "path": TEXT,
        "target": TEXT,
        "parts": _list(
            _map(
                {
                    "match": {"type": "object", "additionalProperties": TEXT},
                    "arguments": {"type": "object", "additionalProperties": _list({"type": "object"})},
                }
            )
        ),
        "because": _list(TEXT),
        "is_there": SWITCH,
    }
)
_FIELD = _map({"path": TEXT, "value": ANY, "where": WHERE, "origin": TEXT, "written": TEXT_OR_NULL})
_HISTORY = _map({"run": TEXT, "time": TEXT, "outcome": TEXT, "id": ID, "label": TEXT, "record": TEXT_OR_NULL})
_FINDING = _map({"kind": TEXT, "path": TEXT, "words": TEXT, "id": _or_null(ID), "label": TEXT})
_CHECKED = _map({"name": TEXT, "state": {"enum": ["ok", "warning", "problem"]}, "detail": TEXT, "hint": TEXT_OR_NULL})

_LEVEL: Schema = {"enum": ["note", "warning", "command"]}
_TARGET = {"label": TEXT, "id": ID}
_PLANNED_STEP = _map(
    {
        **_TARGET,
        "decision": {"enum": ["reuse", "wait", "execute"]},
        "reason": REASON,
        "expected_s": {"type": ["number", "null"]},
        "needs": _list(ID),
    }
)
_FINISHED = {
    **_TARGET,
    "outcome": OUTCOME,
    "reason": REASON,
    "duration_s": SECONDS,
    "attempts": COUNT,
    **dict.fromkeys(("artifact", "record", "failure"), TEXT_OR_NULL),
    "message": TEXT,
    "hint": TEXT_OR_NULL,
    "exit_code": {"type": ["integer", "null"]},
    "log": TEXT_OR_NULL,
    "because": _list(TEXT),
}
EVENTS: Mapping[str, tuple[str, Schema]] = {
    "run-started": (
        "The plan: a row for each target in an order that has every one after those it needs.",
        _map({"run": TEXT, "environment": TEXT, "profile": TEXT_OR_NULL, "targets": _list(_PLANNED_STEP)}),
    ),
    "target-started": (
        "An attempt began; it counts from 1.",
        _map({**_TARGET, "attempt": COUNT, "reason": REASON, "resumed": SWITCH}),
    ),
    "target-progress": (
        "It came to another phase, or its `progress.json` says something new.",
        _map({**_TARGET, "phase": {"enum": ["staging", "running", "storing"]}, "text": TEXT}),
    ),
    "target-waiting": (
        "Another run holds the target; told anew when its phase or what its task says of itself changes.",
        _map({**_TARGET, **dict.fromkeys(("user", "host", "run", "since", "phase", "progress"), TEXT)}),
    ),
    "attempt-failed": (
        "`retry_in_s` is null if it is not tried again.",
        _map(
            {**_TARGET, "attempt": COUNT, "failure": TEXT, "message": TEXT, "retry_in_s": {"type": ["number", "null"]}}
        ),
    ),
    "notice": ("Something that a person should know.", _map({"level": _LEVEL, "message": TEXT, "id": _or_null(ID)})),
    "target-finished": ("A target ended; `because` names what blocked it.", _map(_FINISHED)),
    "run-finished": (
        "The run is over; `outcomes` counts targets.",
        _map({"run": TEXT, "duration_s": SECONDS, "interrupted": SWITCH, "outcomes": {"type": "object"}}),
    ),
    "error": ("The run could not begin, or could not go on.", _map({"error": ERROR})),
}
"""Kind of each line of `--events`, with what it tells and the schema of its own fields."""

DOCUMENTS: Mapping[str, tuple[str, Schema]] = {
    "run/1": (
        "`run`: what a run did, a row for each target of its plan.",
        _map(
            {
                "run": TEXT,
                "environment": TEXT,
                "profile": TEXT_OR_NULL,
                "storage": TEXT,
                "interrupted": SWITCH,
                "exit_code": COUNT,
                "duration_s": SECONDS,
                "saved_s": SECONDS,
                "requested": _list(TEXT),
                "new_pins": _list(TEXT),
                "targets": _list(_RAN),
                "excepts": _list(_EXCEPT),
                "edits": _list(_EDIT),
            }
        ),
    ),
    "plan/1": (
        "`run -n`: what would be done. `edits` keep what `--set` changed; `old` is null where a line is to be added.",
        _map(
            {
                "environment": TEXT,
                "profile": TEXT_OR_NULL,
                "targets": _list(_PLANNED),
                "edits": _list(_EDIT),
            }
        ),
    ),
    "hash/1": ("`hash`: IDs.", _map({"targets": _list(_map({"label": TEXT, "id": ID}))})),
    "preimage/1": (
        "`hash --preimage`: what an ID is the hash of, as data. Its exact bytes come without `--json`.",
        _map({"label": TEXT, "id": ID, "preimage": {"type": "object"}}),
    ),
    "pull/1": ("`pull`: paths.", _map({"targets": _list(_map({"label": TEXT, "id": ID, "path": TEXT}))})),
    "shell/1": (
        "`shell --print`: what opens the shell, and where all lies. `attempt` and `partial` are null without `--attempt`.",
        _map(
            {
                "label": TEXT,
                "id": ID,
                "attempt": {"type": ["integer", "null"]},
                "line": TEXT,
                "folder": TEXT_OR_NULL,
                **dict.fromkeys(("config", "output", "checkpoints"), TEXT),
                "partial": TEXT_OR_NULL,
                "task": _list(TEXT),
            }
        ),
    ),
    "ls/1": (
        "`ls`: targets; `kind` is the task, or `source`, `family` that of a member.",
        _map({"targets": _list(_LISTED)}),
    ),
    "show/1": (
        (
            "`show`: a target after merging. `record` and `path` are null without `--record`; `url` is where files of a "
            "result lie in a bucket under their own names, `kept` what is left of one that was removed. `coordinates` are a "
            "member's, `written` a field as it stands in the file where holes were filled."
        ),
        _map(
            {
                "label": TEXT,
                "id": _or_null(ID),
                "where": WHERE,
                "fields": _list(_FIELD),
                "inputs": _list(_map({"where": TEXT, "label": TEXT})),
                "preimage": {"type": "object"},
                "record": {"type": ["object", "null"]},
                "path": TEXT_OR_NULL,
                "origin": TEXT_OR_NULL,
                "url": TEXT_OR_NULL,
                "kept": _list(TEXT),
                "coordinates": {"type": "object"},
            }
        ),
    ),
    "show-family/1": (
        "`show` of a family: its axes with at most eight values each, by name, and how many there are.",
        _map(
            {
                "label": TEXT,
                "where": WHERE,
                "members": COUNT,
                "axes": _list(_map({"name": TEXT, "values": _list(TEXT), "count": COUNT})),
                "templates": _list(_map({"label": TEXT, "where": WHERE})),
                "first": _list(TEXT),
            }
        ),
    ),
    "expand/1": (
        (
            "`expand`: targets written out. `path` are the keys that lead to a value, `origin` the layer that wrote it; "
            "`folded` are families of which only the first members are told."
        ),
        _map(
            {
                "targets": _list(
                    _map(
                        {
                            "label": TEXT,
                            "where": WHERE,
                            "fields": _list(_map({"path": _list(TEXT), "value": ANY, "where": WHERE, "origin": TEXT})),
                        }
                    )
                ),
                "folded": _list(_map({"label": TEXT, "shown": COUNT, "members": COUNT})),
            }
        ),
    ),
    "templates/1": (
        "`add` without a name: the templates that ship.",
        _map({"templates": _list(_map({"name": TEXT, "description": TEXT}))}),
    ),
    "add/1": (
        "`add`: where the template is now; `added` is false where it was there already. `use` is the YAML that uses it.",
        _map({"name": TEXT, "label": TEXT, "path": TEXT, "added": SWITCH, "use": TEXT}),
    ),
    "status/1": (
        "`status`: what has a result.",
        _map({"environment": TEXT, "profile": TEXT_OR_NULL, "targets": _list(_STATUS)}),
    ),
    "results/1": (
        (
            "`results`: metrics, by dotted names. `problem` says why those of a result cannot be read. `groups` are "
            "empty unless members are taken together `over` axes; `sd` is of a sample, null for a single number. Numbers that JSON has "
            "no word for are the texts `nan`, `inf` and `-inf`."
        ),
        _map(
            {
                "environment": TEXT,
                "profile": TEXT_OR_NULL,
                "rows": _list(_RESULT),
                "over": _list(TEXT),
                "groups": _list(_GROUP),
            }
        ),
    ),
    "push/1": (
        (
            "`push`: what was sent and what was not. `state` is `sent`, `there`, `brought-in` (it came from elsewhere), "
            "`differs` or `refused` (other bytes stand there), `busy`, or `behind` (an input is not there)."
        ),
        _map(
            {
                "environment": TEXT,
                "storage": TEXT,
                "sent": COUNT,
                "sent_bytes": COUNT,
                "targets": _list(
                    _map(
                        {
                            "label": TEXT,
                            "id": ID,
                            "state": {
                                "enum": ["sent", "there", "brought-in", "differs", "refused", "busy", "behind", "dirty"]
                            },
                            "storage": TEXT,
                            "code": {"enum": ["clean", "dirty"]},
                            "detail": TEXT,
                            "size_bytes": COUNT,
                        }
                    )
                ),
                "exit_code": COUNT,
            }
        ),
    ),
    "log/1": (
        "`log LABEL`: where a log is. The file grows as long as `live` is true.",
        _map({"label": TEXT, "run": TEXT, "attempt": COUNT, "outcome": TEXT, "live": SWITCH, "path": TEXT}),
    ),
    "log-run/1": (
        "`log RUN`, or `log` of a last run without one failure: its rows.",
        _map({"targets": _list(_HISTORY)}),
    ),
    "why/1": (
        "`why`: causes are of one shape at every depth.",
        _map(
            {
                "label": TEXT,
                "id": ID,
                "now": TEXT,
                "old_id": _or_null(ID),
                "compared_with": TEXT_OR_NULL,
                "causes": _list(_CAUSE),
                "unchanged": _list(TEXT),
                "last_reason": TEXT_OR_NULL,
                "origin": TEXT_OR_NULL,
            }
        ),
    ),
    "check/1": (
        "`check`: all errors and warnings; `stale` are the sources that `--fresh` found old, moved or out of reach.",
        _map(
            {
                "experiments": COUNT,
                "targets": COUNT,
                "errors": _list(ERROR),
                "warnings": _list(ERROR),
                "stale": _list(ERROR),
            }
        ),
    ),
    "lock/1": (
        (
            "`lock`: pins that were added or moved; with `--check` nothing is `written`. `changed` are labels with new "
            "IDs; `moved` are tags that point elsewhere `now`, or of which no registry tells (null): `--check` asks."
        ),
        _map(
            {
                "written": SWITCH,
                "pins": _list(_PIN),
                "changed": _list(TEXT),
                "moved": _list(_MOVED),
                "missing": _list(_map({"lock": TEXT, "kind": TEXT, "name": TEXT, "error": ERROR})),
            }
        ),
    ),
    "init/1": (
        "`init`: what was written, or would be, and why.",
        _map(
            {
                "root": TEXT,
                "files": _list(TEXT),
                "next_steps": _list(TEXT),
                "notes": _list(_map({"kind": {"enum": ["found", "chose", "note"]}, "text": TEXT})),
                "dry_run": SWITCH,
            }
        ),
    ),
    "clean/1": (
        "`clean`: what was removed, or would be.",
        _map({"removed": _list(TEXT), "size_bytes": COUNT, "dry_run": SWITCH}),
    ),
    "gc/1": (
        (
            "`gc`: the results that may go, or with `deleted` have gone; `stays` counts the others by reason. `spared` "
            "came into use meanwhile. `unnamed` are bytes of no result; `size_bytes` counts shared bytes once."
        ),
        _map(
            {
                "environment": TEXT,
                "storage": TEXT,
                "deleted": SWITCH,
                "results": _list(
                    _map(
                        {
                            "label": TEXT,
                            "workspace": TEXT,
                            "id": ID,
                            "size_bytes": COUNT,
                            "last_use": TEXT,
                            "remake_s": SECONDS,
                            "gpu_hours": {"type": "number", "minimum": 0},
                            "evicted": SWITCH,
                        }
                    )
                ),
                "size_bytes": COUNT,
                "remake_s": SECONDS,
                "gpu_hours": {"type": "number", "minimum": 0},
                "stays": {"type": "object", "additionalProperties": COUNT},
                "unnamed": _map({"count": COUNT, "size_bytes": COUNT}),
                "freed_bytes": COUNT,
                "spared": _list(ID),
            }
        ),
    ),
    "pin/1": (
        "`pin`: the pins that were made, or with `--list` all.",
        _map({"environment": TEXT, "pins": _list(_PIN_KEPT)}),
    ),
    "unpin/1": ("`unpin`: the pins that were removed.", _map({"environment": TEXT, "pins": _list(_PIN_KEPT)})),
    "du/1": (
        "`du`: bytes by group, the largest first. `logical_bytes` counts each result, `real_bytes` shared bytes once.",
        _map(
            {
                "environment": TEXT,
                "storage": TEXT,
                "by": {"enum": ["experiment", "task", "user", "label"]},
                "groups": _list(_map({"name": TEXT, **_TAKEN})),
                "total": _map(_TAKEN),
            }
        ),
    ),
    "verify/1": (
        "`verify`: what is damaged, and what `--repair` did; `left` is what is wrong still, `remake` what to run.",
        _map(
            {
                "environment": TEXT,
                "storage": TEXT,
                "depth": {"enum": ["quick", "data"]},
                "results": COUNT,
                "objects": COUNT,
                "hashed_bytes": COUNT,
                "findings": _list(_FINDING),
                "remarks": _list(TEXT),
                "mended": _list(_map({"path": TEXT, "done": TEXT})),
                "left": _list(_FINDING),
                "remake": _list(TEXT),
            }
        ),
    ),
    "verify-rebuild/1": (
        "`verify --rebuild`: whether a target came out the same. A size is null where that side has no such file.",
        _map(
            {
                "label": TEXT,
                "id": ID,
                "files": COUNT,
                "equal": SWITCH,
                "differing": _list(
                    _map(
                        {
                            "path": TEXT,
                            "size_before": {"type": ["integer", "null"]},
                            "size_after": {"type": ["integer", "null"]},
                        }
                    )
                ),
            }
        ),
    ),
    "doctor/1": ("`doctor`: what was looked at.", _map({"checks": _list(_CHECKED)})),
    "completion/1": ("`completion`: a script for a shell.", _map({"shell": TEXT, "script": TEXT})),
    "version/1": ("`version`.", _map({"version": TEXT})),
    "error/1": (
        "Any command that could not do its work. `error` is the first of `errors`.",
        _map({"error": ERROR, "errors": _list(ERROR), "exit_code": COUNT}),
    ),
}
"""Name and number of each document, with what it is and the schema of its fields beside `schema`."""


def document_schema(name: str) -> Schema:
    """Return the whole schema of a document such as `run/1`."""
    about, fields = DOCUMENTS[name]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"traintrack.{name}",
        "description": about,
        "type": "object",
        "required": ["schema", *fields["required"]],
        "properties": {"schema": {"const": f"traintrack.{name}"}, **fields["properties"]},
    }


def event_schema() -> Schema:
    """Return the whole schema of a line of `--events`."""
    head = {"schema": {"const": "traintrack.event/1"}, "seq": {"type": "integer", "minimum": 1}, "time": TEXT}
    kinds = [
        {
            "type": "object",
            "description": about,
            "required": ["kind", *fields["required"]],
            "properties": {"kind": {"const": kind}, **fields["properties"]},
        }
        for kind, (about, fields) in EVENTS.items()
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "traintrack.event/1",
        "type": "object",
        "required": [*head, "kind"],
        "properties": {**head, "last": {"const": True}},
        "oneOf": kinds,
    }
