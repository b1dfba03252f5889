"""The container of a job: paths, variables and limits, and what of it is recorded as enforced."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from msgspec.structs import replace

from traintrack.action.action import Action, Resources, Secret
from traintrack.action.image import ContainerImage
from traintrack.action.job import Job
from traintrack.digest import target_id
from traintrack.runners.container.accounts import Account
from traintrack.runners.container.engine import ContainerSpec, LocalImage, Mount
from traintrack.runners.container.isolation import isolation_of
from traintrack.runners.container.secret_folder import SECRETS, SHELL, read_secrets, write_secrets
from traintrack.runners.container.spec import MOST_CODE_MOUNTS, Prepared, container_spec
from traintrack.runners.contract.code_folder import CodeEntry, CodeKind, tree_of
from traintrack.runners.contract.secret_files import remove_secrets
from traintrack.runners.contract.stage import Stage
from traintrack.testing.runner_bench import make_job

ACTION = Action(id=target_id(b"{}"), preimage=b"{}", task="train", image=ContainerImage("x", "sha256:0"))
IMAGE = LocalImage(
    "sha256:1", (), "linux/amd64", entrypoint=("tool", "run"), environment={"PATH": "/opt/bin", "HOME": "/root"}
)
FILE = CodeEntry(CodeKind.FILE, b"")
PREPARED = Prepared(
    Stage("/s", "/o"), tree_of({"src/a.py": FILE}), (), "/c", Account("ann", 501, 20), ("/passwd", "/group")
)


def spec_of(job: Job, prepared: Prepared = PREPARED, image: LocalImage = IMAGE) -> ContainerSpec:
    return container_spec(job, prepared, image, "n", {})


def test_the_call_is_the_images_entrypoint_or_that_of_the_action() -> None:
    own = spec_of(make_job(ACTION))
    given = spec_of(make_job(replace(ACTION, entrypoint=("sh", "-e"))))

    assert (own.entrypoint, own.command) == (None, ("train", "/tt/config.yaml", "/tt/out"))
    assert (given.entrypoint, given.command) == (("sh", "-e"), ("train", "/tt/config.yaml", "/tt/out"))


def test_a_secret_as_a_variable_is_none_of_the_containers() -> None:
    secrets = (Secret("TOKEN", "TOKEN"),)
    prepared = replace(PREPARED, secrets="/dev/shm/x", shell_secrets=True)

    spec = spec_of(make_job(replace(ACTION, secrets=secrets), secrets={"TOKEN": "s3cret"}), prepared)

    assert spec.entrypoint == ("sh",)
    assert spec.command[-5:] == ("tool", "run", "train", "/tt/config.yaml", "/tt/out")
    assert "s3cret" not in str(spec)
    assert Mount("/dev/shm/x", SECRETS) in spec.mounts


def test_a_shell_makes_the_very_values_of_the_lines(tmp_path: Path) -> None:
    values = {"A": "it's", "B": "two\nlines\r\n", "C": '$HOME `x` \\ "q" \x01é', "D": "", "E": "file"}
    secrets = (*(Secret(name, name) for name in "ABCD"), Secret("E", "E", as_file=True))
    marker = f"test{tmp_path.name.replace('_', '')}".lower()
    folder = write_secrets(secrets, values, marker, Account("root", 0, 0))
    assert folder is not None
    script = SHELL[2].replace(SECRETS, folder)
    try:
        words = ["sh", "-c", script, "task", "env", "-0"]
        said = subprocess.run(words, capture_output=True, check=True, env={"PATH": "/usr/bin:/bin"}).stdout.decode()
        again = read_secrets(secrets, marker)
        missing = subprocess.run(["sh", "-c", script, "task", "no-such"], capture_output=True, check=False)
    finally:
        remove_secrets(marker)

    found = dict(item.split("=", 1) for item in said.split("\0") if item)
    assert {name: found[name] for name in "ABCD"} == {name: values[name] for name in "ABCD"}
    assert again == values
    assert read_secrets(secrets, marker) is None
    assert (missing.returncode, b"no-such" in missing.stdout) == (127, True)


def test_variables_are_those_of_the_contract_whatever_the_image_says() -> None:
    job = make_job(replace(ACTION, env={"TZ": "Europe/Berlin", "TRAINTRACK_ID": "mine"}), gpus=(3, 5))

    found = spec_of(job).environment

    assert (found["PATH"], found["HOME"], found["TMPDIR"]) == ("/opt/bin", "/tt/home", "/tmp")
    assert (found["USER"], found["TZ"], found["TRAINTRACK_ID"]) == ("ann", "Europe/Berlin", ACTION.id)
    assert found["CUDA_VISIBLE_DEVICES"] == "0,1"


def test_an_image_that_takes_every_gpu_gets_none_unasked() -> None:
    image = replace(IMAGE, environment={"NVIDIA_VISIBLE_DEVICES": "all"})

    assert spec_of(make_job(ACTION), image=image).environment["NVIDIA_VISIBLE_DEVICES"] == "void"
    assert "NVIDIA_VISIBLE_DEVICES" not in spec_of(make_job(ACTION, gpus=(0,)), image=image).environment


def test_limits_are_those_asked_for_and_shared_memory_is_half_of_the_memory() -> None:
    spec = spec_of(make_job(ACTION, resources=Resources(cpu=0.5, memory_bytes=1 << 30), gpus=(1,)))

    assert (spec.cpus, spec.memory_bytes, spec.shm_bytes, spec.gpus) == (0.5, 1 << 30, 1 << 29, (1,))
    assert (spec.user, spec.read_only, spec.network) == ("501:20", True, False)


def test_code_is_mounted_over_itself_and_links_stay_what_they_are() -> None:
    code = tree_of({"src/a.py": FILE, "run.sh": FILE, "latest": CodeEntry(CodeKind.LINK, b"src")})

    mounts = spec_of(make_job(ACTION), replace(PREPARED, code=code)).mounts

    over = [(m.source, m.read_only) for m in mounts if m.target.startswith("/tt/work/")]
    assert over == [("/s/work/run.sh", True), ("/s/work/src", True)]


def test_code_with_very_many_entries_is_not_mounted_one_by_one() -> None:
    code = tree_of({f"f{i}": FILE for i in range(MOST_CODE_MOUNTS + 1)})

    mounts = spec_of(make_job(ACTION), replace(PREPARED, code=code)).mounts

    assert not [m for m in mounts if m.target.startswith("/tt/work/")]


def test_what_is_not_asked_for_or_loosened_is_recorded_as_missing() -> None:
    tight = isolation_of(make_job(ACTION, resources=Resources(memory_bytes=1, disk_bytes=1)))
    loose = isolation_of(make_job(replace(ACTION, network=True, isolation={"user": "image", "root": "writable"})))

    assert tight.missing == ()
    assert tight.checked == ("outputs", "disk")
    assert set(loose.missing) == {"network", "memory", "user", "root file system", "disk"}
    assert not set(loose.missing) & set(loose.enforced)


def test_the_shell_words_are_one_script() -> None:
    assert SHELL[:2] == ("sh", "-c")
    assert len(shlex.split(SHELL[3])) == 1
