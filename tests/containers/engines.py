"""Real container engines and registries for tests: one of each per test session, shared by all its workers.

What a test in this folder can ask for (fixtures of `conftest.py`):

- `docker_engine`, `podman_engine`: an `Engine` that has the images below; `engine`: the test runs on both.
- `docker_variables`, `podman_variables`: what a program's environment needs so that its own `docker` or `podman` is that.
- `shell_image`, `minimal_image`: references of images (`base_images.py`); `engine.image(shell_image)` is the `LocalImage`.
- `registry`, `guarded_registry`: `host:port` of a registry on this machine; the latter wants `USER` and `PASSWORD`.

Containers of docker have no network but loopback here, even with `network=True`: the daemon makes no bridge.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from base_images import MINIMAL, SHELL, BaseImage, archive
from services import CannotServeError, Session

IMAGES = (SHELL, MINIMAL)

USER, PASSWORD = "tester", "open-sesame"
# bcrypt of PASSWORD, which is the only kind that the registry reads.
_PASSWORD_LINE = f"{USER}:$2b$05$abcdefghijklmnopqrstuutXu9KzOt.1yBoZUeFWoT/914/JfszCO\n"


def lacking(*programs: str) -> str | None:
    """Say why containers cannot be tested here; None if they can."""
    if os.geteuid() != 0:
        return "containers are tested by root only, who can start an engine of the tests' own"
    missing = [program for program in programs if shutil.which(program) is None]
    return f"not installed: {', '.join(missing)} (scripts/system_packages.sh)" if missing else None


def docker_variables(session: Session) -> Mapping[str, str]:
    """Return what leads `docker` to the session's daemon, which is started if it does not run yet (2 to 4 s)."""
    folder = session.once("docker", lambda folder: _start_docker(session, folder))
    config = folder / "config"
    return {"DOCKER_HOST": _endpoint(folder), "DOCKER_CONFIG": str(config), "DOCKER_CONTEXT": ""}


def _endpoint(folder: Path) -> str:
    return f"unix://{folder}/s"


def _start_docker(session: Session, folder: Path) -> None:
    endpoint = _endpoint(folder)
    (folder / "config").mkdir()
    words = ["dockerd", "--data-root", f"{folder}/data", "--exec-root", f"{folder}/x", "--pidfile", f"{folder}/dpid"]
    words += ["--host", endpoint, "--bridge", "none", "--iptables=false", "--ip-masq=false", "--ip-forward=false"]
    # Its own containerd, never one of the machine's.
    words += ["--config-file", str(_written(folder / "daemon.json", "{}")), "--shutdown-timeout", "1"]
    session.serve(folder, words, lambda: _run(["docker", "-H", endpoint, "version"]).returncode == 0)
    for image in IMAGES:
        _import(["docker", "-H", endpoint], image, {})


def podman_variables(session: Session) -> Mapping[str, str]:
    """Return what leads `podman` to the session's own storage, which is made if it is not there yet."""
    return _podman_names(session.once("podman", _make_podman))


def _podman_names(folder: Path) -> Mapping[str, str]:
    return {
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "REGISTRY_AUTH_FILE": str(folder / "auth.json"),
    }


def _make_podman(folder: Path) -> None:
    _written(
        folder / "storage.conf",
        f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/root"\nrunroot = "{folder}/run"\n',
    )
    # Locks in files: those in shared memory would be shared with every podman of this machine. The file of events is not
    # cut at 1 MB: podman before 4.5 then tells the newer half of it again to who listens (its issue 17665).
    _written(
        folder / "containers.conf",
        f'[engine]\nlock_type = "file"\ntmp_dir = "{folder}/tmp"\ncgroup_manager = "cgroupfs"\n'
        'events_logger = "file"\nevents_logfile_max_size = "0"\n',
    )
    _written(folder / "auth.json", "{}")
    for image in IMAGES:
        _import(["podman"], image, _podman_names(folder))


def _import(engine: list[str], image: BaseImage, variables: Mapping[str, str]) -> None:
    changes = [word for line in image.changes for word in ("--change", line)]
    done = _run([*engine, "import", *changes, str(archive(image)), image.ref], variables)
    if done.returncode != 0:
        raise CannotServeError(f"{engine[0]} import failed: {done.stderr.decode()}")


def registry(session: Session) -> str:
    """Return `host:port` of the session's registry, which is started if it does not run yet."""
    return _registry(session, "registry", "")


def guarded_registry(session: Session) -> str:
    """Return `host:port` of a registry that lets only `USER` with `PASSWORD` in."""
    return _registry(session, "guarded", _PASSWORD_LINE)


def _registry(session: Session, name: str, passwords: str) -> str:
    folder = session.once(name, lambda folder: _start_registry(session, folder, passwords))
    return (folder / "address").read_text()


def _start_registry(session: Session, folder: Path, passwords: str) -> None:
    address = f"localhost:{_free_port()}"
    config: dict[str, object] = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": f"{folder}/data"}, "delete": {"enabled": True}},
        "http": {"addr": address},
    }
    if passwords:
        path = _written(folder / "htpasswd", passwords)
        config["auth"] = {"htpasswd": {"realm": "tests", "path": str(path)}}
    path = _written(folder / "config.yml", json.dumps(config))
    session.serve(folder, ["docker-registry", "serve", str(path)], lambda: _registry_answers(address))
    _written(folder / "address", address)


def _registry_answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/v2/", timeout=5):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return error.code == 401
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _run(words: list[str], variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(words, env={**os.environ, **(variables or {})}, capture_output=True, check=False)
