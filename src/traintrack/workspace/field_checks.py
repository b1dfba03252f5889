"""Checks of the fields of a target, one by one; see `checks` for what they are made of."""

from __future__ import annotations

import re
from typing import Any, Final

from traintrack.action.keep import FOREVER
from traintrack.label import LabelError, looks_like_reference, parse_reference
from traintrack.workspace import checks
from traintrack.workspace.findings import Findings, shown
from traintrack.workspace.images import check_image
from traintrack.workspace.interpolate import texts_in
from traintrack.workspace.model import KeyPath
from traintrack.workspace.suggest import did_you_mean, one_of

SCHEMES: Final = ("s3", "https", "efs", "file")
_HASH = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_SHORT_HASH = re.compile(r"[0-9a-fA-F]{4,63}\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
_USER_INFO = re.compile(r"[A-Za-z0-9+.-]+://[^/?#]*@")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/{1,2}")


def task(value: Any, path: KeyPath, findings: Findings) -> Any:
    """A command: one word."""
    value = checks.line(value, path, findings)
    if type(value) is str and (" " in value or value.startswith("-")):
        findings.at_value(
            path, f"`{shown(value)}` is not one command", "field-value", "name the program; options go into `args`"
        )
    return value


def image(value: Any, path: KeyPath, findings: Findings) -> Any:
    """The name of an image, or one written out."""
    if type(value) is dict:
        return check_image(value, path, findings)
    return checks.line(value, path, findings)


def commit(value: Any, path: KeyPath, findings: Findings) -> Any:
    """A full commit hash, `HEAD` or `worktree`."""
    value = checks.text(value, path, findings)
    if type(value) is not str or value in {"HEAD", "worktree"} or _HASH.match(value):
        return value
    if _HASH.match(value.lower()):
        hint = f"write `{value.lower()}`"
        findings.at_value(path, "a commit hash is written in lower case", "bad-commit", hint)
    elif _SHORT_HASH.match(value):
        message = f"`{shown(value)}` is not a full commit hash"
        findings.at_value(path, message, "bad-commit", f"write what `git rev-parse {shown(value)}` prints")
    else:
        message = f"`{shown(value)}` is not a full commit hash, `HEAD` or `worktree`"
        otherwise = "write what `git rev-parse BRANCH` prints: branches move, results must not"
        findings.at_value(path, message, "bad-commit", did_you_mean(value, ["HEAD", "worktree"], otherwise))
    return value


_path_list = checks.list_of(checks.relative_path)


def paths(value: Any, path: KeyPath, findings: Findings) -> Any:
    """Files and folders of the code, each once."""
    if value is None:
        return None
    kept = _path_list(value, path, findings)
    if kept == []:
        findings.at_value(path, "`paths` is empty", "field-value", "name folders, or write `code: baked`")
    if type(kept) is list:
        for i, entry in enumerate(kept):
            if entry in kept[:i]:
                findings.at_value((*path, i), f"path `{shown(str(entry))}` is there twice", "field-value", "remove it")
    return kept


def variable(value: Any, path: KeyPath, findings: Findings) -> Any:
    """The name of a variable of the task."""
    if not _VARIABLE.match(value):
        findings.at_key(path, f"`{shown(value)}` cannot be a variable", "bad-name", "use letters, digits and `_`")
    elif value.startswith("TRAINTRACK_"):
        findings.at_key(path, f"`{shown(value)}` is set by traintrack", "bad-name", "choose another name")
    return value


def env_value(value: Any, path: KeyPath, findings: Findings) -> Any:
    """Text of a variable."""
    if type(value) is str:
        if "\x00" in value:
            findings.at_value(path, f"variable `{path[-1]}` holds U+0000", "field-value", "remove the character")
        return value
    source = findings.places.text(path)
    hint = f'quote it: `"{source}"`' if source else 'write text in quotes, such as `"1"`'
    findings.wrong_type(value, path, "a string", hint)
    return value


def secret(value: Any, path: KeyPath, findings: Findings) -> Any:
    """Where the value of a secret comes from."""
    if type(value) is not dict or len(value) != 1 or not {"env", "file"} & value.keys():
        hint = f"write `{path[-1]}: {{env: NAME}}` or `{path[-1]}: {{file: NAME}}`"
        findings.wrong_type(value, path, "a map with `env` or `file`", hint)
        return value
    ((key, source),) = value.items()
    return {key: checks.line(source, (*path, key), findings)}


def unhashed(value: Any, path: KeyPath, findings: Findings) -> Any:
    """Arguments that name no other target."""
    value = checks.mapping(value, path, findings)
    for where, found in texts_in(value, path):
        if looks_like_reference(found):
            findings.at_value(
                where,
                f"`unhashed` holds the label `{shown(found)}`",
                "unhashed-label",
                f'move it to `args`, or write `!literal "{shown(found)}"` for text',
            )
    return value


def nodes(value: Any, path: KeyPath, findings: Findings) -> Any:
    """One."""
    if value != 1 or type(value) is not int:
        findings.at_value(path, "`nodes` above 1 is not supported by traintrack 0.1", "unsupported", "remove it")
    return value


def retries(value: Any, path: KeyPath, findings: Findings) -> Any:
    """A number, or one per class of failure."""
    return _retries_map(value, path, findings) if type(value) is dict else checks.count(value, path, findings)


_retries_map = checks.record_of(
    {"task": checks.count, "out_of_memory": checks.count, "timeout": checks.count}, "`retries`"
)


def need(value: Any, path: KeyPath, findings: Findings) -> Any:
    """The label of a target, or of members of a family."""
    if type(value) is not str:
        findings.wrong_type(value, path, "a label", 'write `":target"` or `"//path:target"`')
        return value
    if value.startswith(".") and path[0] == "templates" and path[2:3] == ("targets",):
        return value  # a sibling, which is looked up where the template is used
    try:
        reference = parse_reference(value, "")
    except LabelError as error:
        findings.at_value(path, str(error), "bad-label", 'write `":target"` or `"//path:target"`')
        return value
    if reference.path or reference.output or reference.ref or reference.alias:
        message = f"`{shown(value)}` is more than a label"
        findings.at_value(path, message, "bad-label", 'name the target alone: `":target"` or `"//path:target"`')
    return value


def each(value: Any, path: KeyPath, findings: Findings) -> Any:
    """Axes, a list of such, or the label of a family."""
    if type(value) not in (dict, list, str):
        findings.wrong_type(value, path, "a map of axes", "write `each: {lr: [0.1, 0.01]}`")
    return value


def left_out(value: Any, path: KeyPath, findings: Findings) -> Any:
    """Coordinates left out, by the dotted path of the argument that holds the fan-in."""
    if type(value) is not dict:
        findings.wrong_type(value, path, "a map", "write `evals: [{lr: 0.1, fold: 3}]`, an argument with coordinates")
        return value
    for argument, left_out in value.items():
        if type(left_out) is not list or not all(type(one) is dict and one for one in left_out):
            hint = f"write `{shown(argument)}: [{{lr: 0.1, fold: 3}}]`"
            findings.wrong_type(left_out, (*path, argument), "a list of coordinates", hint)
    return value


def source(value: Any, path: KeyPath, findings: Findings) -> Any:
    """A path or a URL."""
    value = checks.line(value, path, findings)
    scheme = _SCHEME.match(value) if type(value) is str else None
    if scheme is not None and scheme[1] not in SCHEMES:
        message = f"sources of kind `{shown(scheme[1])}` are not supported"
        findings.at_value(path, message, "field-value", did_you_mean(scheme[1], SCHEMES, one_of(SCHEMES)))
    elif scheme is not None and _USER_INFO.match(value):
        hint = (
            "take it out: the environment has credentials for `s3://`, and files are for the public behind `https://`"
        )
        # The secret itself must not stand in a log of the message.
        findings.at_value(path, f"`source` holds a name or password before `@` ({scheme[1]})", "secret-in-uri", hint)
    return value


def keep(value: Any, path: KeyPath, findings: Findings) -> Any:
    """A duration, or `forever`."""
    if type(value) is dict:
        message = "`keep` for parts of a result is not supported by traintrack 0.1"
        findings.at_value(path, message, "unsupported", "write one time for the whole result, such as `30d`")
        return value
    return value if value == FOREVER else checks.duration(value, path, findings)


def at_least_one(value: Any, path: KeyPath, findings: Findings) -> Any:
    """A whole number from 1 on."""
    if type(value) is not int or value < 1:
        findings.wrong_type(value, path, "a whole number from 1 on", "write a number, such as `4`")
    return value


_DELIVER = checks.choice("copy", "mount", "uri")
_deliver_map = checks.map_of(_DELIVER)


def deliver(value: Any, path: KeyPath, findings: Findings) -> Any:
    """How inputs are delivered, all or by argument."""
    return _deliver_map(value, path, findings) if type(value) is dict else _DELIVER(value, path, findings)


def use(value: Any, path: KeyPath, findings: Findings) -> Any:
    """One template, or several."""
    return _use_list(value, path, findings) if type(value) is list else checks.line(value, path, findings)


_use_list = checks.list_of(checks.line)
