"""Whether a folder can hold a store: a disk of this machine, that can be written, of a format that we know."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

from traintrack.errors import HostError, IntegrityError
from traintrack.storages.local.disk_errors import DiskErrors

STORE_FORMAT = "traintrack/store"
STORE_VERSION = 1
_MARK = "store.json"
_NOT_OURS_BUT_HARMLESS = frozenset({"lost+found", ".DS_Store"})

# flock there is a lease of a server's, or unknown to other machines, and renames can be lost without notice.
_NETWORK = frozenset(
    [
        "9p",
        "afpfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "davfs",
        "drvfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "prl_fs",
        "smb2",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
        "webdav",
    ]
)
_LOCAL_FUSE = frozenset({"fuseblk"})
_OCTAL = re.compile(r"\\([0-7]{3})")
_MAC_MOUNT = re.compile(r".+? on (?P<point>/.*) \((?P<type>\w+)[,)]")


def prepare_root(root: Path) -> Path:
    """Make a folder a store if it is none yet, and return its real path.

    Raises:
        HostError: it is on a network disk, holds other things, or cannot be written.
        IntegrityError: it is a store of a newer format, or its mark is damaged.
    """
    with DiskErrors("use the folder", root):
        root.mkdir(parents=True, exist_ok=True)
        real = Path(os.path.realpath(root))
        _refuse_network(real)
        mark = _read_mark(real)
        if mark is not None:
            _check_mark(mark, real)
        else:
            _refuse_foreign(real)
            _write_mark(real)
        if not os.access(real, os.W_OK | os.X_OK):
            _probe(real)
    return real


def find_root(root: Path) -> Path:
    """Return the real path of a folder that is a store; nothing is made or written.

    Raises:
        HostError: it is none, or on a network disk.
        IntegrityError: it is a store of a newer format, or its mark is damaged.
    """
    with DiskErrors("read the folder", root):
        real = Path(os.path.realpath(root))
        mark = _read_mark(real)
        if mark is None:
            raise HostError(
                f"there is no store in `{root}`",
                code="no-store",
                hint="look if its disk is mounted; a store comes into being with the first run over it",
            )
        _refuse_network(real)
        _check_mark(mark, real)
    return real


def file_system_type(path: str, mounts: str) -> str:
    """The type of the file system at a real path, from the text of /proc/self/mountinfo; empty if unknown.

    Source: proc_pid_mountinfo(5). Of two mounts at one point the later one is seen.
    """
    best, found = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = _OCTAL.sub(lambda m: chr(int(m[1], 8)), fields[4])
        if len(point) >= best and (path == point or path.startswith(point.rstrip("/") + "/")):
            best, found = len(point), after.split()[0]
    return found


def is_network_type(kind: str) -> bool:
    """Tell if a type of file system is one where locks cannot be trusted."""
    return kind in _NETWORK or (kind.startswith("fuse") and kind not in _LOCAL_FUSE)


def _refuse_network(root: Path) -> None:
    kind = _type_at(os.fspath(root))
    if is_network_type(kind):
        raise HostError(
            f"`{root}` is on a file system of type `{kind}`, where locks cannot be trusted",
            code="network-disk",
            hint="name a folder on a disk of this machine as `storage`; machines will share results over a bucket",
        )


def _type_at(path: str) -> str:
    try:
        if sys.platform == "linux":
            return file_system_type(path, Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace"))
        text = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return _mac_type(path, text)


def _mac_type(path: str, mounts: str) -> str:
    best, found = -1, ""
    for line in mounts.splitlines():
        match = _MAC_MOUNT.match(line)
        if match and len(match["point"]) >= best and f"{path}/".startswith(match["point"].rstrip("/") + "/"):
            best, found = len(match["point"]), match["type"]
    return found


def _read_mark(root: Path) -> bytes | None:
    try:
        return (root / _MARK).read_bytes()
    except FileNotFoundError:
        return None


def _check_mark(mark: bytes, root: Path) -> None:
    try:
        content = json.loads(mark)
        known, version = content["format"] == STORE_FORMAT, int(content["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"`{root / _MARK}` is damaged, so this may be no store",
            code="store-damaged",
            hint=f'if it is one: `echo \'{{"format":"{STORE_FORMAT}","version":{STORE_VERSION}}}\' > {root / _MARK}`',
        ) from error
    if not known or version > STORE_VERSION:
        raise IntegrityError(
            f"the store `{root}` has a newer format than this traintrack knows",
            code="store-format",
            hint="use the newest traintrack, or another `storage`",
        )


def _refuse_foreign(root: Path) -> None:
    """A store cleans up after the dead: so it never moves into a folder that holds anything else."""
    foreign = [n for n in os.listdir(root) if n not in _NOT_OURS_BUT_HARMLESS and not n.startswith(f".{_MARK}")]
    if foreign and not (root / _MARK).exists():
        raise HostError(
            f"`{root}` is no store, and holds other things such as `{min(foreign)}`",
            code="not-a-store",
            hint="name an empty or new folder as `storage`",
        )


def _write_mark(root: Path) -> None:
    temporary = root / f".{_MARK}.{secrets.token_hex(8)}"
    try:
        with open(temporary, "x", encoding="utf-8") as file:
            file.write(json.dumps({"format": STORE_FORMAT, "version": STORE_VERSION}) + "\n")
            file.flush()
            # Else a power cut could leave an empty mark, and the store would be taken for damaged.
            os.fsync(file.fileno())
        os.link(temporary, root / _MARK)
    except FileExistsError:
        return  # Another made the store at the same time.
    finally:
        temporary.unlink(missing_ok=True)


def _probe(root: Path) -> None:
    """Try to write, so that the system itself says why that is not possible."""
    probe = root / f".{_MARK}.{secrets.token_hex(8)}"
    probe.write_bytes(b"")
    probe.unlink()
