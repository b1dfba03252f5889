from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from small_workspace import Small

from traintrack.action.action import Action, Provenance, Resources
from traintrack.action.event import Notice
from traintrack.action.image import PythonImage
from traintrack.app import early_checks
from traintrack.app.early_checks import Machine, cannot_run, runs_with_less
from traintrack.app.run_plan import RunOptions
from traintrack.app.run_targets import run_targets
from traintrack.digest import TargetId
from traintrack.errors import HostError
from traintrack.execute.control import RunControl
from traintrack.execute.slots import Capacity

GIB = 1 << 30
MACHINE = Machine(Capacity(jobs=4, cpu=4.0, memory_bytes=16 * GIB, gpus=2), ("NVIDIA A100-SXM4-40GB",), 50 * GIB, "/d")
PLAIN = Action(
    TargetId("0" * 64), b"{}", "train", PythonImage("3.11", "l", "0"), provenance=Provenance(label="//a:train")
)


def asking(**resources: object) -> Action:
    return replace(PLAIN, resources=Resources(**resources))


def refused(machine: Machine = MACHINE, **resources: object) -> list[str]:
    return [error.message for error in cannot_run(machine, [asking(**resources)])]


def test_what_the_machine_has_is_not_refused() -> None:
    assert refused(gpu=2, gpu_type="a100", disk_bytes=49 * GIB, memory_bytes=16 * GIB, cpu=4.0) == []
    assert runs_with_less(MACHINE, [asking(cpu=4.0, memory_bytes=16 * GIB)]) == []


def test_gpus_that_are_not_there_are_told() -> None:
    none = replace(MACHINE, capacity=replace(MACHINE.capacity, gpus=0))

    assert refused(gpu=3) == ["`//a:train` asks for 3 GPUs and there are 2"]
    assert refused(none, gpu=1) == ["`//a:train` asks for 1 GPU and there is none"]
    [error] = cannot_run(none, [asking(gpu=1)])
    assert error.hint is not None
    assert error.hint.endswith("traintrack run --set resources.gpu=0 //a:train")


@pytest.mark.parametrize("kind", ["a100", "A100", "nvidia-a100", "a100-sxm4", "A100-SXM4-40GB"])
def test_a_type_of_gpu_is_known_by_its_words(kind: str) -> None:
    assert refused(gpu=1, gpu_type=kind) == []


@pytest.mark.parametrize("kind", ["a10", "a10g", "h100", "a100-80gb"])
def test_another_type_of_gpu_is_told(kind: str) -> None:
    assert refused(gpu=1, gpu_type=kind) == [
        f"`//a:train` asks for a GPU of type `{kind}` and this machine has `NVIDIA A100-SXM4-40GB`"
    ]


def test_a_type_of_gpu_is_not_judged_where_none_is_asked_for_or_nobody_can_tell() -> None:
    assert refused(gpu=0, gpu_type="h100") == []
    assert refused(replace(MACHINE, gpu_names=()), gpu=1, gpu_type="h100") == []


def test_a_disk_that_is_too_small_is_told() -> None:
    assert refused(disk_bytes=100 * GIB) == ["`//a:train` asks for 100 GiB of disk and 50 GiB is free at `/d`"]


def test_a_full_disk_is_told_once() -> None:
    full = replace(MACHINE, free_bytes=1000)

    assert [e.message for e in cannot_run(full, [PLAIN, PLAIN])] == ["no space left at `/d`: 1000 B is free"]
    assert cannot_run(full, []) == []


def test_too_few_processors_and_too_little_memory_are_told_and_no_reason_to_refuse() -> None:
    action = asking(cpu=8.0, memory_bytes=64 * GIB)

    assert cannot_run(MACHINE, [action]) == []
    assert runs_with_less(MACHINE, [action]) == [
        "//a:train asks for 8 processors of 4 and 64 GiB of memory of 16 GiB: it runs alone, with what there is"
    ]


class Heard:
    def __init__(self) -> None:
        self.events: list[object] = []

    def emit(self, event: object) -> None:
        self.events.append(event)


def run(small: Small) -> Heard:
    heard = Heard()
    run_targets(small.project(), small.environment(), ["//a:*"], RunOptions(), heard, RunControl())
    return heard


def test_all_that_cannot_run_is_told_before_anything_starts(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.edit("a/TTCONFIG.yaml", "task: make_data", "task: make_data\n    resources: {gpu: 99}")
    small.edit("a/TTCONFIG.yaml", "task: train_model", "task: train_model\n    resources: {disk: 900000GiB}")

    with pytest.raises(HostError, match="asks for 99 GPUs") as caught:
        run(small)
    assert any("`//a:train` asks for" in line for line in caught.value.details)
    assert not list((tmp_path / "store").rglob("ns/*/cell/*/*"))


def test_what_stands_is_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Small(tmp_path)
    small.make("//a:data", "//a:train")
    small.edit("a/TTCONFIG.yaml", "task: make_data", "task: make_data\n    resources: {gpu: 99, gpu_type: h100}")
    monkeypatch.setattr(early_checks, "_gpu_names", lambda: pytest.fail("nothing runs: nobody asks for GPUs"))

    assert not [e for e in run(small).events if isinstance(e, Notice)]
