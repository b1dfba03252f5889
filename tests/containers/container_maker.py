"""Makes containers for tests of an engine, and removes them."""

from __future__ import annotations

import secrets
from pathlib import Path

from traintrack.runners.container.engine import ContainerId, ContainerSpec, Engine, Inspected

LABEL = "traintrack.test"


class Containers:
    """The containers of one test, in `folder`, on one engine."""

    def __init__(self, engine: Engine, image: str, folder: Path) -> None:
        self.engine = engine
        self.log = folder / "log"
        self.mark = secrets.token_hex(8)
        self._image = image

    def spec(self, *command: str) -> ContainerSpec:
        """A container that runs `command`."""
        name = f"tt-test-{self.mark}-{secrets.token_hex(3)}"
        return ContainerSpec(name, self._image, {LABEL: self.mark}, command)

    def shell(self, script: str) -> ContainerSpec:
        """A container that runs a script."""
        return self.spec("sh", "-c", script)

    def run(self, spec: ContainerSpec) -> Inspected:
        """Run a container to its end; what it says is in `said`."""
        self.log.unlink(missing_ok=True)
        container = self.engine.start(spec, self.log)
        assert self.engine.wait(container, 60)
        return self.inspect(container)

    def said(self, spec: ContainerSpec) -> str:
        """Run a container that has to succeed, and return what it said."""
        found = self.run(spec)
        assert (found.exit_code, found.error) == (0, ""), self.log.read_text()
        return self.log.read_text()

    def inspect(self, container: ContainerId) -> Inspected:
        """What is known of one."""
        return self.engine.inspect([container])[container]

    def clear(self) -> None:
        """Remove what is left."""
        self.engine.remove([one.id for one in self.engine.find({LABEL: self.mark})])
