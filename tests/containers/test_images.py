"""Images as a run gets them: fetched by digest, built once from what git has, pushed for others; on both engines."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import engines
import pytest

from traintrack.action.action import Action
from traintrack.action.image import ContainerImage
from traintrack.app.hash_targets import hash_targets
from traintrack.app.lock import lock
from traintrack.app.materials import GitMaterials
from traintrack.app.project import action_graph
from traintrack.errors import CancelledError, HostError
from traintrack.ports.storage import Kept
from traintrack.runners.container.engine import Build, ContainerSpec, Engine, LocalImage
from traintrack.runners.container.images import Images, identity_of
from traintrack.runners.container.podman import PodmanCli
from traintrack.storages.local import open_local
from traintrack.storages.registry.client import Registries

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit" / "app"))
from small_workspace import FILES, Small

PLATFORM = "linux/amd64"
NEVER = threading.Event()
WORKSPACE = FILES["TTWORKSPACE.yaml"].replace(
    "images:\n", "images:\n  built: {build: {context: docker, args: {WORD: from the args}}}\n"
)
CONFIG = "targets:\n  t: {task: t, image: built, commit: HEAD}\n"


class Counted:
    """An engine that counts what it is asked to do at length; `slow` is done before each build."""

    def __init__(self, engine: Engine, slow: Callable[[], None] = lambda: None) -> None:
        self._engine, self._slow = engine, slow
        self.pulled: list[str] = []
        self.built: list[str] = []
        self.pushed: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def pull(self, ref: str, platform: str | None = None) -> LocalImage:
        self.pulled.append(ref)
        return self._engine.pull(ref, platform)

    def build(self, build: Build, log: Path) -> LocalImage:
        self.built.append(build.tag)
        self._slow()
        return self._engine.build(build, log)

    def push(self, image: str, ref: str) -> str:
        self.pushed.append(ref)
        return self._engine.push(image, ref)


class Bench:
    """An engine, a registry with a base image of this test's own, and a workspace whose image builds upon it."""

    def __init__(self, engine: Engine, variables: Mapping[str, str], registry: str, root: Path, shell: str) -> None:
        self.engine, self.registry, self.root = engine, registry, root
        self._variables = variables
        self._shell = shell
        self.base = f"{registry}/{secrets.token_hex(4)}/base:1"
        self.push_base("first")

    def push_base(self, word: str) -> str:
        """Push an image that holds `word` in `/word` under the base's tag, and return its digest."""
        folder = self.root / f"base-{word}"
        folder.mkdir()
        (folder / "word").write_text(word)
        (folder / "Dockerfile").write_text(f"FROM {self._shell}\nCOPY word /word\n")
        made = self.engine.build(Build(folder, "Dockerfile", f"localhost/tt-base-{word}:1"), self.root / "base.log")
        return self.engine.push(made.id, self.base)

    def workspace(self, dockerfile: str, **files: str) -> Small:
        """A workspace with a Dockerfile folder, its pins locked at the real registry."""
        more = {f"docker/{name}": text for name, text in files.items()}
        small = Small(
            self.root / secrets.token_hex(4),
            {"TTWORKSPACE.yaml": WORKSPACE, "docker/Dockerfile": dockerfile, "a/TTCONFIG.yaml": CONFIG, **more},
        )
        report = lock(small.project(), ["//a:t"], digests=Registries(os.environ))
        assert report.missing == ()
        return small

    def action(self, small: Small) -> Action:
        [action] = action_graph(small.project(), ["//a:t"]).actions.values()
        return action

    def kept(self, small: Small, name: str = "store") -> Kept:
        """The storage, with what the target's image is built from."""
        kept = open_local(small.root / name).kept
        GitMaterials(small.project(), kept).provide(self.action(small))
        return kept

    def images(self, kept: Kept, engine: Any = None, registry: str | None = None) -> Images:
        return Images(engine or self.engine, kept, self.root / "images", registry)

    def provide(self, small: Small, engine: Any = None) -> LocalImage:
        return self.images(self.kept(small), engine).provide(self.action(small).image, PLATFORM, NEVER)

    def say(self, image: LocalImage, *command: str) -> str:
        """What a command says in a container of the image."""
        log = self.root / f"{secrets.token_hex(4)}.log"
        spec = ContainerSpec(f"tt-{secrets.token_hex(6)}", image.id, {"traintrack-test": "1"}, command)
        container = self.engine.start(spec, log)
        assert self.engine.wait(container, 60)
        self.engine.remove([container])
        return log.read_text()

    def forget(self, *names: str) -> None:
        """Remove images from the engine."""
        for name in names:
            done = subprocess.run(
                [self.engine.name, "rmi", "-f", name],
                env={**os.environ, **self._variables},
                capture_output=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr


@pytest.fixture(params=["docker", "podman"])
def bench(request: pytest.FixtureRequest, registry: str, shell_image: str, tmp_path: Path) -> Bench:
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    variables = request.getfixturevalue(f"{request.param}_variables")
    if request.param == "podman":
        variables = _podman_that_builds(variables, tmp_path)
        engine = PodmanCli(variables=variables)
    return Bench(engine, variables, registry, tmp_path, shell_image)


def _podman_that_builds(variables: Mapping[str, str], folder: Path) -> Mapping[str, str]:
    """The tests' podman with a file of logins. That crun builds nothing on some machines is the engine's to mend."""
    (folder / "auth.json").write_text("{}")
    return {**variables, "REGISTRY_AUTH_FILE": str(folder / "auth.json")}


def test_a_pinned_image_is_fetched_by_its_digest_though_the_tag_has_moved(bench: Bench, tmp_path: Path) -> None:
    pinned = Registries(os.environ).digest(bench.base)
    bench.push_base("second")
    bench.forget(bench.base)
    engine = Counted(bench.engine)

    image = ContainerImage(bench.base, pinned)
    local = bench.images(open_local(tmp_path / "store").kept, engine).provide(image, PLATFORM, NEVER)

    assert bench.say(local, "cat", "/word") == "first"
    assert identity_of(image, local) == pinned
    assert local.platform == PLATFORM


def test_an_image_that_is_here_is_not_fetched_again(bench: Bench, tmp_path: Path) -> None:
    image = ContainerImage(bench.base, Registries(os.environ).digest(bench.base))
    kept = open_local(tmp_path / "store").kept
    bench.images(kept).provide(image, PLATFORM, NEVER)
    engine = Counted(bench.engine)

    bench.images(kept, engine).provide(image, PLATFORM, NEVER)

    assert engine.pulled == []


def test_a_digest_that_no_registry_has_is_told_as_such(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(HostError) as missed:
        bench.images(open_local(tmp_path / "store").kept).provide(
            ContainerImage(bench.base, "sha256:" + "ab" * 32), PLATFORM, NEVER
        )

    assert missed.value.code == "no-such-image"


def test_an_image_for_another_platform_is_refused(bench: Bench, tmp_path: Path) -> None:
    image = ContainerImage(bench.base, Registries(os.environ).digest(bench.base))

    with pytest.raises(HostError) as refused:
        bench.images(open_local(tmp_path / "store").kept).provide(image, "linux/s390x", NEVER)

    assert refused.value.code == "wrong-platform"


def test_a_build_starts_from_the_pinned_base_and_not_from_where_the_tag_points_now(bench: Bench) -> None:
    dockerfile = (
        f"ARG FROM_HERE={bench.base}\nFROM {bench.base} AS word\nFROM ${{FROM_HERE}}\nARG WORD\n"
        f'RUN echo "$WORD" > /arg\nCOPY --from=word /word /copied\n'
    )
    small = bench.workspace(dockerfile)
    bench.push_base("second")
    bench.forget(bench.base)

    local = bench.provide(small)

    assert bench.say(local, "cat", "/word", "/copied", "/arg") == "firstfirstfrom the args\n"


def test_a_build_has_the_files_of_the_commit_with_their_modes_and_less_what_is_ignored(bench: Bench) -> None:
    files = {".dockerignore": "secret*\n", "tool.sh": "#!/bin/sh\necho old\n", "secret.txt": "x", "sub/a": "a"}
    small = bench.workspace(f"FROM {bench.base}\nCOPY . /c\n", **files)
    (small.root / "docker" / "tool.sh").chmod(0o755)
    small.commit("Make it a program")
    small.write("docker/uncommitted", "x")

    local = bench.provide(small)

    assert bench.say(local, "/c/tool.sh") == "old\n"
    listed = bench.say(local, "ls", "-A", "/c", "/c/sub").split()
    assert listed == ["/c:", ".dockerignore", "Dockerfile", "sub", "tool.sh", "/c/sub:", "a"]
    assert bench.say(local, "cat", "/c/Dockerfile") == f"FROM {bench.base}\nCOPY . /c\n"


def test_two_runs_at_once_build_once(bench: Bench) -> None:
    small = bench.workspace(f"FROM {bench.base}\nRUN echo {secrets.token_hex(4)} > /x\n")
    both = threading.Barrier(2)
    engine = Counted(bench.engine)
    kept, image = bench.kept(small), bench.action(small).image

    def one(_: int) -> str:
        images = bench.images(kept, engine)
        both.wait(30)
        return images.provide(image, PLATFORM, NEVER).id

    with ThreadPoolExecutor(2) as pool:
        found = set(pool.map(one, range(2)))

    assert len(found) == 1
    assert len(engine.built) == 1


def test_who_waits_for_the_build_of_another_can_be_stopped(bench: Bench) -> None:
    small = bench.workspace(f"FROM {bench.base}\nRUN echo {secrets.token_hex(4)} > /x\n")
    kept, image = bench.kept(small), bench.action(small).image
    begun, go_on, cancelled = threading.Event(), threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert go_on.wait(60)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(bench.images(kept, Counted(bench.engine, slow)).provide, image, PLATFORM, NEVER)
        assert begun.wait(60)
        cancelled.set()
        with pytest.raises(CancelledError):
            bench.images(kept).provide(image, PLATFORM, cancelled)
        go_on.set()
        first.result()


def test_what_was_built_is_found_again_and_built_anew_only_when_it_is_gone(bench: Bench) -> None:
    small = bench.workspace(f"FROM {bench.base}\nRUN echo {secrets.token_hex(4)} > /x\n")
    engine = Counted(bench.engine)
    first = bench.provide(small, engine)

    again = bench.provide(small, engine)
    assert (again.id, len(engine.built)) == (first.id, 1)

    bench.forget(first.id)
    bench.provide(small, engine)
    assert len(engine.built) == 2


def test_a_build_that_fails_shows_its_last_lines_and_where_the_rest_is(bench: Bench) -> None:
    small = bench.workspace(f"FROM {bench.base}\nRUN seq 1 100 && echo it broke && exit 3\n")

    with pytest.raises(HostError) as failed:
        bench.provide(small)

    assert failed.value.code == "build-failed"
    assert failed.value.message == "the image of `docker/Dockerfile` cannot be built"
    assert "it broke" in failed.value.details
    assert len(failed.value.details) <= 20
    log = Path((failed.value.hint or "").rpartition(" ")[2])
    assert "\n50\n" in log.read_text()
    assert [path.suffix for path in log.parent.iterdir() if path.stem == log.stem and path.is_dir()] == []


def test_what_is_built_is_pushed_and_fetched_by_a_machine_that_has_nothing(bench: Bench) -> None:
    small = bench.workspace(f"FROM {bench.base}\nRUN echo {secrets.token_hex(4)} > /x\n")
    image = bench.action(small).image
    shared = f"{bench.registry}/{secrets.token_hex(4)}/built"
    engine = Counted(bench.engine)
    first = bench.images(bench.kept(small), engine, shared).provide(image, PLATFORM, NEVER)
    words = bench.say(first, "cat", "/x")
    assert (len(engine.built), len(engine.pushed)) == (1, 1)
    bench.forget(first.id)

    same_store = bench.images(bench.kept(small), engine, shared).provide(image, PLATFORM, NEVER)
    assert bench.say(same_store, "cat", "/x") == words
    bench.forget(same_store.id)
    other_store = bench.images(bench.kept(small, "other"), engine, shared).provide(image, PLATFORM, NEVER)
    assert bench.say(other_store, "cat", "/x") == words

    [tag] = engine.pushed
    assert len(engine.built) == 1
    by_digest = f"{shared}@{Registries(os.environ).digest(tag)}"
    pulled = [name for name in engine.pulled if name.startswith(shared)]
    assert pulled == [tag, by_digest, tag], "nobody had pushed it, the store knows it, the tag has it"
    assert identity_of(image, first) == identity_of(image, other_store)
    assert f"{shared}@{identity_of(image, first)}" == by_digest


def test_the_digest_of_a_tag_is_what_the_engine_pushed(bench: Bench) -> None:
    digest = bench.push_base("third")

    assert Registries(os.environ).digest(bench.base) == digest
    with pytest.raises(HostError) as missed:
        Registries(os.environ).digest(f"{bench.base}-not")
    assert missed.value.code == "no-such-image"


def test_a_guarded_registry_is_asked_with_the_login_of_docker(guarded_registry: str, tmp_path: Path) -> None:
    def registries() -> Registries:
        return Registries({"HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path)})

    with pytest.raises(HostError) as refused:
        registries().digest(f"{guarded_registry}/x:1")
    assert refused.value.code == "registry-denied"
    assert refused.value.hint == f"docker login {guarded_registry}"

    login = {"username": engines.USER, "password": engines.PASSWORD}
    (tmp_path / "config.json").write_text(json.dumps({"auths": {guarded_registry: login}}))
    with pytest.raises(HostError) as missed:
        registries().digest(f"{guarded_registry}/x:1")
    assert missed.value.code == "no-such-image", "the login was let in"


def test_the_id_of_a_built_image_follows_its_base(bench: Bench) -> None:
    small = bench.workspace(f"FROM {bench.base}\n")
    [before] = hash_targets(small.project(), ["//a:t"])
    bench.push_base("second")

    [unmoved] = hash_targets(small.project(), ["//a:t"])
    report = lock(small.project(), [], update="//a:t", digests=Registries(os.environ))
    [after] = hash_targets(small.project(), ["//a:t"])

    assert unmoved.id == before.id
    assert after.id != before.id
    assert report.changed == ("//a:t",)
