"""Docker: driven by its program, asked through its socket where that is on this machine."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from traintrack.runners.container.cli import Cli
from traintrack.runners.container.cli_engine import CliEngine
from traintrack.runners.container.engine import EngineInfo
from traintrack.runners.container.engine_errors import refusal
from traintrack.runners.container.facts import platform
from traintrack.runners.container.image_commands import ImageCommands
from traintrack.runners.container.queries import CliQueries, Queries
from traintrack.runners.container.run_command import Dialect
from traintrack.runners.container.socket_queries import SocketQueries

_DEFAULT = "unix:///var/run/docker.sock"


class DockerCli(CliEngine, ImageCommands):
    """The docker at `endpoint` (`unix:///…`, `ssh://…`); None means that which the user's own `docker` talks to.

    `network` names the network of containers that have one, None means docker's default.
    """

    def __init__(self, endpoint: str | None = None, network: str | None = None) -> None:
        self.endpoint = endpoint
        cli = Cli("docker", ("-H", endpoint) if endpoint else ())
        queries = _queries(cli, endpoint or _users_endpoint())
        CliEngine.__init__(self, cli, queries, Dialect.DOCKER, network)
        ImageCommands.__init__(self, cli, queries)

    def info(self) -> EngineInfo:
        """See `Engine`."""
        said = self._cli.ask("info", "--format", "{{json .}}")
        try:
            told = json.loads(said.out)
        except ValueError:
            told = {}
        if said.code != 0 or not told.get("ServerVersion"):
            raise refusal("docker", "\n".join(told.get("ServerErrors") or ()) or said.err)
        return EngineInfo(
            name="docker",
            version=told["ServerVersion"],
            platform=platform(told.get("OSType") or "linux", told.get("Architecture") or ""),
            rootless=any("rootless" in option for option in told.get("SecurityOptions") or ()),
        )


def _queries(cli: Cli, endpoint: str) -> Queries:
    path = endpoint.removeprefix("unix://")
    return SocketQueries(path) if path != endpoint else CliQueries(cli)


def _users_endpoint() -> str:
    """Where the user's `docker` looks for its daemon, by docs.docker.com/engine/manage-resources/contexts."""
    if host := os.environ.get("DOCKER_HOST"):
        return host
    context = os.environ.get("DOCKER_CONTEXT") or _current_context()
    if context in ("", "default"):
        return _DEFAULT
    words = ["docker", "context", "inspect", context, "--format", "{{.Endpoints.docker.Host}}"]
    try:
        found = subprocess.run(words, capture_output=True, check=True, text=True, timeout=60).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""  # the program itself tells what is wrong with it, at the first question
    return found or _DEFAULT


def _current_context() -> str:
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        return str(json.loads((folder / "config.json").read_text()).get("currentContext") or "")
    except (OSError, ValueError, AttributeError):
        return ""
