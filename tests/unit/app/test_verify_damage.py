"""A thousand planted damages, and what `run` and `pull` do about each kind; more in `tests/torture/test_damage.py`."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest
from broken_store import Round, break_and_look, fill, in_memory, look, parts_of
from damage import ARTIFACT_DAMAGES, FILE_DAMAGES, PARTS, Breaker, Planted
from small_workspace import Small
from store_load import Load

from traintrack.action.cell import CellState
from traintrack.action.event import Event
from traintrack.action.plan import Outcome
from traintrack.app.environment import open_environment
from traintrack.app.project import open_project
from traintrack.app.pull import pull
from traintrack.app.run_plan import RunOptions
from traintrack.app.run_targets import run_targets
from traintrack.app.verify import VerifyAnswer, VerifyOptions, verify
from traintrack.cli.schemas import document_schema
from traintrack.digest import TargetId
from traintrack.errors import IntegrityError, NotFoundError
from traintrack.execute.control import RunControl
from traintrack.storages.local import LocalStorage, open_local
from traintrack.storages.local.scan import scan_output

SEED = 20261121
DAMAGES = 1000
WAYS = [*(("artifact", how) for how in ARTIFACT_DAMAGES), *((p, how) for p in PARTS[1:] for how in FILE_DAMAGES)]
QUICK_WAYS = {
    *(("artifact", how) for how in ("flip", "delete", "extra", "executable")),
    *(("cell", how) for how in ("flip", "swap", "delete")),
    ("manifest", "flip"),
    ("record", "delete"),
    ("notes", "cut"),
}
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
TASK = """\
import json, sys
from pathlib import Path
args, out = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
"""
SHOP = {
    "TTWORKSPACE.yaml": "workspace: small\ndefaults: {paths: [src]}\n"
    f'images:\n  py: {{python: "{VERSION}", lock: requirements.lock}}\n'
    "environments:\n  local: {runner: local, storage: store}\ndefault_env: local\n",
    "a/TTCONFIG.yaml": "defaults: {image: py, commit: HEAD}\ntargets:\n"
    "  die: {task: roll, args: {size: 9}}\n"
    "  data: {task: make_data, args: {}}\n  other: {task: make_data, args: {rows: 3}}\n"
    '  sum: {task: sum_up, args: {data: ":data", round: 0}}\n',
    "src/roll.py": TASK + "import os\n(out / 'die.bin').write_bytes(os.urandom(args['size']))\n"
    "(out / 'same.txt').write_text('same')\n",
    "src/make_data.py": TASK + "for n in range(12):\n"
    "    (out / f'{n}.txt').write_text(str(n + args.get('rows', 0)) * 50)\n",
    "src/sum_up.py": TASK + "text = ''.join(p.read_text() for p in sorted(Path(args['data']).iterdir()))\n"
    "(out / 'sum.txt').write_text(text)\n",
    "requirements.lock": "# nothing\n",
    ".gitignore": "store/\n",
}
EXPECTED = "".join(str(n) * 50 for n in sorted(range(12), key=lambda n: f"{n}.txt"))


class Silence:
    """Hears events and says nothing."""

    def emit(self, event: Event) -> None:
        pass


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with in_memory(tmp_path_factory.getbasetemp()) as folder:
        yield folder


def rounds(folder: Path, damages: int, seed: int) -> list[Round]:
    """Break copies of one store until so many damages were planted."""
    chance = random.Random(seed)
    fill(folder / "store", 60, chance)
    assert look(open_local(folder / "store")).findings == ()
    done: list[Round] = []
    while sum(len(one.planted) for one in done) < damages:
        done.append(break_and_look(folder / "store", folder / "copy", chance))
    return done


def test_each_of_a_thousand_damages_is_found_by_its_path_and_nothing_else_is(memory: Path) -> None:
    done = rounds(memory, DAMAGES, SEED)

    assert [missed for one in done for missed in one.missed] == []
    assert [invented for one in done for invented in one.invented] == []
    ways = Counter((planted.what, planted.how) for one in done for planted in one.planted)
    assert sum(ways.values()) >= DAMAGES
    assert set(ways) == set(WAYS)


class Shop:
    """A workspace whose tasks are trivial: `sum` reads `data`; each call of `consume` is a new ID."""

    def __init__(self, root: Path) -> None:
        self.small = Small(root, base=SHOP)
        self._round = 0
        self.run("//a:*")
        self.storage: LocalStorage = open_local(root / "store")

    def run(self, *texts: str, sets: tuple[str, ...] = ()) -> list[Outcome]:
        project = open_project(self.small.root, sets=sets, requested=texts)
        environment = open_environment(project.workspace, None)
        report = run_targets(project, environment, texts, RunOptions(), Silence(), RunControl())
        found = {label: report.path_of(label) for label in report.requested}
        assert all(path is not None and path.exists() for path in found.values())
        self.sum_path = found.get("//a:sum")
        return [target.outcome for target in report.targets if target.label == "//a:sum"]

    def consume(self) -> str:
        """Run `sum` as it never ran; return what it wrote from what it read."""
        self._round += 1
        assert self.run("//a:sum", sets=(f"//a:sum#args.round={self._round}",)) == [Outcome.EXECUTED]
        assert self.sum_path is not None
        return (self.sum_path / "sum.txt").read_text()

    def verify(self, *, repair: bool = False) -> VerifyAnswer:
        options = VerifyOptions(repair=repair)
        return verify(self.small.project(), self.small.environment(), (), options, lambda looked: None)

    def break_data(self, part: str, how: str, seed: int) -> Planted:
        ids = {self.small.id_of(label): label for label in ("//a:data", "//a:other")}
        found = {ids[TargetId(one.id)]: one for one in parts_of(self.storage) if one.id in ids}
        breaker = Breaker(self.storage.root, random.Random(seed))
        planted = breaker.break_one(found["//a:data"], found["//a:other"], part, how)
        assert planted is not None
        return planted

    def whole_digest(self) -> str:
        project = self.small.project()
        [answer] = pull(project, open_environment(project.workspace, None), ["//a:data"], None)
        return scan_output(str(answer.path)).digest()


@pytest.fixture(scope="module")
def shop(memory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield Shop(memory / "shop")


def refusal_of(ask: Callable[[], str], right: str) -> str | None:
    """Ask for bytes: None if they are right, the hint of the refusal if there is one."""
    try:
        given = ask()
    except (IntegrityError, NotFoundError) as error:
        return error.hint or ""
    assert given == right, "damaged bytes were handed out"
    return None


@pytest.mark.parametrize(
    ("part", "how"), [way if way in QUICK_WAYS else pytest.param(*way, marks=pytest.mark.torture) for way in WAYS]
)
def test_damage_is_never_handed_out_or_consumed_and_a_run_or_a_repair_heals_it(shop: Shop, part: str, how: str) -> None:
    right = shop.whole_digest()
    seed = SEED + WAYS.index((part, how))
    shop.break_data(part, how, seed)

    pulled = refusal_of(shop.whole_digest, right)
    consumed = refusal_of(shop.consume, EXPECTED)
    answer = shop.verify(repair=True)
    shop.run("//a:*")

    assert pulled is None or "traintrack run" in pulled or "verify --repair" in pulled
    assert consumed is None or (part == "cell" and "verify --repair" in consumed)
    assert answer.left == ()
    assert shop.verify().survey.findings == ()
    assert shop.whole_digest() == right


def test_a_bad_result_is_freed_moved_aside_whole_and_named_for_the_next_run(shop: Shop) -> None:
    planted = shop.break_data("artifact", "flip", SEED)
    broken = (shop.storage.root / planted.paths[0]).read_bytes()

    answer = shop.verify(repair=True)

    cell = shop.storage.cells.read([shop.small.id_of("//a:data")])[shop.small.id_of("//a:data")].cell
    assert cell is not None
    assert (cell.state, cell.free and cell.free.value) == (CellState.FREE, "corrupt")
    assert answer.remake == ("//a:data",)
    aside = [p for p in (shop.storage.root / "quarantine").rglob(Path(planted.paths[0]).name) if p.is_file()]
    assert broken in [p.read_bytes() for p in aside]
    shop.run("//a:data")
    assert shop.verify().survey.findings == ()


def command(shop: Shop, *words: str) -> tuple[int, dict[str, object]]:
    """Run `traintrack verify` as a process; return its exit code and its document."""
    call = [sys.executable, "-m", "traintrack", "-C", str(shop.small.root), "verify", *words, "--json"]
    done = subprocess.run(call, capture_output=True, text=True, timeout=120, check=False)
    [line] = done.stdout.splitlines()
    document = json.loads(line)
    jsonschema.validate(document, document_schema(document["schema"].removeprefix("traintrack.")))
    return done.returncode, document


def test_the_command_ends_with_8_on_findings_and_with_0_once_they_are_repaired(shop: Shop) -> None:
    planted = shop.break_data("artifact", "cut", SEED)

    code, found = command(shop)
    repaired, mended = command(shop, "--repair")
    again, clean = command(shop)
    shop.run("//a:*")

    assert (code, repaired, again) == (8, 0, 0)
    assert [one["path"] for one in found["findings"]] == list(planted.paths)
    assert (mended["remake"], mended["left"], clean["findings"]) == (["//a:data"], [], [])


@pytest.mark.parametrize(
    "words",
    [
        ("--quick", "--data"),
        ("--quick", "--sample", "1%"),
        ("--sample", "2"),
        ("--sample", "0%"),
        ("--rebuild", "//a:sum", "--repair"),
    ],
)
def test_options_that_exclude_each_other_are_wrong_usage(shop: Shop, words: tuple[str, ...]) -> None:
    assert command(shop, *words)[0] == 2


def test_a_rebuild_names_the_files_that_differ_and_leaves_what_stands(shop: Shop) -> None:
    before = [
        path.read_bytes() for path in sorted((shop.storage.root / "ns/default/cell").rglob("*")) if path.is_file()
    ]

    differs, die = command(shop, "--rebuild", "//a:die")
    equal, data = command(shop, "--rebuild", "//a:data")

    after = [path.read_bytes() for path in sorted((shop.storage.root / "ns/default/cell").rglob("*")) if path.is_file()]
    assert (differs, die["equal"], die["files"]) == (8, False, 2)
    assert die["differing"] == [{"path": "die.bin", "size_before": 9, "size_after": 9}]
    assert (equal, data["equal"], data["differing"]) == (0, True, [])
    assert after == before


def test_nothing_is_found_while_three_processes_write_force_and_heal(memory: Path) -> None:
    store = memory / "load" / "store"
    fill(store, 5, random.Random(1))
    storage = open_local(store)
    found, looks, until = [], 0, time.monotonic() + 4
    with Load(store, 3) as load:
        while time.monotonic() < until:
            found += look(storage).findings
            looks += 1
        written = load.stop()

    assert found == []
    assert looks > 1
    assert written > 3
