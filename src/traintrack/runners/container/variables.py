"""How the values of variables reach an engine's program without standing in its arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from traintrack.errors import HostError

# Both engines read such a line alike and unchanged, in every version: no quotes, no line breaks, below their 64 KiB.
_PLAIN = re.compile(r"[^\r\n\"'`\\\0]{0,32000}")
_LINE = re.compile(r"[^\r\n\0]{0,60000}")

# What the programs, their libraries and the loader read for themselves. A value of the task's must not reach them.
_READ_BY_THE_PROGRAM = re.compile(
    r"((DOCKER|BUILDKIT|BUILDX|CONTAINERS?|PODMAN|BUILDAH|REGISTRY|STORAGE|NETAVARK|CNI|NOTIFY|LISTEN|DBUS|XDG|OTEL|GRPC"
    r"|LD|SSL|SSH|MALLOC|GLIBC|GCONV|LC|RES)_.*|GO(DEBUG|GC|MAXPROCS|MEMLIMIT|ROOT|TRACEBACK|FIPS.*|COVERDIR)|_.*"
    r"|(HTTP|HTTPS|ALL|FTP|NO)_PROXY|LANG|LANGUAGE|LOCPATH|NLSPATH|HOSTALIASES|LOCALDOMAIN|PATH|HOME|PWD|USER|LOGNAME"
    r"|SHELL|TERM|TZ|TZDIR|TMPDIR|TMP|TEMP|IFS|ENV|BASH_ENV)",
    re.IGNORECASE,
)


class Carried(Struct, frozen=True):
    """The variables of a container by the way they take: lines of a file, or the environment of the program."""

    lines: Mapping[str, str]
    inherited: Mapping[str, str]

    def file(self) -> bytes:
        """Return the file's content, empty if there is none."""
        return "".join(f"{name}={value}\n" for name, value in self.lines.items()).encode()


def carry(environment: Mapping[str, str]) -> Carried:
    """Choose the way of each variable: the file, unless the value does not fit into a line of it.

    Raises:
        HostError: a value cannot be passed: it does not fit into a line, and the engine's program heeds its name.
    """
    lines: dict[str, str] = {}
    inherited: dict[str, str] = {}
    for name, value in sorted(environment.items()):
        heeded = _READ_BY_THE_PROGRAM.fullmatch(name) is not None
        if (_LINE if heeded else _PLAIN).fullmatch(value):
            lines[name] = value
        elif heeded or "\0" in value:
            raise HostError(
                f"the value of the variable `{name}` cannot be passed to a container",
                code="variable-not-passable",
                hint=f"take line breaks out of `{name}`, or give it another name",
            )
        else:
            inherited[name] = value
    return Carried(lines, inherited)
