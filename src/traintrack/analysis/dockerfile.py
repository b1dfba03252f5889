"""The images that a Dockerfile builds upon: every `FROM`, `COPY --from`, `RUN --mount=…from=` and syntax line.

Source: Dockerfile reference, sections "Parser directives", "FROM", "COPY --from", "RUN --mount" and
"Understand how ARG and FROM interact".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_DIRECTIVE = re.compile(r"#\s*(?P<name>[A-Za-z]+)\s*=\s*(?P<value>\S+)\s*\Z")
_FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?\s*\Z", re.IGNORECASE)
_ARG = re.compile(r"ARG\s+(?P<rest>.*)\Z", re.IGNORECASE | re.DOTALL)
_ARG_VALUE = re.compile(r"""(?P<name>[A-Za-z_]\w*)(?:=(?P<value>"[^"]*"|'[^']*'|\S*))?""")
_COPY_FROM = re.compile(r"(?:COPY|ADD)\s+(?:--\S+\s+)*?--from=(?P<image>\S+)", re.IGNORECASE)
_MOUNT = re.compile(r"--mount=(?P<options>\S+)")
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::(?P<how>[-+])(?P<word>[^}]*))?\}|(?P<bare>\w+))")
_HEREDOC = re.compile(r"<<-?\s*[\"']?(?P<end>\w+)[\"']?")


class DockerfileError(ValueError):
    """A `FROM` names an image by a variable that has no value."""


def base_images(text: str, build_args: Mapping[str, str]) -> tuple[str, ...]:
    """Return the refs of all images from outside, sorted, each once; stages and `scratch` are not outside.

    Raises:
        DockerfileError: a ref holds a variable without a value.
    """
    variables: dict[str, str] = {}
    stages: set[str] = set()
    refs: set[str] = set()
    syntax = _syntax(text)
    if syntax is not None:
        refs.add(syntax)
    for line in _instructions(text):
        argument = _ARG.match(line)
        if argument is not None and not stages:
            _declare(argument["rest"], build_args, variables)
            continue
        source = _FROM.match(line)
        if source is not None:
            _add(_expanded(source["image"], variables), stages, refs)
            # A stage without a name is known by its number, which `_add` never takes for an image.
            stages.add((source["stage"] or f"#{len(stages)}").lower())
            continue
        for image in _used_by(line):
            _add(_expanded(image, variables), stages, refs)
    return tuple(sorted(refs))


def _add(image: str, stages: set[str], refs: set[str]) -> None:
    if image.lower() not in stages and image != "scratch" and not image.isdigit():
        refs.add(image)


def _used_by(line: str) -> Iterator[str]:
    copied = _COPY_FROM.match(line)
    if copied is not None:
        yield copied["image"]
    if line[:4].upper() != "RUN ":
        return
    for mount in _MOUNT.finditer(line):
        for option in mount["options"].split(","):
            name, _, value = option.partition("=")
            if name == "from" and value:
                yield value


def _declare(rest: str, build_args: Mapping[str, str], variables: dict[str, str]) -> None:
    for match in _ARG_VALUE.finditer(rest):
        name = match["name"]
        if name in build_args:
            variables[name] = build_args[name]
        elif match["value"] is not None:
            variables[name] = _expanded(match["value"].strip("\"'"), variables)


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match["braced"] or match["bare"]
        found = variables.get(name)
        if match["how"] == "-":
            return found or match["word"]
        if match["how"] == "+":
            return match["word"] if found else ""
        if found is None:
            raise DockerfileError(f"`{text}` holds the variable `{name}`, which has no value")
        return found

    return _VARIABLE.sub(value, text.strip("\"'"))


def _syntax(text: str) -> str | None:
    """The image that reads this Dockerfile: a directive in the comments before anything else."""
    for line in text.removeprefix("\ufeff").splitlines():
        directive = _DIRECTIVE.match(line.strip())
        if directive is None:
            return None
        if directive["name"].lower() == "syntax":
            return directive["value"]
    return None


def _instructions(text: str) -> Iterator[str]:
    """Join continued lines, and leave out comments and the bodies of here-documents."""
    escape = "`" if re.match(r"(?:#.*\n)*#\s*escape\s*=\s*`", text) else "\\"
    pending = ""
    ends: list[str] = []
    for raw in text.removeprefix("\ufeff").splitlines():
        line = raw.strip()
        if ends:
            ends = ends[1:] if line == ends[0] else ends
            continue
        if line.startswith("#") or (not line and pending):
            continue
        if line.endswith(escape):
            pending += line[:-1] + " "
            continue
        whole, pending = pending + line, ""
        if whole[:4].upper() in ("RUN ", "COPY", "ADD "):
            ends = [match["end"] for match in _HEREDOC.finditer(whole)]
        if whole:
            yield whole
    if pending:
        yield pending
