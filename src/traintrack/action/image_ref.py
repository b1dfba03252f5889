"""The name of a container image: which registry, which repository, which tag or digest.

Source: the grammar of the distribution project (`reference/regexp.go`) with docker's short names: a first part
without `.`, `:` and other than `localhost` belongs to the repository, and docker.io is meant.
"""

from __future__ import annotations

import ipaddress
import re

from msgspec import Struct

from traintrack.errors import InputError

DOCKER_HUB = "docker.io"
LATEST = "latest"

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?\Z", re.ASCII)
_PART = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*\Z", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z", re.ASCII)


class ImageRef(Struct, frozen=True):
    """A parsed name. `host` may have a port; `tag` and `digest` are None where none was written."""

    host: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.host}/{self.repository}"

    @property
    def is_loopback(self) -> bool:
        """Tell if the registry is on this machine, where engines allow plain HTTP."""
        host = self.host[: self.host.index("]") + 1] if self.host[:1] == "[" else self.host.partition(":")[0]
        if host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host.strip("[]")).is_loopback
        except ValueError:
            return False

    def pinned(self, digest: str) -> str:
        """The name that fetches this very content; the tag is left out, since not every engine takes both."""
        return f"{self.name}@{digest}"


def parse_image_ref(text: str) -> ImageRef:
    """Read a name as `docker pull` does.

    Raises:
        InputError: it is none; code `bad-image`.
    """
    name, at, digest = text.partition("@")
    if at and not _DIGEST.match(digest):
        raise _wrong(f"`{text}` ends in no digest `sha256:` with 64 hex digits")
    folder, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and not _TAG.match(tag):
        raise _wrong(f"`{text}` ends in no tag")
    host, repository = _split_host(f"{folder}{slash}{last}")
    if not _HOST.match(host):
        raise _wrong(f"`{host}` is not the name of a registry")
    wrong = next((part for part in repository.split("/") if not _PART.match(part)), None)
    if wrong is not None:
        raise _wrong(f"`{repository}` is not a repository: names are lower case, with `.`, `_` and `-` inside")
    return ImageRef(host, repository, tag or None, digest or None)


def _split_host(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        host = DOCKER_HUB if first == "index.docker.io" else first
        return host, (f"library/{rest}" if host == DOCKER_HUB and "/" not in rest else rest)
    return DOCKER_HUB, (name if slash else f"library/{name}")


def _wrong(fact: str) -> InputError:
    hint = 'write it as for `docker pull`, such as `"registry.example/team/trainer:2.3"`'
    return InputError(fact, code="bad-image", hint=hint)
