"""Faults planted into the real code: each takes one rule away, and the driver must notice.

A mutant is the source of one function with one passage replaced, compiled in the module of the original. So it
changes with the code, and a passage that is not there any more is an error and not a mutant that nobody catches.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FunctionType

from driver import TARGETS, Scenario

from traintrack.action import cell as change
from traintrack.execute import advance, conclude, heartbeats, lease
from traintrack.storages.objects import cells, collector, rounds, silence, upload
from traintrack.testing.schedule import Faults

_TWO = Scenario()
_CALM_TWO = Scenario(faults=Faults(crashes=0, unclear=4), sure=True)
_TIMELY = Scenario(workers=(0, 0, 0), timely=True, faults=Faults(1, 4, jumps=False), sure=True)
_GC = Scenario(workers=(0, 1), collectors=1, rounds=2, quarantines=1, hints=True, made=(1,), outputs=1, sure=True)
_SAME = Scenario(workers=(0, 1), collectors=1, rounds=2, quarantines=1, outputs=1, sure=True)
_HINTS = Scenario(workers=(0,), collectors=1, rounds=2, quarantines=2, hints=True, made=(1,), outputs=1, sure=True)
_LATER, _EARLIER = sorted((0, 1), key=lambda n: TARGETS[n].id, reverse=True)
_TAKEN = Scenario(
    workers=(_EARLIER,),
    collectors=1,
    rounds=2,
    quarantines=2,
    hints=True,
    made=(_LATER,),
    outputs=1,
    faults=Faults(crashes=0, unclear=0),
    sure=True,
)
_RACE = Scenario(workers=(0, 0), collectors=1, rounds=2, outputs=1, sure=True)
_RIVALS = Scenario(workers=(0, 1), collectors=2, rounds=2, quarantines=1, hints=True, made=(1,), outputs=1, sure=True)


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` in the source of `home.function` becomes `new`; `scenario` is where it does harm.

    Where harm is rare, `first_seed` is near a schedule that shows it; the ones after it follow, should the code have
    changed the meaning of the numbers.
    """

    name: str
    home: object
    function: str
    old: str
    new: str
    scenario: Scenario
    first_seed: int = 0


