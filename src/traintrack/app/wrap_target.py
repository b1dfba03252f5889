"""The arguments of a wrapped script as text of a TTCONFIG.yaml: its own defaults, and what is left to fill in."""

from __future__ import annotations

import os
import re

from msgspec import Struct

from traintrack.app.adopt_yaml import yaml_key, yaml_value
from traintrack.app.wrap_options import Absent, Constant, Script, ScriptOption

# They change how long a task takes and what it says, not what it makes.
_UNHASHED = frozenset(
    {
        "num_workers",
        "workers",
        "n_workers",
        "n_jobs",
        "verbose",
        "verbosity",
        "quiet",
        "log_level",
        "loglevel",
        "progress",
    }
)


class Source(Struct, frozen=True):
    """Data of the repository that a target reads: its name among the targets, and its path."""

    name: str
    path: str


class WrappedArgs(Struct, frozen=True):
    """Lines for `args` and `unhashed`, without their indentation; `required` are the names without a value."""

    args: tuple[str, ...]
    unhashed: tuple[str, ...]
    required: tuple[str, ...]
    sources: tuple[Source, ...]


def wrapped_args(root: str, script: Script, paths: tuple[str, ...], target: str) -> WrappedArgs:
    """Return the arguments of a script; `paths` are its code, `target` is the name that no source may have."""
    args: list[str] = []
    unhashed: list[str] = []
    required: list[str] = []
    sources: list[Source] = []
    for option in script.options:
        source = _source(root, option, paths, target)
        if source is not None:
            sources.append(source)
            args.append(f'{yaml_key(option.name)}: "{_reference(root, source)}"{_comment(option)}')
            continue
        lines = unhashed if option.name.lower() in _UNHASHED and not isinstance(option.default, Absent) else args
        value = option.choices[0] if option.default is Absent.REQUIRED and option.choices else option.default
        if value is Absent.REQUIRED:
            required.append(option.name)
        lines.append(_line(option, value))
    return WrappedArgs(tuple(args), tuple(unhashed), tuple(required), tuple(sources))


def _line(option: ScriptOption, value: Constant | Absent) -> str:
    key = yaml_key(option.name)
    if value is Absent.OWN:
        return f"# {key}: null{_comment(option)}"
    if value is Absent.REQUIRED:
        return f"{key}: null # required, fill it in{_comment(option).replace(' # ', ': ', 1)}"
    assert not isinstance(value, Absent)
    return f"{key}: {yaml_value(value)}{_comment(option)}"


def _comment(option: ScriptOption) -> str:
    choices = " | ".join(str(choice) for choice in option.choices[:8])
    text = "; ".join(part for part in (option.help, choices) if part)
    return f" # {text}" if text.isprintable() and text else ""


def _source(root: str, option: ScriptOption, paths: tuple[str, ...], target: str) -> Source | None:
    """A default that is there and is no code: the task would not find it, since it sees nothing but its code."""
    path = option.default
    if not isinstance(path, str) or not path or not _is_data(option, path):
        return None
    clean = os.path.normpath(path)
    if clean.startswith("..") or clean == "." or not os.path.exists(os.path.join(root, clean)):
        return None
    if any(clean == code or clean.startswith(f"{code}/") for code in paths):
        return None
    name = re.sub(r"[^A-Za-z0-9_.+-]+", "_", option.name)
    return Source(name if name != target else f"{name}_data", clean)


def _is_data(option: ScriptOption, path: str) -> bool:
    return option.path or "/" in path or "." in path or "data" in option.name.lower()


def _reference(root: str, source: Source) -> str:
    place = os.path.join(root, source.path)
    return f":{source.name}" if os.path.isdir(place) else f":{source.name}/{os.path.basename(place)}"
