"""A thousand planted damages, and what `run` and `pull` do about each kind; more in `tests/torture/test_damage.py`."""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from broken_store import Round, break_and_look, fill, look, parts_of
from damage import ARTIFACT_DAMAGES, FILE_DAMAGES, PARTS, Breaker, Planted
from small_workspace import Small

from traintrack.action.cell import CellState
from traintrack.action.event import Event
from traintrack.action.plan import Outcome
from traintrack.app.environment import open_environment
from traintrack.app.project import open_project
from traintrack.app.pull import pull
from traintrack.app.run_targets import RunOptions, run_targets
from traintrack.app.verify import VerifyAnswer, VerifyOptions, verify
from traintrack.digest import TargetId
from traintrack.errors import IntegrityError
from traintrack.execute.control import RunControl
from traintrack.storages.local import LocalStorage, open_local
from traintrack.storages.local.scan import scan_output

SEED = 20261121
DAMAGES = 1000
WAYS = [*(("artifact", how) for how in ARTIFACT_DAMAGES), *((p, how) for p in PARTS[1:] for how in FILE_DAMAGES)]
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
    "  data: {task: make_data, args: {}}\n  other: {task: make_data, args: {rows: 3}}\n"
    '  sum: {task: sum_up, args: {data: ":data", round: 0}}\n',
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
    """A folder in memory where there is one: thousands of commits would wait for a disk that others use."""
    shared = Path("/dev/shm")
    folder = tempfile.mkdtemp(dir=shared if os.access(shared, os.W_OK) else tmp_path_factory.getbasetemp())
    yield Path(folder)
    shutil.rmtree(folder)


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
        assert all(Path(path).exists() for path in report.paths.values())
        self.sum_path = report.paths.get("//a:sum")
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
        [answer] = pull(self.small.project(), self.small.environment(), ["//a:data"], None)
        return scan_output(str(answer.path)).digest()


@pytest.fixture(scope="module")
def shop(memory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield Shop(memory / "shop")


@pytest.mark.parametrize(("part", "how"), WAYS)
def test_damage_is_never_handed_out_or_consumed_and_a_run_or_a_repair_heals_it(shop: Shop, part: str, how: str) -> None:
    right = shop.whole_digest()
    seed = SEED + WAYS.index((part, how))
    shop.break_data(part, how, seed)

    try:
        assert shop.whole_digest() == right, "what was pulled is damaged"
    except IntegrityError as error:
        assert "traintrack verify --repair" in (error.hint or "") or "run it again" in (error.hint or "")
    try:
        assert shop.consume() == EXPECTED
    except IntegrityError as error:
        assert part == "cell"
        assert "traintrack verify --repair" in (error.hint or "")
    answer = shop.verify(repair=True)
    shop.run("//a:*")

    assert answer.left == ()
    assert shop.verify().survey.findings == ()
    assert shop.whole_digest() == right
    assert shop.consume() == EXPECTED


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
