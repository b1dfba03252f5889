"""Write the reference pages that follow from the code; with `--check` only tell if they are current."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from reference_fields import (
    CONFIG_FIELDS,
    ENVIRONMENT_FIELDS,
    IMAGE_FIELDS,
    LOCK_FIELDS,
    TARGET_FIELDS,
    WORKSPACE_FIELDS,
)
from reference_templates import template_section

from traintrack.app.shipped_templates import shipped_templates
from traintrack.cli.exit_codes import EXIT_CODES
from traintrack.cli.schemas import DOCUMENTS, EVENTS, document_schema, event_schema
from traintrack.cli.table import COMMANDS, COMMON_OPTIONS, Command, Option
from traintrack.workspace.target_fields import UNSUPPORTED

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
MADE = "<!-- Made by scripts/make_reference.py; edit the code that it reads, not this page. -->"


def cli_page() -> str:
    """The commands, from the table."""
    parts = [
        "# Commands",
        MADE,
        (
            "Results go to stdout, talk goes to stderr. Patterns are `//a/b:target`, `:target`, `//a/...`, `//a:*`, and with a "
            "`-` before it what is taken away again; without `//` they are relative to the current folder. What a command's "
            "end means is in [exit codes](exit-codes.md), what `--json` prints in [JSON documents](json.md)."
        ),
        "## Options of all commands",
        "They stand before the command's name or behind it; what stands behind counts.",
        _option_table(COMMON_OPTIONS),
        *(_command_section(command) for command in COMMANDS),
    ]
    return _page(parts)


def exit_codes_page() -> str:
    """The exit codes."""
    rows = [(f"`{code}`", meaning, more) for code, meaning, more in EXIT_CODES]
    about = "They are kept stable. Where a signal and a failure come together, the signal counts."
    return _page(["# Exit codes", MADE, about, _table(("code", "means", "in a sentence"), rows)])


def json_page() -> str:
    """The documents of `--json` with their schemas."""
    parts = [
        "# JSON documents",
        MADE,
        (
            "With `--json` a command prints exactly one document on one line of stdout, ASCII only. Talk goes to stderr as "
            "before. `schema` names the document and its number; a number's documents get fields and lose none, so readers "
            "ignore what they do not know. Errors are a document too, and the exit code is the same as without `--json`. "
            "Places are counted from 1, sizes in bytes, durations in seconds, times in ISO 8601 (UTC)."
        ),
    ]
    for name, (about, _) in DOCUMENTS.items():
        schema = json.dumps(document_schema(name), indent=1)
        parts += [
            f"## traintrack.{name}",
            about,
            f"<details><summary>JSON Schema</summary>\n\n```json\n{schema}\n```\n\n</details>",
        ]
    return _page([*parts, *_events_section()])


def _events_section() -> list[str]:
    """The lines of `run --events`."""
    schema = json.dumps(event_schema(), indent=1)
    return [
        "## traintrack.event/1",
        (
            "`run --events FILE` writes a line of JSON for each event while it happens: to a file, to stdout (`-`) or to an open "
            "descriptor (`fd:N`). `seq` counts from 1, `time` is for people, and the last line, and only that, has `last: true`. "
            "Readers ignore kinds and fields that they do not know. A file that cannot be written is an error before the run "
            "begins; one that cannot be written any more, or whose reader does not keep up, is a warning, and the run goes on."
        ),
        _table(("kind", "tells"), _ticked((kind, about) for kind, (about, _) in EVENTS.items())),
        f"<details><summary>JSON Schema</summary>\n\n```json\n{schema}\n```\n\n</details>",
    ]


def ttworkspace_page() -> str:
    """TTWORKSPACE.yaml."""
    return _page(
        [
            "# TTWORKSPACE.yaml",
            MADE,
            "One, at the root of the workspace. Its folder is what `//` stands for.",
            (
                '```yaml\nworkspace: plates\nimages:\n  py: {python: "3.11", lock: requirements.lock}\ndefaults: {image: py, paths: '
                '[src]}\nenvironments:\n  local: {runner: local, storage: "~/.local/share/traintrack/plates"}\n'
                "default_env: local\n```"
            ),
            _table(("field", "says"), _ticked(WORKSPACE_FIELDS.items())),
            "## An environment",
            "The fields from `endpoint` on go with a bucket as `storage`.",
            _table(("field", "says"), _ticked(ENVIRONMENT_FIELDS.items())),
            "## An image",
            "Exactly one of `ref`, `build` and `python` stands in it. Images may be declared in a TTCONFIG.yaml too.",
            _table(("field", "says"), _ticked(IMAGE_FIELDS.items())),
        ]
    )


def ttconfig_page() -> str:
    """TTCONFIG.yaml."""
    later = ", ".join(f"`{name}`" for name in sorted(UNSUPPORTED))
    rows = [(f"`{name}`", part or "no", says) for name, (part, says) in TARGET_FIELDS.items()]
    return _page(
        [
            "# TTCONFIG.yaml",
            MADE,
            "One per experiment. Its folder is the package of its targets' labels.",
            '```yaml\ndefaults: {commit: HEAD}\ntargets:\n  train:\n    task: train_model\n    args: {lr: 0.001, data: ":data"}\n```',
            _table(("field", "says"), _ticked(CONFIG_FIELDS.items())),
            "## A target",
            (
                "Fields are merged: workspace `defaults`, its `tasks.<task>`, the file's `defaults`, `use` from left to right, the "
                "target, its `overrides`, the profile, `--set`. Maps merge; all else replaces; `null` is a value; `!remove` removes."
            ),
            _table(("field", "in the ID", "says"), rows),
            f"Of later versions, and refused by this one: {later}.",
        ]
    )


def ttlock_page() -> str:
    """TTLOCK.yaml."""
    return _page(
        [
            "# TTLOCK.yaml",
            MADE,
            (
                "One per experiment, beside its TTCONFIG.yaml; written by `traintrack lock` and `run`, reviewed like code. It holds "
                "what an ID needs that is not in git, and what would be lost with a squash or a shallow clone. `HEAD` and "
                "`worktree` need no pin."
            ),
            _table(("field", "says"), _ticked(LOCK_FIELDS.items())),
        ]
    )


def templates_page() -> str:
    """The templates that ship."""
    about = (
        "`traintrack add NAME` copies one into the workspace, where it is yours: read it, change it, review it like code. "
        "Nothing in them is built in; they are written as [families and templates](families.md) says. What the parts run "
        "comes from templates of your experiment, which take the parameters that are passed to them, and no fewer."
    )
    sections = [part for template in shipped_templates() for part in template_section(template)]
    return _page(["# Templates that ship", MADE, about, *sections])


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "exit-codes.md": exit_codes_page,
    "json.md": json_page,
    "ttworkspace.md": ttworkspace_page,
    "ttconfig.md": ttconfig_page,
    "ttlock.md": ttlock_page,
    "templates.md": templates_page,
}


def stale_pages() -> list[str]:
    """The pages that are not what the code says, sorted."""
    return sorted(name for name, make in PAGES.items() if _read(FOLDER / name) != make())


def main(words: Sequence[str]) -> int:
    """Write the pages, or with `--check` end with 1 if one is not current."""
    stale = stale_pages()
    if "--check" in words:
        for name in stale:
            print(f"docs/reference/{name} is not current: run scripts/make_reference.py")
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"wrote docs/reference/{name}")
    return 0


def _command_section(command: Command) -> str:
    usage = " ".join(["traintrack", command.name, *(argument.metavar for argument in command.arguments)])
    parts = [f"## {command.name}", command.help, f"```text\n{usage}\n```", command.more]
    if command.options:
        parts.append(_option_table(command.options))
    parts.append("```sh\n" + "\n".join(command.examples) + "\n```")
    return "\n\n".join(part for part in parts if part)


def _option_table(options: Iterable[Option]) -> str:
    return _table(("option", "does"), [(_flags(option), option.help) for option in options])


def _flags(option: Option) -> str:
    value = option.metavar or ("|".join(option.choices) if option.choices else "")
    flags = [*option.flags, *([option.off] if option.off else [])]
    return ", ".join(f"`{flag}{f' {value}' if value and flag == flags[-1] else ''}`" for flag in flags)


def _ticked(rows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(f"`{name}`", says) for name, says in rows]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(parts) + "\n"


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
