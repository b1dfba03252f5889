"""Who an image knows is read whole, whoever else reads it at the same time."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from container_maker import Containers
from msgspec.structs import replace

from traintrack.errors import HostError
from traintrack.runners.container.account_reading import READER, reader_name
from traintrack.runners.container.accounts import Account, AccountFiles
from traintrack.runners.container.engine import Build, ContainerId, Engine, LocalImage


@pytest.fixture
def image(engine: Engine, shell_image: str, tmp_path: Path) -> LocalImage:
    """An image that knows the user `app`."""
    (tmp_path / "Dockerfile").write_text(f"FROM {shell_image}\nCOPY passwd /etc/passwd\nUSER app\n")
    (tmp_path / "passwd").write_text("app:x:1234:1235:app:/app:/bin/sh\n")
    return engine.build(Build(tmp_path, "Dockerfile", "localhost/tt-accounts:1"), tmp_path / "build.log")


def test_a_reader_whose_container_another_removes_reads_again(
    engine: Engine, image: LocalImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = remove_after_wait(engine, monkeypatch, times=2)

    known = AccountFiles(tmp_path / "accounts").of(image, engine)

    assert known.account("app") == Account("app", 1234, 1235)
    assert len(waited) >= 3


def test_a_reader_who_never_sees_the_end_says_so_and_notes_nothing(
    engine: Engine, image: LocalImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        remove_after_wait(engine, patch, times=100)
        with pytest.raises(HostError, match="removed 5 times"):
            AccountFiles(tmp_path / "accounts").of(image, engine)

    assert AccountFiles(tmp_path / "accounts").of(image, engine).account("app") is not None


def test_what_a_dead_reader_left_is_removed_and_what_a_living_one_reads_is_not(
    engine: Engine, image: LocalImage, containers: Containers, tmp_path: Path
) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as reader:
        name = reader_name(reader.pid)
        living, dead = (ended(containers, image, {READER: word}) for word in (name, name.rsplit(" ", 1)[0] + " 1"))

        AccountFiles(tmp_path / "accounts").of(image, engine)

        assert set(engine.inspect([living, dead])) == {living}


def ended(containers: Containers, image: LocalImage, labels: Mapping[str, str]) -> ContainerId:
    """A container that has read an image's accounts."""
    spec = containers.spec("cat", "/etc/passwd")
    spec = replace(spec, labels={**spec.labels, "traintrack.accounts": image.id, **labels})
    return containers.run(spec).id


def remove_after_wait(engine: Engine, patch: pytest.MonkeyPatch, times: int) -> set[ContainerId]:
    """Let containers be removed, as another would, just when their end is known; return whose end was."""
    waited: set[ContainerId] = set()
    wait = engine.wait

    def wait_and_lose(container: ContainerId, timeout_s: float | None = None) -> bool:
        over = wait(container, timeout_s)
        waited.add(container)
        if len(waited) <= times:
            engine.remove([container])
        return over

    patch.setattr(engine, "wait", wait_and_lose)
    return waited
