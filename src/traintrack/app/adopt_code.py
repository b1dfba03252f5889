"""Where the code of a repository lies: folders and files for `paths`, and the scripts among them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

from msgspec import Struct

_SKIPPED = frozenset(
    {
        "node_modules",
        "__pycache__",
        "venv",
        "env",
        "site-packages",
        "build",
        "dist",
        "data",
        "wandb",
        "mlruns",
        "outputs",
    }
)
_NOT_TASKS = frozenset({"tests", "test", "docs", "doc", "notebooks", "benchmarks", "ci"})
_NOT_SCRIPTS = re.compile(r"(?:setup|conftest|noxfile|fabfile|test_.*|.*_test|versioneer|dodo)\.py\Z")
_MAIN = re.compile(rb"^if\s+__name__\s*==\s*[\"']__main__[\"']", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
_MAX_FOLDERS = 5_000
_MAX_BYTES = 4 << 20


class FoundCode(Struct, frozen=True):
    """What was found, all from the workspace root and sorted.

    `imports` are the folders from which modules are imported, `.` for the root; `modules` are the names that can be
    imported there; `scripts` are the files that do something when they are called.
    """

    paths: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()


def find_code(root: str) -> FoundCode:
    """Look for Python code below a folder; tests, docs, environments and data are left out, and nothing is imported."""
    paths: list[str] = []
    imports: set[str] = set()
    modules: set[str] = set()
    scripts: list[str] = []
    for name in sorted(os.listdir(root)):
        files = [name] if _is_code_file(root, name) else list(_python_files(root, name))
        if not files:
            continue
        paths.append(name)
        here = [_import_folder(root, file) for file in files]
        imports |= set(here)
        modules |= {_module(file, folder) for file, folder in zip(files, here, strict=True)}
        scripts += [file for file in files if _is_script(f"{root}/{file}")]
    return FoundCode(
        tuple(paths), tuple(sorted(imports)), tuple(sorted(filter(_NAME.match, modules))), tuple(sorted(scripts))
    )


def shadowing(root: str, paths: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return the files of packages in `paths` that hide a module of the standard library, with its name."""
    found = []
    for path in paths:
        if os.path.isfile(f"{root}/{path}/__init__.py"):
            names = sorted(
                name.removesuffix(".py") for name in os.listdir(f"{root}/{path}") if not name.startswith("_")
            )
            found += [(f"{path}/{name}.py", name) for name in names if name in sys.stdlib_module_names]
    return tuple((file, name) for file, name in found if os.path.isfile(f"{root}/{file}"))


def import_folder(root: str, file: str) -> str:
    """Return the folder that a file's module is imported from: above its packages, `.` for the root."""
    return _import_folder(root, file)


def _is_code_file(root: str, name: str) -> bool:
    return name.endswith(".py") and not _NOT_SCRIPTS.match(name) and os.path.isfile(f"{root}/{name}")


def _python_files(root: str, top: str) -> Iterator[str]:
    """Yield the Python files below a folder, except for one that holds experiments or is none of ours."""
    if top in _NOT_TASKS or _is_left_out(root, top) or os.path.islink(f"{root}/{top}"):
        return
    found = []
    for number, (folder, folders, files) in enumerate(os.walk(f"{root}/{top}")):
        if number > _MAX_FOLDERS or any(name.startswith("TT") and name.endswith(".yaml") for name in files):
            return
        here = os.path.relpath(folder, root)
        folders[:] = sorted(name for name in folders if not _is_left_out(folder, name))
        found += [f"{here}/{name}" for name in sorted(files) if name.endswith(".py") and not _NOT_SCRIPTS.match(name)]
    yield from found


def _is_left_out(folder: str, name: str) -> bool:
    hidden = name.startswith(".") or name in _SKIPPED or name.endswith(".egg-info")
    return hidden or os.path.exists(f"{folder}/{name}/pyvenv.cfg")


def _import_folder(root: str, file: str) -> str:
    folder = os.path.dirname(file)
    while folder and os.path.isfile(f"{root}/{folder}/__init__.py"):
        folder = os.path.dirname(folder)
    return folder or "."


def _module(file: str, folder: str) -> str:
    below = file if folder == "." else file[len(folder) + 1 :]
    return below.partition("/")[0].removesuffix(".py")


def _is_script(path: str) -> bool:
    try:
        if os.path.getsize(path) > _MAX_BYTES:
            return False
        with open(path, "rb") as stream:
            return _MAIN.search(stream.read()) is not None
    except OSError:
        return False
