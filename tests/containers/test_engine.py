"""What every container engine promises of a container's life."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from container_maker import LABEL, Containers
from msgspec.structs import replace

from traintrack.errors import HostError
from traintrack.runners.container.docker import DockerCli
from traintrack.runners.container.engine import ContainerId, Engine, Mount, Status
from traintrack.runners.container.podman import PodmanCli


def another(engine: Engine) -> Engine:
    """The engine as another process sees it, which started nothing."""
    if isinstance(engine, DockerCli):
        return DockerCli(engine.endpoint)
    assert isinstance(engine, PodmanCli)
    return PodmanCli(variables=engine.variables)


def test_an_engine_says_what_it_is(engine: Engine) -> None:
    found = engine.info()

    assert (found.name, found.rootless) == (engine.name, False)
    assert found.version
    assert found.platform == f"linux/{ {'x86_64': 'amd64', 'aarch64': 'arm64'}[os.uname().machine] }"


def test_the_output_is_in_the_log_complete_and_merged_when_wait_returns(containers: Containers) -> None:
    said = containers.said(containers.shell("seq 20000; echo right"))

    assert said == "".join(f"{number}\n" for number in range(1, 20001)) + "right\n"
    assert containers.said(containers.shell("echo wrong >&2")) == "wrong\n"


def test_the_log_is_written_while_the_container_runs(containers: Containers) -> None:
    container = containers.engine.start(containers.shell("echo begun; sleep 60"), containers.log)

    until(lambda: containers.log.read_text() == "begun\n")
    assert containers.inspect(container).status is Status.RUNNING
    assert containers.inspect(container).exit_code is None


@pytest.mark.parametrize("code", [0, 1, 7, 125, 126, 127, 137])
def test_an_exit_code_of_the_task_is_told_as_the_tasks_own(containers: Containers, code: int) -> None:
    found = containers.run(containers.shell(f"echo here; exit {code}"))

    assert (found.status, found.exit_code, found.error) == (Status.EXITED, code, "")
    assert found.started
    assert found.finished
    assert not found.out_of_memory


def test_a_missing_command_is_not_the_tasks_failure(containers: Containers) -> None:
    found = containers.run(containers.spec("no-such-program", "x"))

    assert (found.exit_code, found.started) == (127, "")
    assert "No such file" in found.error


def test_a_file_that_is_not_executable_is_not_the_tasks_failure(containers: Containers) -> None:
    found = containers.run(containers.spec("/etc/debian_version"))

    assert (found.exit_code, found.started) == (126, "")
    assert "ermission denied" in found.error


def test_a_refused_command_is_told_to_another_process_too(containers: Containers) -> None:
    made = containers.run(containers.spec("no-such-program"))

    found = another(containers.engine).inspect([made.id])[made.id]

    assert (found.exit_code, found.started) == (127, "")
    assert "No such file" in found.error


def test_a_container_that_cannot_be_started_tells_why_and_leaves_no_words_in_the_log(containers: Containers) -> None:
    file_upon_folder = Mount("/etc/hostname", "/usr")

    found = containers.run(replace(containers.shell("true"), mounts=(file_upon_folder,)))

    assert found.started == ""
    assert found.exit_code in (125, 126, 127)
    assert "not a directory" in found.error.lower()
    assert containers.log.read_text() == ""


def test_a_task_that_takes_too_much_memory_is_told_as_such(containers: Containers) -> None:
    eater = containers.spec("python3.11", "-c", "x = bytearray(1 << 28)")

    found = containers.run(replace(eater, memory_bytes=48 << 20))

    assert found.exit_code == 137
    assert found.out_of_memory
    assert another(containers.engine).inspect([found.id])[found.id].out_of_memory


def test_nothing_lies_beside_the_log_once_a_container_is_removed(containers: Containers) -> None:
    one = containers.engine.start(containers.shell("sleep 60"), containers.log)
    two = containers.engine.start(containers.shell("true"), containers.log)

    another(containers.engine).remove([one])
    containers.engine.remove([one, two])

    assert os.listdir(containers.log.parent) == ["log"]


def test_wait_gives_up_when_its_time_is_over_and_not_later(containers: Containers) -> None:
    container = containers.engine.start(containers.shell("sleep 60"), containers.log)

    begin = time.monotonic()
    assert not containers.engine.wait(container, 0.1)
    assert not another(containers.engine).wait(container, 0.1)
    assert time.monotonic() - begin < 5


def test_wait_ends_soon_after_the_container_for_who_did_not_start_it_too(containers: Containers) -> None:
    container = containers.engine.start(containers.shell("sleep 1; exit 3"), containers.log)
    foreign = another(containers.engine)

    assert foreign.wait(container, 60)
    assert foreign.inspect([container])[container].exit_code == 3


def test_wait_for_a_container_that_another_process_just_makes_waits_for_its_end_too(containers: Containers) -> None:
    foreign = another(containers.engine)
    for _ in range(5):
        container = containers.engine.start(containers.shell("exit 3"), containers.log)

        assert foreign.wait(container, 60)
        assert foreign.inspect([container])[container].exit_code == 3


def test_a_killed_client_leaves_the_container_running_and_findable_and_the_log_complete(containers: Containers) -> None:
    spec = containers.shell("echo one; sleep 2; echo two; exit 5")
    container = containers.engine.start(spec, containers.log)
    until(lambda: "one" in containers.log.read_text())
    kill_client(spec.name)

    (found,) = another(containers.engine).find({LABEL: containers.mark})
    assert (found.id, found.status) == (container, Status.RUNNING)
    assert containers.engine.wait(container, 60)
    assert containers.inspect(container).exit_code == 5
    assert containers.log.read_text() == "one\ntwo\n"


def test_another_process_reads_the_whole_log(containers: Containers, tmp_path: Path) -> None:
    found = containers.run(containers.shell("seq 3000; echo wrong >&2"))

    another(containers.engine).log(found.id, tmp_path / "again")

    # The two streams may be cut into each other anywhere.
    assert sorted((tmp_path / "again").read_text()) == sorted(containers.log.read_text())


def test_the_log_of_a_container_that_is_gone_cannot_be_read(containers: Containers, tmp_path: Path) -> None:
    with pytest.raises(HostError):
        containers.engine.log(ContainerId("f" * 64), tmp_path / "log")


def test_stop_asks_and_then_kills_all_at_once(containers: Containers) -> None:
    polite = containers.shell("trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.1; done")
    deaf = containers.shell("trap '' TERM; echo ready; while :; do sleep 0.1; done")
    one, two = containers.log.with_name("one"), containers.log.with_name("two")
    ids = [containers.engine.start(polite, one), containers.engine.start(deaf, two)]
    until(lambda: one.read_text() == two.read_text() == "ready\n")

    containers.engine.stop(ids, 1)

    assert [containers.inspect(id_).exit_code for id_ in ids] == [9, 137]
    assert all(containers.engine.wait(id_, 10) for id_ in ids)
    assert one.read_text() == "ready\nbye\n"


def test_a_program_without_handlers_ends_at_once_when_asked(containers: Containers) -> None:
    container = containers.engine.start(containers.spec("sleep", "60"), containers.log)

    begin = time.monotonic()
    containers.engine.stop([container], 30)

    assert time.monotonic() - begin < 15
    assert containers.inspect(container).exit_code == 143


def test_stop_just_after_start_is_heeded(containers: Containers) -> None:
    for _ in range(3):
        container = containers.engine.start(containers.shell("sleep 60"), containers.log)
        containers.engine.stop([container], 0)

        assert containers.engine.wait(container, 10)


def test_what_is_gone_is_no_error_for_stop_remove_inspect_and_wait(containers: Containers) -> None:
    gone = containers.run(containers.shell("true")).id
    containers.engine.remove([gone])

    containers.engine.remove([gone, ContainerId("f" * 64)])
    containers.engine.stop([gone], 1)
    assert containers.engine.inspect([gone]) == {}
    assert containers.engine.wait(gone, 5)
    assert another(containers.engine).wait(gone, 5)


def test_inspect_returns_those_that_exist(containers: Containers) -> None:
    there = containers.run(containers.shell("true"))

    assert containers.engine.inspect([ContainerId("f" * 64), there.id]) == {there.id: there}
    assert containers.engine.inspect([]) == {}


def test_remove_ends_a_running_container_and_its_client(containers: Containers) -> None:
    container = containers.engine.start(containers.shell("sleep 60"), containers.log)

    containers.engine.remove([container])

    assert containers.engine.find({LABEL: containers.mark}) == []
    assert containers.engine.wait(container, 5)


def test_two_may_remove_the_same_containers_at_once(containers: Containers) -> None:
    ids = [containers.engine.start(containers.shell("sleep 60"), containers.log) for _ in range(3)]
    errors: list[Exception] = []

    def remove() -> None:
        try:
            another(containers.engine).remove(ids)
        except HostError as error:
            errors.append(error)

    threads = [threading.Thread(target=remove) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    containers.engine.remove(ids)

    assert errors == []
    assert containers.engine.find({LABEL: containers.mark}) == []


def test_find_wants_every_label_and_an_empty_value_is_any(containers: Containers) -> None:
    spec = containers.shell("true")
    both = containers.run(replace(spec, labels={**spec.labels, "traintrack.other": "a=b, c"}))
    containers.run(containers.shell("exit 1"))

    mark = {LABEL: containers.mark}
    assert [one.id for one in containers.engine.find({**mark, "traintrack.other": ""})] == [both.id]
    assert [one.id for one in containers.engine.find({**mark, "traintrack.other": "a=b, c"})] == [both.id]
    assert containers.engine.find({**mark, "traintrack.other": "a"}) == []
    assert len(containers.engine.find(mark)) == 2
    assert containers.inspect(both.id).labels["traintrack.other"] == "a=b, c"


def test_a_name_in_use_is_refused_in_words(containers: Containers) -> None:
    spec = containers.shell("true")
    containers.run(spec)

    with pytest.raises(HostError, match=spec.name) as caught:
        containers.engine.start(spec, containers.log)

    assert caught.value.code == "name-in-use"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"image": "localhost/no/such:1"}, "no-such-image"),
        ({"image": "sha256:" + "0" * 64}, "no-such-image"),
        ({"network": True, "name": "-"}, "container-not-made"),
    ],
)
def test_what_cannot_be_made_says_why_and_leaves_no_container(
    containers: Containers, change: dict[str, object], code: str
) -> None:
    spec = replace(containers.shell("true"), **change)

    with pytest.raises(HostError) as caught:
        containers.engine.start(spec, containers.log)

    assert caught.value.code == code
    assert caught.value.hint
    assert containers.engine.find({LABEL: containers.mark}) == []
    assert containers.log.read_text() == ""
    assert os.listdir(containers.log.parent) == ["log"]


def test_eight_starts_and_ends_at_once_are_kept_apart(containers: Containers) -> None:
    def one(number: int) -> None:
        log = containers.log.with_name(f"log-{number}")
        container = containers.engine.start(containers.shell(f"echo {number}; exit {number}"), log)
        assert containers.engine.wait(container, 120)
        ends[number] = (containers.inspect(container).exit_code, log.read_text())

    ends: dict[int, tuple[int | None, str]] = {}
    threads = [threading.Thread(target=one, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ends == {number: (number, f"{number}\n") for number in range(1, 9)}


def kill_client(name: str) -> None:
    """Kill the program that stands in the foreground of this container, and nothing else of it."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if name.encode() in words and b"run" in words and words[0] in (b"docker", b"podman"):
            os.kill(int(path.parent.name), signal.SIGKILL)
            return
    raise AssertionError("no client")


def until(condition: Callable[[], bool], timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
