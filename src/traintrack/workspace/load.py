"""Loading: only what a request reaches is read, and each experiment once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from traintrack.errors import InputError, raise_all
from traintrack.label import Pattern, is_package
from traintrack.workspace.declarations import Declared
from traintrack.workspace.document import Document
from traintrack.workspace.experiment_file import read_experiment
from traintrack.workspace.findings import shown
from traintrack.workspace.fingerprint import fingerprint
from traintrack.workspace.lockfile import LOCK_FILE, parse_lock
from traintrack.workspace.model import Experiment, ImageSpec, Lock, Target, Workspace
from traintrack.workspace.packages import CONFIG, find_packages, foreign
from traintrack.workspace.parse_cache import load_document
from traintrack.workspace.sets import SetOption, set_layer
from traintrack.workspace.stack import Changes
from traintrack.workspace.suggest import closest
from traintrack.workspace.workspace_file import find_workspace, load_workspace, read_file

if TYPE_CHECKING:
    from traintrack.workspace.templates import Templates

__all__ = ["Loader", "find_workspace", "load_workspace"]

_NO_LOCK: Final = Lock()


class Loader:
    """The experiments of a workspace, as the command line changes them.

    `requested` are the patterns of the command line, in order: what `worktree`, and sets without a pattern
    of their own, apply to. Without any, they apply to all targets. `profile` is the name of one that lies over
    all targets, also those that are reached.

    `files` are those that were read, with the fingerprint of their bytes, None for a file that is not there.
    `searched` are the folders that were searched for packages, with what was found.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        sets: Sequence[SetOption] = (),
        worktree: bool = False,
        requested: Sequence[Pattern] = (),
        profile: str | None = None,
    ) -> None:
        """Check the sets.

        Raises:
            InputError: a set names no field, or gives it what it cannot have.
        """
        self.workspace = workspace
        self._root = os.fspath(workspace.root)
        layers = tuple((option, set_layer(option)) for option in sets)
        self._changes = Changes(layers, worktree, tuple(requested), profile)
        self._templates: Templates | None = None
        self._documents: dict[str, Document | InputError] = {}
        self._experiments: dict[str, Experiment | InputError] = {}
        self._loading: set[str] = set()
        self.files: dict[str, bytes | None] = {}
        self.searched: dict[str, list[str]] = {}

    def experiment(self, package: str) -> Experiment:
        """Return an experiment; the same object each time.

        Raises:
            InputError: there is none, or all that is wrong with its files.
            HostError: a file cannot be read.
        """
        known = self._experiments.get(package)
        if known is None:
            self._loading.add(package)
            try:
                known = self._load(package)
            except InputError as error:
                known = error
            self._loading.discard(package)
            self._experiments[package] = known
        if isinstance(known, InputError):
            raise known
        return known

    def packages(self, under: str = "") -> list[str]:
        """Return the packages at and below the folder `under`, sorted.

        Raises:
            InputError: a folder with a TTCONFIG.yaml cannot stand in a label.
        """
        if under not in self.searched:
            self.searched[under] = find_packages(self._root, under)
        return list(self.searched[under])

    def exists(self, package: str) -> bool:
        """Tell if there is such a package, whether or not its file is right."""
        if not is_package(package) or foreign(self._root, package) is not None:
            return False
        return os.path.isfile(f"{self._root}/{_inside(package, CONFIG)}")

    @property
    def is_plain(self) -> bool:
        """Tell if the command line changes nothing."""
        return self._changes.nothing

    def forget(self, package: str) -> None:
        """Read an experiment anew when it is asked for next: its TTLOCK.yaml was written."""
        self._experiments.pop(package, None)

    def _load(self, package: str) -> Experiment:
        document = self._document(package)
        errors: list[InputError] = []
        lock = _NO_LOCK
        declared: dict[str, Declared] = {}
        images: dict[str, ImageSpec] = {}
        lock_path = _inside(package, LOCK_FILE)
        try:
            lock = self._lock(lock_path)
        except InputError as error:
            errors.append(error)
        try:
            declared, images = read_experiment(
                document, package, self.workspace, self._known_templates, self._changes, self._elsewhere
            )
        except InputError as error:
            errors.append(error)
        raise_all(errors)
        families = {name: one for name, one in declared.items() if not isinstance(one, Target)}
        targets: Any = declared
        if families:
            from traintrack.workspace.family import TargetMap  # noqa: PLC0415  most files have plain targets only

            targets = TargetMap(declared)
        return Experiment(package, document.path, targets, images, lock, lock_path, families)

    def _known_templates(self) -> Templates:
        from traintrack.workspace.templates import Templates  # noqa: PLC0415  most files have none

        if self._templates is None:
            self._templates = Templates(self._document)
        return self._templates

    def _elsewhere(self, package: str) -> Experiment:
        """Another experiment, for a family that takes over axes."""
        if package in self._loading:
            message = f"`//{package}` takes axes from an experiment that takes axes from it"
            raise InputError(message, code="cycle", hint="write the axes out in one of them")
        return self.experiment(package)

    def _lock(self, path: str) -> Lock:
        if not os.path.lexists(f"{self._root}/{path}"):
            self.files[path] = None
            return _NO_LOCK
        return parse_lock(self._parsed(path))

    def _document(self, package: str) -> Document:
        known = self._documents.get(package)
        if known is None:
            try:
                known = self._read(package)
            except InputError as error:
                known = error
            self._documents[package] = known
        if isinstance(known, InputError):
            raise known
        return known

    def _read(self, package: str) -> Document:
        reason = foreign(self._root, package) if is_package(package) else "its name is not that of a folder"
        path = _inside(package, CONFIG)
        if reason is not None:
            raise InputError(
                f"`//{shown(package)}` is no package of this workspace: {reason}",
                code="unknown-package",
                hint="name the folder itself, inside the workspace",
            )
        if not os.path.isfile(f"{self._root}/{path}"):
            raise self._unknown(package)
        return self._parsed(path)

    def _parsed(self, path: str) -> Document:
        data = read_file(self.workspace.root, path)
        self.files[path] = fingerprint(data)
        return load_document(data, path)

    def _unknown(self, package: str) -> InputError:
        try:
            near = closest(package, self.packages()) or _same_name(package, self.packages())
        except InputError:
            near = None
        hint = f"did you mean `//{near}`?" if near is not None else f"create `{_inside(package, CONFIG)}`"
        return InputError(f"no package `//{shown(package)}`: it has no {CONFIG}", code="unknown-package", hint=hint)


def _inside(package: str, name: str) -> str:
    return f"{package}/{name}" if package else name


def _same_name(package: str, packages: Sequence[str]) -> str | None:
    """The only package whose folder is called the same, or None."""
    name = package.rpartition("/")[2]
    same = [other for other in packages if other.rpartition("/")[2] == name]
    return same[0] if len(same) == 1 else None
