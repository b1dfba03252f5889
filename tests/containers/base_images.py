"""Images for tests, made from Debian packages without a registry, once per machine: kept in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import tempfile
from pathlib import Path

from msgspec import Struct
from services import CannotServeError


class BaseImage(Struct, frozen=True):
    """An image that is a list of unpacked packages; `changes` are lines of a Dockerfile."""

    ref: str
    packages: tuple[str, ...]
    changes: tuple[str, ...] = ()


SHELL = BaseImage(
    "localhost/traintrack-test/shell:1",
    (
        *("base-files", "dash", "coreutils", "grep", "sed", "jq", "libc-bin", "python3.11-minimal"),
        *("libpython3.11-minimal", "libpython3.11-stdlib", "libbz2-1.0", "libexpat1", "libffi8", "liblzma5"),
        *("libncursesw6", "libreadline8", "libsqlite3-0", "libssl3", "libtinfo6", "libuuid1", "zlib1g"),
    ),
    ("ENV PATH=/usr/local/bin:/usr/bin:/bin",),
)
"""dash as `sh`, coreutils, grep, sed, jq and `python3.11`; no entrypoint, no users, no /etc/passwd."""

MINIMAL = BaseImage("localhost/traintrack-test/minimal:1", ("busybox-static",), ("ENV PATH=/bin",))
"""One static program, `/bin/busybox`, and no `sh`."""

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "traintrack-tests"


def archive(image: BaseImage) -> Path:
    """Return the image's files as a tar archive, made if it is not there yet (3 to 10 s)."""
    recipe = hashlib.sha256(repr(image.packages).encode()).hexdigest()[:16]
    _CACHE.mkdir(parents=True, exist_ok=True)
    path = _CACHE / f"{recipe}.tar"
    with open(_CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _make(image, path)
    return path


def _make(image: BaseImage, path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=_CACHE) as folder:
        made = Path(folder) / "made.tar"
        words = ["mmdebstrap", "--quiet", "--variant=extract", f"--include={','.join(image.packages)}"]
        done = subprocess.run([*words, "bookworm", str(made), _mirror()], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise CannotServeError(f"mmdebstrap failed: {done.stderr[-2000:]}")
        made.rename(path)


def _mirror() -> str:
    """Where this machine has its packages from: the field `URIs`, or the older form of one line."""
    for path in sorted(Path("/etc/apt").glob("sources.list.d/*.sources")):
        found = re.search(r"^URIs:\s*(\S+)", path.read_text(), re.MULTILINE)
        if found and "debian" in found[1]:
            return found[1]
    old = Path("/etc/apt/sources.list")
    found = re.search(r"^deb\s+(?:\[.*?\]\s*)?(\S+)", old.read_text(), re.MULTILINE) if old.exists() else None
    if not found:
        raise CannotServeError("no list of apt names a mirror")
    return found[1]
