"""What libyaml says, in the words of the house, with a hint for the pitfalls of flow style."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from traintrack.errors import InputError, Location
from traintrack.workspace.findings import shown

if TYPE_CHECKING:
    from yaml import MarkedYAMLError
    from yaml.error import Mark

QUOTE: Final = 'quote it, as in `"{}"`'


def explain(error: MarkedYAMLError, text: str, path: str) -> InputError:
    """Return a syntax error of the parser's as an error of ours."""
    mark = error.problem_mark or error.context_mark
    lines = re.split("\r\n|\r|\n", text)
    problem = error.problem or ""
    if "unexpected end of stream" in problem and error.context_mark is not None:
        return _at(error.context_mark, path, "a quoted text is never closed", "add the closing quote")
    if mark is None:
        return _at(None, path, "the file is not YAML", "check the file with a YAML editor")
    line = lines[mark.line] if mark.line < len(lines) else ""
    special = _pitfall(line, mark.column)
    if special is not None:
        return _at(mark, path, *special)
    at_end = not "".join(lines[mark.line :]).strip()
    if "expected ',' or" in problem and error.context_mark is not None:
        return _bracket(error.context_mark, mark, lines, path, at_end=at_end)
    if at_end and "node content" in problem:
        return _at(mark, path, "the file ends inside of brackets", "add the closing bracket")
    message, hint = _MEANING.get(
        _plain(problem), (f"YAML cannot be read here: {problem}", "check quotes and indentation")
    )
    return _at(mark, path, message, hint)


def _bracket(opened: Mark, here: Mark, lines: list[str], path: str, *, at_end: bool) -> InputError:
    """An open `{` or `[` meets what cannot stand in it."""
    bracket = lines[opened.line][opened.column : opened.column + 1]
    if at_end:
        return _at(opened, path, f"`{bracket}` is never closed", "add the closing bracket")
    closing = "}" if bracket == "{" else "]"
    hint = f"close the `{bracket}` of line {opened.line + 1}, or quote text with special characters"
    return _at(here, path, f"`,` or `{closing}` is expected here", hint)


def _pitfall(line: str, column: int) -> tuple[str, str] | None:
    """Recognise text that YAML takes for syntax, by the characters at the place of the error."""
    char, before = line[column : column + 1], line[:column]
    word = shown(re.split(r"[\s,\]}]", line[column:], maxsplit=1)[0])
    if char == "\t":
        return "a tab stands where blanks are wanted", "indent with blanks"
    if char in {"@", "`", "%"}:
        return f"text cannot begin with `{char}` without quotes", QUOTE.format(word)
    if char == "{" and before.endswith("$"):
        return "`${…}` needs quotes in flow style", QUOTE.format("${axis}")
    if char == ":" and line[column + 1 : column + 2].strip(" ,]}"):
        return f"a reference such as `{word}` needs quotes in flow style", QUOTE.format(word)
    tag = _TAG.search(before)
    if tag is not None:
        return f"`{tag[0]}` runs into what follows it", f"put a blank after `{tag[0]}`"
    alias = _ALIAS.search(before)
    if alias is not None:
        return "text cannot begin with `*` without quotes", QUOTE.format(f"{alias[0]}{word}")
    return None


_TAG = re.compile(r"!(?:remove|literal)\Z")
_ALIAS = re.compile(r"\*[\w-]*\Z")

_MEANING: Final = {
    "mapping values are not allowed": (
        "a second `: ` stands in one line, or the indentation is wrong",
        "quote text that holds `: `, and indent the keys of a map alike",
    ),
    "did not find expected key": (
        "a key is expected here",
        "quote text with special characters, close every bracket, and indent the keys of a map alike",
    ),
    "did not find expected '-' indicator": ("a list item is expected here", "begin the line with `- `"),
    "did not find expected node content": ("a value is expected here", "quote text with special characters"),
    "block sequence entries are not allowed": (
        "a list item cannot begin here",
        "put `- ` on a line of its own below the key",
    ),
    "could not find expected ':'": ("`:` is expected after a key", "write `key: value`"),
    "found unknown escape character": (
        "an unknown escape stands in double quotes",
        "write `\\\\` for a backslash, or use single quotes",
    ),
    "found invalid Unicode character escape code": (
        "an escape is no Unicode character",
        "write the character itself: surrogates such as `\\ud83d` are halves of one",
    ),
    "found undefined tag handle": ("a tag is not one of `!literal` and `!remove`", "leave the tag out"),
    "found a tab character where an indentation space is expected": (
        "a tab stands where blanks are wanted",
        "indent with blanks",
    ),
}


def _plain(problem: str) -> str:
    return problem.removesuffix(" in this context")


def _at(mark: Mark | None, path: str, message: str, hint: str) -> InputError:
    place = Location(path, 1, 1) if mark is None else Location(path, mark.line + 1, mark.column + 1)
    return InputError(message, code="yaml-syntax", location=place, hint=hint)
