"""What a command with nothing to do costs, counted: modules, files, processes. And that it is never wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "app"))

from small_workspace import Small

from traintrack.action.cell import FreeReason, evict
from traintrack.app.environment import open_environment

QUICK = {
    *("", ".__main__", ".version", ".cli", ".cli.quick", ".cli.quantity", ".cli.up_to_date"),
    *(".app", ".app.known", ".app.standing"),
    *(".storages", ".storages.local", ".storages.local.standing"),
    *(".workspace", ".workspace.fingerprint", ".workspace.folders", ".workspace.git_head", ".workspace.small_file"),
}
"""All of ours that such a command may import. Another module here is a decision, not an accident."""

READS_CELLS = QUICK | {".storages.local.checksum"}
"""With cells that changed since they were read last, or a moment before that."""

NEVER = {
    "click",
    "msgspec",
    "typing",
    "pathlib",
    "json",
    "hashlib",
    "subprocess",
    "threading",
    "datetime",
    "logging",
    "yaml",
}
WATCHED = """
import atexit, sys
seen = {"opened": [], "started": []}
def hook(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)):
        seen["opened"].append(args[0] if isinstance(args[0], str) else args[0].decode())
    elif event in ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec"):
        seen["started"].append(str(args[0]))
def tell():
    found = {"modules": sorted(sys.modules), **{name: list(values) for name, values in seen.items()}}
    found["ours"] = [name[10:] for name in found["modules"] if name.split(".")[0] == "traintrack"]
    import json
    with open(path, "w") as file:
        json.dump(found, file)