MUTANTS = (
    Mutant(
        "a cell is created without a condition",
        cells.ObjectCells,
        "_put",
        "return self._objects.put_if_absent(key, data)",
        "self._objects.put(key, data)\n        return self._objects.get(key).etag  ",
        _TWO,
    ),
    Mutant(
        "a cell is replaced without a condition",
        cells.ObjectCells,
        "_put",
        "return self._objects.put_if_match(key, data, Etag(seen.version))",
        "self._objects.put(key, data)\n    return self._objects.get(key).etag",
        _TWO,
    ),
    Mutant(
        "an unclear answer is followed by a blind overwrite",
        cells.ObjectCells,
        "_swap",
        "raise CellConflictError(now)",
        "seen = now",
        _TWO,
    ),
    Mutant(
        "an unclear answer is taken for a success",
        cells.ObjectCells,
        "_swap",
        "except UnknownOutcomeError as error:\n            cause = error",
        "except UnknownOutcomeError:\n            return self._read(seen.id)",
        _TWO,
    ),
    Mutant("a heartbeat keeps its nonce", change, "beat", "nonce=new_nonce(), ", "", _TIMELY),
    Mutant("nonces are used again", change, "publish", "nonce=new_nonce()", "nonce='n' * 31 + owner.token[-1]", _SAME),
    Mutant(
        "who was superseded commits all the same",
        lease,
        "_may_retry",
        "return mine and now.phase is Phase.PUBLISHING and now.epoch == wanted.epoch",
        "return now.phase is Phase.PUBLISHING",
        _RACE,
    ),
    Mutant(
        "a commit counts under a later hold of one's own",
        conclude,
        "_store",
        "result = storage.artifacts.publish(replace(output, placing=flight.action.placing))",
        "known, name = globals().setdefault('KNOWN', {}), (flight.name, lease.owner)\n"
        "        result = known[name] = known.get(name) or storage.artifacts.publish(output)",
        _SAME,
    ),
    Mutant(
        "publishing is not announced",
        lease,
        "start_publishing",
        "return _mine(cells, lease, lambda cell: change.publish(cell, lease.owner))",
        "from msgspec.structs import replace as r\n"
        "    return Lease(r(lease.seen, cell=r(lease.cell, phase=Phase.PUBLISHING)), lease.owner)",
        _SAME,
    ),
    Mutant(
        "the round is read before publishing is announced",
        conclude,
        "_store",
        "flight.lease = leases.start_publishing(storage.cells, lease)",
        "storage.artifacts._publisher._rounds.current = (lambda n: lambda: n)(storage.artifacts._publisher._rounds.current())\n"
        "    flight.lease = leases.start_publishing(storage.cells, lease)",
        _SAME,
    ),
    Mutant(
        "the other cell is read before publishing is announced",
        advance,
        "_cut_off",
        "flight.lease = leases.start_publishing(storage.cells, flight.lease)\n"
        "        found = _result_for(source, consumption, ports)\n",
        "found = _result_for(source, consumption, ports)\n"
        "        flight.lease = leases.start_publishing(storage.cells, flight.lease)\n",
        _HINTS,
    ),
    Mutant("keys have no round", upload.Publisher, "publish", "self._rounds.current()", "0", _SAME),
    Mutant(
        "the cell names its layout before the bytes are there",
        upload.Publisher,
        "_complete",
        "missing = {store.object.key: store for store in stores}",
        "return",
        _TWO,
    ),
    Mutant(
        "an upload without an answer is taken for done",
        upload.Publisher,
        "_complete",
        "self._lanes.run(store.step for store in missing.values())",
        "for store in missing.values():\n"
        "            try:\n"
        "                self._bucket.put(store.object.key, store.step.do.args[1]())\n"
        "            except Exception:\n"
        "                pass\n"
        "        return",
        _CALM_TWO,
    ),
    Mutant(
        "a key of an older round is named because it is there",
        upload.Publisher,
        "_send_packs",
        "key = self._keys.blob(digest, round_)\n",
        "keys = [self._keys.blob(digest, number) for number in range(round_ + 1)]\n"
        "            key = next((k for k in keys if self._is_there(k, data)), keys[-1])\n",
        _SAME,
    ),
    Mutant(
        "take-over without waiting for silence",
        silence.Silence,
        "liveness",
        "watch.silent_s >= watch.patience_s and watch.reads >= self._rhythm.least_reads",
        "True",
        _TIMELY,
    ),
    Mutant(
        "a heartbeat does not end the silence",
        silence.Silence,
        "observe",
        "before.version != version",
        "before.holder != holder",
        _TIMELY,
    ),
    Mutant(
        "held cells are not beaten",
        heartbeats.BeatingCells,
        "_beat",
        "if seen.cell is None:",
        "if seen.cell is not None:",
        _TIMELY,
    ),
    Mutant("an evicted result is forgotten at once", change, "evict", "(*seen.was, layout)", "()", _HINTS),
    Mutant(
        "a result is looked at after its cell was left, and put back",
        lease,
        "evict",
        "return cells.swap(seen, change.evict(seen.cell, reason))",
        "freed = cells.swap(seen, change.evict(seen.cell, reason))\n"
        "            from msgspec.structs import replace as r\n"
        "            return cells.swap(freed, r(seen.cell, nonce=change.new_nonce()))",
        _GC,
    ),
    Mutant(
        "the collector looks before it raises the round",
        collector.Collector,
        "_collect",
        "mine = self.raise_round(mine)\n    noted = self.look()",
        "noted = self.look()\n    mine = self.raise_round(mine)",
        _SAME,
    ),
    Mutant(
        "the collector does not wait for who publishes",
        collector.Collector,
        "_settled",
        "seen.cell.phase is not Phase.PUBLISHING",
        "True",
        _SAME,
    ),
    Mutant(
        "the collector removes keys of the new round",
        collector.Collector,
        "sweep",
        "number >= round_",
        "number > round_",
        _SAME,
    ),
    Mutant("the collector does not note `was`", collector.Collector, "_keys_of", "in cell.was", "in ()", _TAKEN, 1310),
    Mutant(
        "the collector drops `was` while it looks",
        collector.Collector,
        "_named",
        "try:\n",
        "try:\n"
        "            if seen.cell.was and seen.cell.state is not CellState.HELD:\n"
        "                self._write(seen, change.forget(seen.cell))\n"
        "                continue\n",
        _TAKEN,
        1310,
    ),
    Mutant(
        "a collector that was replaced goes on",
        collector.Collector,
        "renew",
        "return self._hold(mine, mine.round.number)",
        "self._lease._latest = self._lease._rounds.read()\n    return self._lease._latest",
        _RIVALS,
        700,
    ),
    Mutant(
        "the round is raised without a condition",
        rounds.Rounds,
        "swap",
        "self._objects.put_if_match(self._keys.collector, data, seen.etag)",
        "(self._objects.put(self._keys.collector, data), self.read())[1].etag",
        _RIVALS,
    ),
)


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """Let the mutant stand in the place of the original."""
    original = inspect.getattr_static(mutant.home, mutant.function)
    assert isinstance(original, FunctionType)
    source = textwrap.dedent(inspect.getsource(original))
    assert source.count(mutant.old) == 1, f"{mutant.name}: `{mutant.old}` is not once in\n{source}"
    text = "from __future__ import annotations\n" + source.replace(mutant.old, mutant.new)
    made: dict[str, FunctionType] = {}
    exec(compile(text, f"<{mutant.name}>", "exec"), vars(sys.modules[original.__module__]), made)
    setattr(mutant.home, mutant.function, made[mutant.function])
    try:
        yield
    finally:
        setattr(mutant.home, mutant.function, original)
