"""`traintrack add`: templates that ship with traintrack."""

from __future__ import annotations

from msgspec import Struct

from traintrack.app.add_template import Added, add_template
from traintrack.app.shipped_templates import shipped_templates
from traintrack.cli.call import Call
from traintrack.cli.line import good
from traintrack.cli.terminal import aligned
from traintrack.errors import UsageError

_DEFAULT_FOLDER = "//lib"


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    template: str | None
    to: str | None


def run(call: Call, options: Options) -> int:
    """Copy a template and print the YAML that uses it, which is the result; without a name, list what there is."""
    if options.template is None:
        return _list(call, options)
    added = add_template(call.start, options.template, options.to or _DEFAULT_FOLDER)
    if call.json:
        call.document("add/1", _fields(added))
        return 0
    if added.is_new:
        call.terminal.say((good("✓"), f" added `{added.name}` to {added.path}; to use it, write"))
    else:
        call.terminal.say((f"`{added.label}` is there already; to use it, write",))
    call.terminal.result(*((line,) for line in added.use))
    return 0


def _list(call: Call, options: Options) -> int:
    if options.to is not None:
        raise UsageError(
            "--to needs the name of a template", code="usage", hint=f"traintrack add kfold --to {options.to}"
        )
    shipped = shipped_templates()
    if call.json:
        rows = [{"name": one.name, "description": one.description} for one in shipped]
        call.document("templates/1", {"templates": rows})
    else:
        call.terminal.result(*aligned((one.name, one.description) for one in shipped))
    return 0


def _fields(added: Added) -> dict[str, str | bool]:
    return {
        "name": added.name,
        "label": added.label,
        "path": added.path,
        "added": added.is_new,
        "use": "".join(f"{line}\n" for line in added.use),
    }
