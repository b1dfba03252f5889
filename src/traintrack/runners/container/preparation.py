"""From a job to a container that only has to be started: image, code, inputs, configuration, secrets, user."""

from __future__ import annotations

import os
import pwd
import threading
from collections.abc import Callable
from urllib.parse import quote

from msgspec import Struct

from traintrack.action.action import Deliver
from traintrack.action.config import render_config
from traintrack.action.failure import FailureClass
from traintrack.action.image import BuiltImage, ContainerImage, PythonImage
from traintrack.action.job import Job
from traintrack.errors import HostError, InternalError
from traintrack.ports.sources import Origins
from traintrack.ports.storage import Artifacts, Ledger, Staging
from traintrack.runners.container.accounts import Account, AccountFiles
from traintrack.runners.container.engine import Engine, EngineInfo, LocalImage, Mount
from traintrack.runners.container.images import Images
from traintrack.runners.container.isolation import task_user
from traintrack.runners.container.jobs import ContainerJob, ContainerJobs
from traintrack.runners.container.secret_folder import file_variables, needs_shell, write_secrets
from traintrack.runners.container.spec import INPUTS, Prepared
from traintrack.runners.contract.checkpoints import Checkpoints
from traintrack.runners.contract.code_folder import CodeStore
from traintrack.runners.contract.copies import copy_tree
from traintrack.runners.contract.ending import AttemptFailedError, of_error
from traintrack.runners.contract.failed_attempts import FailedAttempts
from traintrack.runners.contract.inputs import stage_inputs
from traintrack.runners.contract.skeleton import Skeleton
from traintrack.runners.contract.skeleton_pool import SkeletonPool
from traintrack.runners.contract.stage import Stage

MOST_INPUT_MOUNTS = 64


class World(Struct, frozen=True):
    """All that attempts work with; one per runner."""

    staging: Staging
    artifacts: Artifacts
    ledger: Ledger
    engine: Engine
    info: EngineInfo
    images: Images
    accounts: AccountFiles
    code: CodeStore
    checkpoints: Checkpoints
    attempts: FailedAttempts
    jobs: ContainerJobs
    skeletons: SkeletonPool
    origins: Origins | None = None


def provide_image(job: Job, world: World, cancelled: threading.Event) -> LocalImage:
    """Return the image of a job.

    Raises:
        AttemptFailedError: it cannot be had.
        CancelledError: `cancelled` was set meanwhile.
    """
    image = container_image(job)
    platform = world.info.platform if job.action.platform == "any" else job.action.platform
    try:
        return world.images.provide(image, platform, cancelled)
    except HostError as error:
        raise AttemptFailedError(of_error(error, FailureClass.IMAGE)) from error


def container_image(job: Job) -> ContainerImage | BuiltImage:
    """Return the image of a job, which is no Python environment: those were sent elsewhere."""
    image = job.action.image
    if isinstance(image, PythonImage):
        raise InternalError("a Python image was to run in a container", code="runner")
    return image


def prepare(job: Job, noted: ContainerJob, image: LocalImage, skeleton: Skeleton, world: World) -> Prepared:
    """Fill the attempt's folder, which is that of the skeleton.

    Raises:
        AttemptFailedError: there is no such user in the image.
        TraintrackError: code, an input or a secret is not there.
        OSError: something cannot be written.
    """
    action = job.action
    stage = Stage(noted.stage, noted.out)
    code = world.code.read(action.code)
    skeleton.furnish(code)
    mounts, texts = _inputs(job, stage, world)
    skeleton.write_config(render_config(action, texts))
    folder = f"{job.attempt}.{noted.marker[:12]}"
    checkpoints = world.checkpoints.begin(job.flight, folder, job.checkpoint, stage.spare)
    user, files = _user(job, image, world)
    _give((stage.out, stage.work, stage.home, stage.temporary, checkpoints), user)
    return Prepared(
        stage,
        code,
        mounts,
        checkpoints,
        user,
        files,
        write_secrets(action.secrets, job.secrets, noted.marker, user),
        needs_shell(action.secrets),
        file_variables(action.secrets),
    )


def take_back(folders: tuple[str, ...]) -> None:
    """Make everything in folders the caller's again, where a task was another user.

    Raises:
        OSError: that is not allowed.
    """
    if os.geteuid() != 0:
        return
    for folder in folders:
        if os.path.isdir(folder) and os.lstat(folder).st_uid != 0:
            _walk(folder, lambda path: os.chown(path, 0, os.getegid(), follow_symlinks=False))


def _inputs(job: Job, stage: Stage, world: World) -> tuple[tuple[Mount, ...], dict[tuple[str | int, ...], str]]:
    """The mounts of the inputs, and what stands in the configuration for each."""
    staged = stage_inputs(job.inputs, world.artifacts, stage.inputs, world.origins)
    texts, mounts = {}, []
    for item, found in zip(job.inputs, staged, strict=True):
        texts[item.arg_path] = f"{INPUTS}/{item.folder}" if found.source else found.text
        if item.deliver is Deliver.URI and found.source:
            texts[item.arg_path] = f"file://{quote(f'{INPUTS}/{item.folder}')}"
        if found.source:
            mounts.append(Mount(os.path.realpath(found.source), f"{INPUTS}/{item.folder}"))
    if len(mounts) <= MOST_INPUT_MOUNTS:
        return tuple(mounts), texts
    return (_copied(mounts, stage),), texts


def _copied(mounts: list[Mount], stage: Stage) -> Mount:
    """One folder with copies of all inputs: the kernel sets up hundreds of mounts slower than it copies."""
    top = f"{stage.temporary}.inputs"
    for mount in mounts:
        copy_tree(mount.source, f"{top}/{mount.target.removeprefix(f'{INPUTS}/')}")
    return Mount(top, INPUTS)


def _user(job: Job, image: LocalImage, world: World) -> tuple[Account, tuple[str, str]]:
    accounts = world.accounts.of(image, world.engine)
    loosened = job.action.isolation
    try:
        user = task_user(loosened, own_account(world.info), accounts.account(image.user), image.user)
    except HostError as error:
        raise AttemptFailedError(of_error(error, FailureClass.IMAGE)) from error
    name, passwd, group = world.accounts.mounted(image, accounts, user)
    return Account(name, user.uid, user.gid), (str(passwd), str(group))


def own_account(info: EngineInfo) -> Account:
    """Return who the caller is in a container: root in that of a docker without root, which is the caller outside."""
    uid, gid = (0, 0) if info.rootless and info.name == "docker" else (os.geteuid(), os.getegid())
    try:
        return Account(pwd.getpwuid(uid).pw_name, uid, gid)
    except KeyError:
        return Account(f"user{uid}", uid, gid)


def _give(folders: tuple[str, ...], user: Account) -> None:
    if os.geteuid() == 0 and user.uid != 0:
        for folder in folders:
            os.chown(folder, user.uid, user.gid)


def _walk(top: str, act: Callable[[str], None]) -> None:
    act(top)
    for here, folders, names in os.walk(top):
        for name in (*folders, *names):
            act(os.path.join(here, name))
