"""The images that a Dockerfile builds upon: every `FROM`, `COPY --from`, `RUN --mount=…from=` and syntax line.

Source: Dockerfile reference, sections "Parser directives", "FROM", "COPY --from", "RUN --mount" and
"Understand how ARG and FROM interact".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

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


class _Instruction(Struct, frozen=True):
    """An instruction as one line of text, and the lines of the file that it was, from `first` to before `end`."""

    first: int
    end: int
    text: str


class _Use(Struct, frozen=True):
    """An image from outside: `ref` as meant, `written` as it stands in the lines of its instruction."""

    lines: range
    written: str
    ref: str


def base_images(text: str, build_args: Mapping[str, str]) -> tuple[str, ...]:
    """Return the refs of all images from outside, sorted, each once; stages and `scratch` are not outside.

    Raises:
        DockerfileError: a ref holds a variable without a value.
    """
    return tuple(sorted({use.ref for use in _uses(text, build_args)}))


def pinned_text(text: str, build_args: Mapping[str, str], pinned: Mapping[str, str]) -> str:
    """Return a Dockerfile in which each ref of `base_images` is replaced by what `pinned` has for it.

    Raises:
        DockerfileError: a ref holds a variable without a value.
    """
    lines = text.splitlines(keepends=True)
    for use in _uses(text, build_args):
        # The first on its line is the image: what comes after it may be a stage of the same name.
        place = re.compile(rf"(?<=[\s=]){re.escape(use.written)}(?=[\s,]|\Z)")
        for number in use.lines:
            if len(use.lines) > 1 and lines[number].lstrip().startswith("#"):
                continue  # A comment between continued lines.
            lines[number], count = place.subn(lambda _, use=use: pinned[use.ref], lines[number], count=1)  # type: ignore[misc]
            if count:
                break
    return "".join(lines)


def _uses(text: str, build_args: Mapping[str, str]) -> Iterator[_Use]:
    variables: dict[str, str] = {}
    stages: set[str] = set()
    syntax = _syntax(text)
    if syntax is not None:
        yield syntax
    for instruction in _instructions(text):
        argument = _ARG.match(instruction.text)
        if argument is not None and not stages:
            _declare(argument["rest"], build_args, variables)
            continue
        source = _FROM.match(instruction.text)
        for written in [source["image"]] if source is not None else _used_by(instruction.text):
            image = _expanded(written, variables)
            if image.lower() not in stages and image != "scratch" and not image.isdigit():
                yield _Use(range(instruction.first, instruction.end), written, image)
        if source is not None:
            # A stage without a name is known by its number, which is never taken for an image.
            stages.add((source["stage"] or f"#{len(stages)}").lower())


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


def _syntax(text: str) -> _Use | None:
    """The image that reads this Dockerfile: a directive in the comments before anything else."""
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines()):
        directive = _DIRECTIVE.match(line.strip())
        if directive is None:
            return None
        if directive["name"].lower() == "syntax":
            return _Use(range(number, number + 1), directive["value"], directive["value"])
    return None


def _instructions(text: str) -> Iterator[_Instruction]:
    """Join continued lines, and leave out comments and the bodies of here-documents."""
    escape = "`" if re.match(r"(?:#.*\n)*#\s*escape\s*=\s*`", text) else "\\"
    pending, first = "", 0
    ends: list[str] = []
    lines = text.removeprefix("\ufeff").splitlines()
    for number, raw in enumerate(lines):
        line = raw.strip()
        if ends:
            ends = ends[1:] if line == ends[0] else ends
            continue
        if line.startswith("#") or (not line and pending):
            continue
        first = first if pending else number
        if line.endswith(escape):
            pending += line[:-1] + " "
            continue
        whole, pending = pending + line, ""
        if whole[:4].upper() in ("RUN ", "COPY", "ADD "):
            ends = [match["end"] for match in _HEREDOC.finditer(whole)]
        if whole:
            yield _Instruction(first, number + 1, whole)
    if pending:
        yield _Instruction(first, len(lines), pending)
