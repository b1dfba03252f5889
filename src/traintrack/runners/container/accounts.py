"""Who a task is in its container: `/etc/passwd` and `/etc/group` of the image, with an entry for the task's user."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from msgspec import Struct

from traintrack.runners.container.account_reading import read_files
from traintrack.runners.container.engine import Engine, LocalImage

HOME = "/tt/home"

_MINIMAL = "root:x:0:0:root:/root:/sbin/nologin\nroot:x:0:\n"


class Account(Struct, frozen=True):
    """A user as its entry names it."""

    name: str
    uid: int
    gid: int


class Accounts(Struct, frozen=True):
    """The entries of an image: lines of its `/etc/passwd` and of its `/etc/group`, in their order."""

    passwd: tuple[str, ...]
    group: tuple[str, ...]

    def account(self, user: str) -> Account | None:
        """Return whom an image means by its `USER`: `app`, `1000`, `app:staff` or `1000:1000`; empty is root."""
        word, _, group = (user or "0").partition(":")
        entry = next((f for f in map(_fields, self.passwd) if word in (f[0], f[2])), None)
        if entry is None and not word.isdigit():
            return None
        name, uid, own = (entry[0], int(entry[2]), entry[3]) if entry else (word, int(word), "0")
        gid = self._gid(group or own)
        return None if gid is None else Account(name, uid, gid)

    def with_user(self, user: Account) -> tuple[str, str, str]:
        """Return the name of the user, and both files with entries for it; an entry of the image keeps its name."""
        entry = next((f for f in map(_fields, self.passwd) if f[2] == str(user.uid)), None)
        taken = {_fields(line)[0] for line in self.passwd}
        name = entry[0] if entry else user.name if user.name not in taken else f"{user.name}-{user.uid}"
        shell = entry[6] if entry else "/bin/sh"
        own = f"{name}:x:{user.uid}:{user.gid}:{name}:{HOME}:{shell}"
        others = [line for line in self.passwd if _fields(line)[2] != str(user.uid)]
        group = list(self.group)
        if all(line.split(":")[2] != str(user.gid) for line in group):
            group.append(f"{name}:x:{user.gid}:")
        return name, _text([own, *others]), _text(group)

    def _gid(self, word: str) -> int | None:
        if word.isdigit():
            return int(word)
        return next((int(line.split(":")[2]) for line in self.group if line.split(":")[0] == word), None)


class AccountFiles:
    """Reads the accounts of each image once, and keeps the files that are mounted, in `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._guard = threading.Lock()
        self._known: dict[str, Accounts] = {}

    def of(self, image: LocalImage, engine: Engine) -> Accounts:
        """Return the accounts of an image; those of one without `cat` are root's alone.

        Raises:
            HostError: the engine cannot be reached, or does not tell them.
            OSError: they cannot be written down.
        """
        with self._guard:
            known = self._known.get(image.id)
            if known is None:
                known = self._known[image.id] = read_accounts(self._text(image, engine))
            return known

    def mounted(self, image: LocalImage, accounts: Accounts, user: Account) -> tuple[str, Path, Path]:
        """Return the name of the user, and the files of the host that stand for `/etc/passwd` and `/etc/group`.

        Raises:
            OSError: they cannot be written.
        """
        name, passwd, group = accounts.with_user(user)
        folder = self._folder(image)
        return name, _kept(folder, f"passwd-{user.uid}-{user.gid}", passwd), _kept(folder, f"group-{user.gid}", group)

    def _text(self, image: LocalImage, engine: Engine) -> str:
        noted = self._folder(image) / "entries"
        with contextlib.suppress(FileNotFoundError):
            return noted.read_text(encoding="utf-8")
        text = read_files(image, engine, self._folder(image)) or _MINIMAL
        _kept(noted.parent, noted.name, text)
        return text

    def _folder(self, image: LocalImage) -> Path:
        return self._root / image.id.removeprefix("sha256:")[:32]


def read_accounts(text: str) -> Accounts:
    """Read lines of both files, in whatever order: one of `/etc/passwd` has seven fields, one of `/etc/group` four.

    Entries without a name are left out: podman makes such for whom it starts and the image does not know.
    """
    lines = [line for line in text.splitlines() if not line.startswith("#") and not _fields(line)[0].isdigit()]
    passwd = tuple(line for line in lines if line.count(":") == 6 and line.split(":")[2].isdigit())
    group = tuple(line for line in lines if line.count(":") == 3 and line.split(":")[2].isdigit())
    return Accounts(passwd, group)


def _kept(folder: Path, name: str, text: str) -> Path:
    """Write a file that is the same whoever writes it; another process may do so at the same time."""
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        half = folder / f"{name}.{os.urandom(4).hex()}"
        half.write_text(text, encoding="utf-8")
        half.chmod(0o444)
        half.rename(path)
    return path


def _fields(line: str) -> list[str]:
    return line.split(":")


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
