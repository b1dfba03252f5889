"""Images of an engine: looked up, fetched, built and pushed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from traintrack.errors import HostError
from traintrack.runners.container.cli import Cli
from traintrack.runners.container.engine import Build, LocalImage
from traintrack.runners.container.engine_errors import refusal
from traintrack.runners.container.facts import local_image
from traintrack.runners.container.queries import Queries

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SHOWN_LINES = 20


class ImageCommands:
    """The image part of an engine; `over_network` returns the words that a command which talks to a registry needs.

    `build_words` are further words of `build`.
    """

    build_words: tuple[str, ...] = ()

    def __init__(self, cli: Cli, queries: Queries) -> None:
        self._cli = cli
        self._queries = queries

    def over_network(self, ref: str) -> Sequence[str]:
        """Return further words of `pull` and `push` for this image's registry."""
        del ref
        return ()

    def image(self, ref: str) -> LocalImage | None:
        """See `Engine`."""
        told = self._queries.image(ref)
        return local_image(told) if told is not None else None

    def pull(self, ref: str, platform: str | None = None) -> LocalImage:
        """See `Engine`."""
        wanted = ("--platform", platform) if platform else ()
        said = self._cli.ask("pull", "--quiet", *wanted, *self.over_network(ref), ref, timeout_s=None)
        if said.code != 0:
            raise refusal(self._cli.name, said.err or said.out, ref, "pull-failed")
        found = self.image(ref)
        if found is None:
            raise refusal(self._cli.name, f"{ref} is not there after it was pulled", ref, "pull-failed")
        return found

    def build(self, build: Build, log: Path) -> LocalImage:
        """See `Engine`."""
        words = [
            "build",
            "--force-rm",
            *self.build_words,
            "--tag",
            build.tag,
            "--file",
            str(build.context / build.dockerfile),
        ]
        words += ["--platform", build.platform] if build.platform else []
        for name, value in sorted(build.arguments.items()):
            words += ["--build-arg", f"{name}={value}"]
        for name, value in sorted(build.labels.items()):
            words += ["--label", f"{name}={value}"]
        begin = log.stat().st_size if log.exists() else 0
        code = self._cli.write([*words, str(build.context)], log)
        if code == 0 and (found := self.image(build.tag)) is not None:
            return found
        said = log.read_bytes()[begin:].decode(errors="replace").splitlines()
        if code == 0:
            said.append("the build ended well, but its image is not here: does the builder keep it elsewhere?")
        raise _build_failed(self._cli.name, build, [line for line in said if line.strip()][-_SHOWN_LINES:])

    def push(self, image: str, ref: str) -> str:
        """See `Engine`."""
        self._cli.must("tag", image, ref, subject=image)
        return self._pushed(ref)

    def _pushed(self, ref: str) -> str:
        said = self._cli.ask("push", *self.over_network(ref), ref, timeout_s=None)
        if said.code != 0:
            raise refusal(self._cli.name, said.err or said.out, ref, "push-failed")
        digests = _DIGEST.findall(said.out)
        if not digests:
            raise refusal(self._cli.name, said.out, ref, "push-failed")
        return str(digests[-1])


def _build_failed(engine: str, build: Build, said: Sequence[str]) -> HostError:
    found = refusal(engine, "\n".join(said[-2:]), build.dockerfile)
    if found.code in ("engine-denied", "engine-not-running"):
        return found
    return HostError(
        f"the image of `{build.dockerfile}` cannot be built",
        code="build-failed",
        hint=f"correct the Dockerfile; try it with `{engine} build -f {build.dockerfile} .`",
        details=said,
    )
