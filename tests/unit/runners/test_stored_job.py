from __future__ import annotations

import json

import msgspec
import pytest
from msgspec.structs import replace

from traintrack.action.action import Action, Deliver, Input, Provenance, Resources, Retries, Secret
from traintrack.action.image import BuiltImage, ContainerImage, Image, PythonImage
from traintrack.action.job import Job, JobInput
from traintrack.digest import ArtifactDigest, TargetId
from traintrack.runners.contract.stored_job import job_text, restored_job

PYTHON = PythonImage("3.11", "requirements.lock", "ab", "cd", ("dev",), ("gpu",))
ACTION = Action(
    id=TargetId("1" * 64),
    preimage=b'{"task":"train"}',
    task="train",
    image=PYTHON,
    entrypoint=("sh", "-c"),
    config={"lr": 1e-5, "huge": 2**80, "odd": "\ud800", "items": [1, 1.0, None, {"data": None}]},
    inputs=(Input(TargetId("2" * 64), ("items", 3, "data"), "part", Deliver.MOUNT),),
    code={"src": "abc", "lib": "def"},
    env={"A": "b"},
    secrets=(Secret("TOKEN", "MY_TOKEN", as_file=True),),
    outputs={"model": "m.bin"},
    retries=Retries(task=1),
    timeout_s=2.5,
    provenance=Provenance("w", "//a:t", "a/TTCONFIG.yaml:3:1"),
)
JOB = Job(
    flight="f",
    attempt=2,
    action=ACTION,
    inputs=(JobInput(("items", 3, "data"), "items/3/data", ArtifactDigest("4" * 64), "part", Deliver.MOUNT),),
    resources=Resources(gpu=1, memory_bytes=5),
    run="r-1",
    checkpoint="f~1/last",
    gpus=(3,),
    secrets={"TOKEN": "hush-hush"},
)


@pytest.mark.parametrize(
    "image", [PYTHON, ContainerImage("r/i:1", "sha256:00"), BuiltImage(".", "Dockerfile", {".": "abc"}, {"b": "c"})]
)
def test_a_job_comes_back_as_it_was_but_for_the_values_of_secrets(image: Image) -> None:
    job = replace(JOB, action=replace(ACTION, image=image))
    text = job_text(job)

    assert b"hush-hush" not in text
    assert restored_job(json.loads(text)) == replace(job, secrets={})
    assert list(restored_job(json.loads(text)).action.code) == ["src", "lib"]


def test_what_is_no_stored_job_is_refused() -> None:
    plain = json.loads(job_text(JOB))
    for wrong in (
        None,
        {},
        {**plain, "attempt": "two"},
        {**plain, "action": {**plain["action"], "image": {"kind": "x"}}},
    ):
        with pytest.raises(msgspec.MsgspecError):
            restored_job(wrong)