path = sys.argv.pop(1)
import traintrack.__main__ as program
atexit.register(tell)
sys.addaudithook(hook)
sys.exit(program.main())
"""


class Watched:
    """A command that ended, with what it imported, opened and started."""

    def __init__(self, done: subprocess.CompletedProcess[str], seen: dict[str, list[str]]) -> None:
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.modules, self.ours, self.started = set(seen["modules"]), set(seen["ours"]), seen["started"]
        self.opened = [path for path in seen["opened"] if not path.endswith((".py", ".pyc", ".so"))]


class Bench:
    """A workspace whose targets all stand, with a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.small = Small(folder / "w")
        self.environ = {
            **{key: value for key, value in os.environ.items() if key not in ("CI", "TRAINTRACK_NO_CACHE")},
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PYTHONIOENCODING": "utf-8",
            "NO_COLOR": "1",
        }
        self.small.make("//a:data")
        self.small.make("//a:train")

    def watch(self, *words: str, cwd: str = ".", before: str = "", **environ: str) -> Watched:
        note = self.folder / "seen.json"
        done = subprocess.run(
            [sys.executable, "-c", before + WATCHED, str(note), *words],
            cwd=self.small.root / cwd,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        return Watched(done, json.loads(note.read_text()))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_second_run_imports_almost_nothing(bench: Bench) -> None:
    first, second = bench.watch("run", "//..."), bench.watch("run", "//...")

    assert (first.code, second.code) == (0, 0)
    assert "msgspec" in first.modules  # else nothing is compared
    assert second.ours <= READS_CELLS
    assert not second.modules & NEVER
    assert second.err.startswith("✓ 2 targets are up to date (2 targets cached) in ")


def test_the_second_run_starts_no_process_and_opens_few_files(bench: Bench) -> None:
    bench.watch("run", "//...")
    second = bench.watch("run", "//...")

    assert second.started == []
    # Two files of the answer, HEAD and its branch, three of the workspace, two cells that were just written, one note.
    assert len(second.opened) <= 14, second.opened


def test_cells_are_not_opened_once_their_folders_have_settled(bench: Bench) -> None:
    bench.watch("run", "//...")
    # The clock runs ahead: what was just written counts as long settled.
    ahead = "import time; now = time.time_ns; time.time_ns = lambda: now() + 10**10\n"
    first, second = (bench.watch("run", "//...", before=ahead) for _ in range(2))

    assert len([path for path in first.opened if "/cell/" in path]) == 2
    assert not [path for path in second.opened if "/cell/" in path]
    assert second.ours <= QUICK
    assert second.code == 0


def test_a_single_target_is_told_with_its_folder(bench: Bench) -> None:
    full = bench.watch("run", "//a:train")
    quick = bench.watch("run", ":train", cwd="a")
    quick = bench.watch("run", ":train", cwd="a")

    assert quick.ours <= READS_CELLS
    assert quick.err.split(" in ")[0] == full.err.split(" in ")[0]
    assert quick.err.split(" → ")[1] == full.err.split(" → ")[1]


@pytest.mark.parametrize("patterns", [("//...",), ("//a:train", "//a:data"), ("//...", "-//a:data")])
def test_the_short_and_the_long_way_print_the_same_ids(bench: Bench, patterns: tuple[str, ...]) -> None:
    full = bench.watch("hash", *patterns, TRAINTRACK_NO_CACHE="1")
    bench.watch("hash", *patterns)
    quick = bench.watch("hash", *patterns)

    assert quick.out == full.out != ""
    assert "click" in full.modules
    if not any(word.startswith("-") for word in patterns):
        assert quick.ours <= QUICK


def test_a_run_looks_for_pins_unless_one_has_looked_before(bench: Bench) -> None:
    commit = bench.small.git("rev-parse", "HEAD")
    bench.small.edit("a/TTCONFIG.yaml", "commit: HEAD", f"commit: '{commit}'")
    bench.watch("hash", "//...")
    locked = [bench.watch("run", "//...", CI="1") for _ in range(2)]
    assert not (bench.small.root / "a/TTLOCK.yaml").exists()
    run = bench.watch("run", "//...")

    assert [one.code for one in (*locked, run)] == [0, 0, 0]
    assert locked[1].ours <= READS_CELLS
    assert (bench.small.root / "a/TTLOCK.yaml").exists()
    again = bench.watch("run", "//...")
    assert again.ours <= READS_CELLS


def test_what_another_process_took_away_is_seen_at_once(bench: Bench) -> None:
    bench.watch("run", "//...")
    assert bench.watch("run", "//...").ours <= READS_CELLS
    project = bench.small.project()
    cells = open_environment(project.workspace, None).storage.cells
    [seen] = cells.read([bench.small.id_of("//a:train")]).values()
    cells.swap(seen, evict(seen.cell, FreeReason.EVICTED))

    planned = bench.watch("run", "-n", "//...")
    run = bench.watch("run", "//a:data", "//a:train", CI="1", PATH="/nonexistent")
    assert "1 to run" in planned.err
    assert "up to date" not in run.err


def test_a_part_that_stands_says_nothing_of_the_rest(bench: Bench) -> None:
    ahead = "import time; now = time.time_ns; time.time_ns = lambda: now() + 10**10\n"
    bench.watch("run", "//...")
    cells = open_environment(bench.small.project().workspace, None).storage.cells
    [seen] = cells.read([bench.small.id_of("//a:data")]).values()
    cells.swap(seen, evict(seen.cell, FreeReason.EVICTED))

    notes = {path: path.read_bytes() for path in bench.folder.glob("cache/traintrack/known/*")}
    for _ in range(2):
        assert bench.watch("run", "//a:train", before=ahead).ours <= READS_CELLS
    assert {path: path.read_bytes() for path in notes} == notes
    assert "up to date" not in bench.watch("run", "//...", before=ahead, PATH="/nonexistent").err


def test_a_store_that_was_moved_away_is_missed(bench: Bench) -> None:
    bench.watch("run", "//...")
    (bench.small.root / "store").rename(bench.folder / "elsewhere")

    assert "2 to run" in bench.watch("run", "-n", "//...").err
    assert "up to date" not in bench.watch("run", "//...", PATH="/nonexistent").err


@pytest.mark.parametrize(
    "words", [("run", "--force"), ("run", "--json"), ("run", "-n"), ("-q", "run"), ("hash", "--json")]
)
def test_options_are_for_the_whole_program(bench: Bench, words: tuple[str, ...]) -> None:
    bench.watch("run", "//a:data")

    assert "click" in bench.watch(*words, "//nowhere:t").modules


def test_a_store_of_a_newer_format_is_for_the_whole_program(bench: Bench) -> None:
    bench.watch("run", "//...")
    mark = bench.small.root / "store/store.json"
    mark.unlink()
    mark.write_text('{"format": "traintrack/store", "version": 2}\n')

    assert bench.watch("run", "//...").code == 8


def test_the_version_imports_nothing_of_ours(bench: Bench) -> None:
    assert bench.watch("--version").ours <= {"", ".__main__", ".version"}


def test_help_imports_only_words(bench: Bench) -> None:
    done = bench.watch("--help")

    assert done.ours <= {"", ".__main__", ".version", ".cli", ".cli.program", ".cli.table"}
    assert not done.modules & {"subprocess", "logging", "yaml", "blake3"}


def test_hash_starts_one_git_for_objects_and_opens_no_store(bench: Bench) -> None:
    done = bench.watch("hash", "//...", TRAINTRACK_NO_CACHE="1")

    assert not [
        name for name in done.ours if name.startswith((".execute", ".runners", ".storages.local.store", ".plan"))
    ]
    assert len(done.started) <= 3, done.started
