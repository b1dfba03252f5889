"""What a container finds: variables, mounts, limits, rights and no network."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from container_maker import Containers
from msgspec.structs import replace

from traintrack.errors import HostError
from traintrack.runners.container.engine import Memory, Mount

AWKWARD = {
    "PLAIN": "a value",
    "EMPTY": "",
    "LINES": "one\ntwo\n\nthree\n",
    "RETURNS": "a\r\nb\r",
    "QUOTES": "\"'`$HOME` \\n \\",
    "SPACES": "  kept  \t",
    "COMMENT": "# no comment",
    "EQUALS": "a=b=c",
    "WIDE": "grün 数 🚂",
    "LONG": "x" * 40_000,
    "JSON": '{"a": ["b", 1]}',
    "lower.dotted-name": "x",
    # What the engine's own program would heed, were it given to it.
    "PATH": "/usr/bin:/bin:/opt/x",
    "HOME": "/tmp/home",
    "DOCKER_HOST": "tcp://192.0.2.1:1",
    "DOCKER_CONFIG": "/nowhere",
    "CONTAINERS_STORAGE_CONF": "/nowhere",
    "CONTAINER_HOST": "tcp://192.0.2.1:1",
    "LD_PRELOAD": "/nowhere.so",
    "GODEBUG": 'x="y"',
    "HTTPS_PROXY": "http://192.0.2.1:1",
    "XDG_RUNTIME_DIR": "/nowhere",
    "TMPDIR": "/tmp",
    "_": "x",
}


def test_every_variable_reaches_the_task_unchanged(containers: Containers) -> None:
    show = containers.spec("python3.11", "-c", "import json, os; print(json.dumps(dict(os.environ)))")

    said = containers.said(replace(show, environment=AWKWARD))

    found = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    assert {name: found.get(name) for name in AWKWARD} == AWKWARD


def test_nothing_of_the_callers_environment_reaches_the_task(
    containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CALLERS_SECRET", "http_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://leaked.invalid")

    assert "leaked" not in containers.said(containers.shell("env"))


def test_a_value_that_can_reach_the_task_only_through_the_program_and_would_change_it_is_refused(
    containers: Containers,
) -> None:
    spec = replace(containers.shell("true"), environment={"LD_PRELOAD": "a\nb"})

    with pytest.raises(HostError, match="LD_PRELOAD") as caught:
        containers.engine.start(spec, containers.log)

    assert caught.value.code == "variable-not-passable"


def test_values_stand_in_no_argument_list(containers: Containers) -> None:
    values = {"LINE": "token-of-a-line", "LINES": "token-of\nlines", "HOME": "/token-of-home"}
    spec = replace(containers.shell("sleep 60"), environment=values)
    containers.engine.start(spec, containers.log)

    shown = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]

    assert any(spec.name.encode() in words for words in shown)
    assert not any(b"token-of" in words for words in shown)
    assert not any("token-of" in word for word in containers.engine.command(spec))


def test_the_command_runs_the_same_by_hand(containers: Containers, request: pytest.FixtureRequest) -> None:
    variables = request.getfixturevalue(f"{containers.engine.name}_variables")
    containers.said(containers.shell("true"))
    spec = replace(containers.shell('echo "$WORD in $PWD"'), environment={"WORD": "here"}, work="/usr")

    done = subprocess.run(
        containers.engine.command(spec),
        env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **variables, "WORD": "here"},
        check=True,
        capture_output=True,
        text=True,
    )

    assert done.stdout == "here in /usr\n"


@pytest.mark.parametrize("name", ["plain", "with space", "with,comma", 'with"quote', "grün", "=x,y=z"])
def test_a_mount_of_any_name_is_read_only_or_writable_as_asked(
    containers: Containers, tmp_path: Path, name: str
) -> None:
    source = tmp_path / name
    source.mkdir()
    (source / "file").write_text("content")
    spec = containers.shell("cat /in/file; (echo more > /in/file) 2>/dev/null || echo refused; echo made > /out/made")
    mounts = (Mount(str(source), "/in"), Mount(str(source), "/out", read_only=False))

    said = containers.said(replace(spec, mounts=mounts))

    assert said.startswith("content")
    assert "refused" in said
    assert (source / "made").read_text() == "made\n"
    assert (source / "file").read_text() == "content"


def test_a_mount_that_is_not_there_is_not_made(containers: Containers, tmp_path: Path) -> None:
    spec = replace(containers.shell("true"), mounts=(Mount(str(tmp_path / "missing"), "/in"),))

    with pytest.raises(HostError) as caught:
        containers.engine.start(spec, containers.log)

    assert caught.value.code == "no-such-mount"
    assert not (tmp_path / "missing").exists()


def test_the_root_is_read_only_or_writable_as_asked(containers: Containers) -> None:
    script = "touch /usr/x 2>/dev/null && echo written || echo refused"

    assert containers.said(containers.shell(script)) == "refused\n"
    assert containers.said(replace(containers.shell(script), read_only=False)) == "written\n"


def test_a_memory_file_system_is_as_large_as_asked_and_runs_programs(containers: Containers) -> None:
    spec = containers.shell(
        "stat -c %a /m; cp /bin/echo /m/say && /m/say ran; head -c 3000000 /dev/zero > /m/big || echo full"
    )

    said = containers.said(replace(spec, memories=(Memory("/m", 1 << 20, 0o1770),)))

    assert said.startswith("1770\nran\n")
    assert said.endswith("full\n")


def test_a_read_only_container_gets_no_memory_that_was_not_asked_for(containers: Containers) -> None:
    spec = containers.shell(
        "touch /tmp/x /run/x /var/tmp/x 2>/dev/null; ls -A /tmp /run /var/tmp | grep x || echo none"
    )

    assert containers.said(spec) == "none\n"


def test_user_and_rights_are_the_least(containers: Containers, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    spec = containers.shell("id -u; id -g; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status; touch /out/made")

    said = containers.said(replace(spec, user="1234:2345", mounts=(Mount(str(tmp_path), "/out", read_only=False),)))

    assert said.split() == ["1234", "2345", "CapEff:", "0" * 16, "CapBnd:", "0" * 16, "NoNewPrivs:", "1"]
    made = (tmp_path / "made").stat()
    assert (made.st_uid, made.st_gid) == (1234, 2345)


def test_root_in_the_container_has_no_rights_either(containers: Containers) -> None:
    assert containers.said(containers.shell("grep ^CapEff /proc/self/status")).split()[1] == "0" * 16


def test_a_container_has_no_network_but_loopback(containers: Containers) -> None:
    assert containers.said(containers.shell("ls /sys/class/net")) == "lo\n"


def test_limits_are_enforced(containers: Containers) -> None:
    spec = containers.shell("df -B1 --output=size /dev/shm | tail -1; (for i in $(seq 40); do sleep 5 & done; wait)")

    found = containers.run(replace(spec, shm_bytes=3 << 20, pids=20, cpus=0.5, memory_bytes=64 << 20))

    said = containers.log.read_text()
    assert str(3 << 20) in said.split()
    assert "annot fork" in said
    assert found.exit_code != 0


def test_entrypoint_command_and_folder_are_as_asked(containers: Containers) -> None:
    spec = replace(containers.spec("-c", "pwd; echo $0 $1", "a b", "c"), entrypoint=("sh", "-u"), work="/usr/bin")

    assert containers.said(spec) == "/usr/bin\na b c\n"
    assert containers.said(replace(containers.spec("echo", "--rm"), entrypoint=())) == "--rm\n"


def test_an_image_without_a_shell_runs(containers: Containers, minimal_image: str) -> None:
    spec = replace(containers.spec("/bin/busybox", "echo", "small"), image=minimal_image)

    assert containers.said(spec) == "small\n"


def test_another_platform_than_the_images_is_refused(containers: Containers) -> None:
    spec = replace(containers.shell("true"), platform="linux/s390x")

    with pytest.raises(HostError) as caught:
        containers.engine.start(spec, containers.log)

    assert caught.value.code in ("wrong-platform", "no-such-image")
    assert caught.value.hint
