"""Tasks and images that mean harm, on docker and on podman: what they must not be able to do, and how each is told."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets as random
import socket
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from base_images import SHELL, archive
from container_bench import make_bench, ours, pushed
from msgspec.structs import replace

from traintrack.action.action import Resources, Secret
from traintrack.action.failure import FailureClass
from traintrack.action.image import ContainerImage
from traintrack.action.job import Handle, JobState
from traintrack.runners.container.engine import Build, Engine
from traintrack.runners.container.runner import ContainerRunner
from traintrack.runners.container.spec import MOST_CODE_MOUNTS, PROCESSES
from traintrack.runners.contract.secret_files import secret_folder
from traintrack.testing.runner_bench import Bench, Wanted, make_job

WAITS = 'echo began; while test ! -e "$TMPDIR/go"; do sleep 0.05; done; '
CHUNK = 1 << 20

# Every way to change a file, through every path to it; what worked is written down.
ATTACK = r"""
import ctypes, json, os, shutil, stat, sys
config, out = sys.argv[1:]
data = json.load(open(config))["data"]
libc = ctypes.CDLL(None, use_errno=True)
REMOUNT_BIND, NEW_USER_AND_MOUNTS, DETACH = 32 | 4096, 0x10000000 | 0x20000, 2
won = []

def tries(name, act, *args):
    try:
        if act(*args) == 0:
            won.append(name)
    except (OSError, ValueError):
        pass

def writes(path):
    with open(path, "r+b") as file:
        file.write(b"CHANGED")
    return 0

def opened_again(path):
    reader = os.open(path, os.O_RDONLY)
    os.close(os.open(f"/proc/self/fd/{reader}", os.O_RDWR))
    return 0

def by_hard_link(path):
    os.link(path, out + "/hard")
    return 0

def chmod(path):
    os.chmod(path, 0o777)
    return 0

def replaced(path):
    open("/tmp/new", "w").close()
    os.rename("/tmp/new", path)
    return 0

def unlinked(path):
    os.unlink(path)
    return 0

def created(path):
    open(os.path.dirname(path) + "/new", "w").close()
    return 0

def touched(path):
    os.utime(path, (0, 0))
    return 0

def marked(path):
    os.setxattr(path, "user.x", b"x")
    return 0

def remounted(path):
    return libc.mount(b"none", path.encode(), None, REMOUNT_BIND, None)

def unmounted(path):
    return libc.umount2(path.encode(), DETACH)

def moved(path):
    return libc.mount(b"/tmp", path.encode(), None, 4096, None)

ACTS = (remounted, unmounted, chmod, writes, opened_again, by_hard_link, replaced, unlinked, created, touched, marked)
TARGETS = {"input": data + "/x.txt", "top": data, "code": "/tt/work/src/task.sh", "config": config, "passwd": "/etc/passwd"}

def attack(who, acts):
    for name, path in TARGETS.items():
        link = "/tmp/link-" + name
        if not os.path.lexists(link):
            os.symlink(path, link)
        ways = {"": path, "link": link, "root": "/proc/self/root" + path, "init": "/proc/1/root" + path}
        for way, reached in ways.items():
            for act in acts:
                # What is done to the link itself, or beside it, is done in the task's own folder.
                if way == "link" and act in (created, replaced, unlinked, by_hard_link):
                    continue
                if name == "top" and act in (writes, opened_again, created, replaced, unlinked):
                    continue
                tries(f"{who} {act.__name__} {name} by {way or 'its path'}", act, reached)

# Last: what is mounted over a path hides it.
attack("task", (*ACTS, moved))
child = os.fork()
if child == 0:
    # In a user namespace of its own it would be root over its own mounts.
    if libc.unshare(NEW_USER_AND_MOUNTS) == 0:
        won.clear()
        attack("namespace", ACTS)
        json.dump(won, open("/tmp/child", "w"))
    os._exit(0)
os.waitpid(child, 0)
if os.path.exists("/tmp/child"):
    won += json.load(open("/tmp/child"))
json.dump(won, open(out + "/won", "w"))
"""

DAEMON = r"""
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.environ.clear()
        for number in range(100):
            try:
                os.close(number)
            except OSError:
                pass
        os.execv("/usr/bin/python3.11", ["python3.11", "-c", '''
import signal, sys, time
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    with open("/tt/out/x", "a") as file:
        file.write("x")
    time.sleep(0.001)
''', "TOKEN"])
    os._exit(0)
os.wait()
while not os.path.exists("/tt/out/x"):
    time.sleep(0.01)
print("began", flush=True)
"""


@pytest.fixture
def image(engine: Engine, registry: str, shell_image: str) -> ContainerImage:
    return pushed(engine, registry, shell_image)


@pytest.fixture
def bench(tmp_path: Path, engine: Engine, image: ContainerImage) -> Iterator[Bench]:
    """A bench of whose jobs nothing may be left after the test."""
    bench = make_bench(tmp_path, engine, image)
    yield bench
    assert_nothing_left(tmp_path, bench, engine)


@pytest.fixture
def harmful(engine: Engine, registry: str, shell_image: str, tmp_path: Path) -> ContainerImage:
    """An image whose user is 1234, with `/suid/id` and `/suid/python`, which belong to root and are set-user-ID."""
    folder = tmp_path / "image"
    (folder / "root" / "suid").mkdir(parents=True)
    (folder / "root" / "etc").mkdir()
    (folder / "root" / "etc" / "passwd").write_text("app:x:1234:1235:app:/app:/bin/sh\n")
    with tarfile.open(archive(SHELL)) as tar:
        for source, name in (("./usr/bin/id", "id"), ("./usr/bin/python3.11", "python")):
            program = tar.extractfile(source)
            assert program is not None
            path = folder / "root" / "suid" / name
            path.write_bytes(program.read())
            path.chmod(0o6755)
    (folder / "Dockerfile").write_text(f"FROM {shell_image}\nCOPY root/ /\nUSER app\n")
    name = f"localhost/tt-harmful-{random.token_hex(4)}:1"
    engine.build(Build(folder, "Dockerfile", name), tmp_path / "build.log")
    return pushed(engine, registry, name)


def assert_nothing_left(folder: Path, bench: Bench, engine: Engine) -> None:
    assert engine.find(ours(folder)) == []
    assert not list((folder / "store" / "runner" / "containers").glob("*"))
    assert isinstance(bench.runner, ContainerRunner)
    bench.runner.close()
    assert [path.name for path in (folder / "store" / "stage").iterdir() if ".out" not in path.name] == []


def let_go(handle: Handle) -> None:
    (Path(json.loads(handle)["stage"]) / "temporary" / "go").touch()


def log_of(bench: Bench, state: JobState) -> Path:
    path = bench.ledger.log(state.log or "")
    assert path is not None, state
    return path


def processes_with(word: str) -> list[str]:
    """The processes of this machine, those in containers too, whose command line has a word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if word.encode() in path.read_bytes():
                found.append(path.parent.name)
    return found


# What a task cannot do.


def test_no_way_leads_to_changed_inputs_code_or_configuration(bench: Bench) -> None:
    data = bench.artifact({"x.txt": "original"})
    before = (bench.artifacts.path(data) / "x.txt").stat()

    output = bench.output(bench.run(make_job(bench.program(ATTACK), {"data": Wanted(data)})))

    assert json.loads(output["won"]) == []
    path = bench.artifacts.path(data) / "x.txt"
    assert path.read_text() == "original"
    assert [path.name for path in bench.artifacts.path(data).iterdir()] == ["x.txt"]
    after = path.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_nlink) == (before.st_mode, before.st_mtime_ns, before.st_nlink)


def test_who_changes_copied_code_changes_it_for_nobody_else(bench: Bench) -> None:
    trees: dict[str, dict[str, str]] = {f"p{i}": {"word": f"{i}"} for i in range(MOST_CODE_MOUNTS + 2)}
    script = """
cat p*/word | tr -d '\\n' > "$2/read"
for f in p*/word; do chmod u+w "$f"; stamp=$(stat -c %y "$f"); printf X > "$f"; touch -d "$stamp" "$f"; chmod 444 "$f"; done
"""
    action = bench.script("")
    code = {**bench.code(trees), **bench.code({"src": {"task.sh": script}})}
    honest = "".join(sorted(trees, key=str)).replace("p", "")

    read = [bench.output(bench.run(make_job(replace(action, code=code))))["read"] for _ in range(2)]

    assert read == [honest, honest]


def test_a_task_sees_nothing_of_another_that_runs_beside_it_nor_of_the_storage(bench: Bench, tmp_path: Path) -> None:
    mark = f"mark-{random.token_hex(8)}"
    bench.artifact({mark: mark})
    owner = f'for d in "$2" "$TMPDIR" "$HOME" . "$TRAINTRACK_CHECKPOINT_DIR" /dev/shm; do echo x > "$d/{mark}"; done; {WAITS}'
    seeker = """
import os, socket, sys
mark, found = os.environ["MARK"], []
for here, folders, names in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(here, name) not in ("/proc", "/sys")]
    found += [os.path.join(here, name) for name in (*folders, *names) if mark in name]
for pid in filter(str.isdigit, os.listdir("/proc")):
    with open(f"/proc/{pid}/cmdline") as file:
        if "task.sh" in (words := file.read()) and "python" not in words and "init" not in words:
            found.append(words)
peer = socket.socket(socket.AF_UNIX)
try:
    peer.connect("\\0" + mark)
    found.append("abstract socket")
except OSError:
    pass
with open(sys.argv[2] + "/found", "w") as file:
    file.write("\\n".join(found))
"""
    (handle,) = bench.runner.start([make_job(bench.script(owner))])
    bench.await_log(handle, b"began")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{mark}")
        listener.listen()

        state = bench.run(make_job(bench.program(seeker, env={"MARK": mark})))
    let_go(handle)

    assert bench.output(state) == {"found": ""}
    assert bench.finish(handle).failure is None


def test_no_port_of_the_machine_and_no_socket_of_an_engine_is_reached(bench: Bench) -> None:
    program = """
import os, socket, stat, sys
found = [name for _, name in socket.if_nameindex() if name not in ("lo", "tunl0", "sit0", "ip6tnl0", "gre0", "gretap0", "erspan0")]
for address in os.environ["ADDRESSES"].split():
    peer = socket.socket()
    peer.settimeout(2)
    try:
        peer.connect((address, int(os.environ["PORT"])))
        found.append(address)
    except OSError:
        pass
for here, folders, names in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(here, name) not in ("/proc", "/sys")]
    for name in names:
        path = os.path.join(here, name)
        if os.path.lexists(path) and stat.S_ISSOCK(os.lstat(path).st_mode):
            found.append(path)
with open(sys.argv[2] + "/found", "w") as file:
    file.write("\\n".join(found))
"""
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        listed = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout
        env = {"PORT": str(listener.getsockname()[1]), "ADDRESSES": f"127.0.0.1 {listed} 172.17.0.1 10.88.0.1"}

        state = bench.run(make_job(bench.program(program, env=env)))

    assert bench.output(state) == {"found": ""}


def test_nobody_becomes_root_nor_has_roots_rights(bench: Bench, harmful: ContainerImage) -> None:
    script = """
{ /suid/id -u; id -u; /suid/id -g; } | sort -u > "$2/who"
grep -E '^(Cap|NoNewPrivs)' /proc/self/status | tr -d '\\t ' | sort > "$2/rights"
/suid/python - > "$2/won" <<'END'
import os
def tries(name, act, *args):
    try:
        act(*args)
        print(name)
    except OSError:
        pass
if os.getuid() != 0:
    tries("setuid", os.setuid, 0)
    tries("setresuid", os.setresuid, 0, 0, 0)
tries("other", os.setuid, 4321)
tries("setgroups", os.setgroups, [0])
tries("chroot", os.chroot, "/tmp")
tries("mknod", os.mknod, "/tmp/disk", 0o60666, os.makedev(8, 0))
tries("chown", lambda: (open("/tmp/mine", "w").close(), os.chown("/tmp/mine", 4321, 4321)))
for path in ("/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/dev/kmsg", "/dev/mem"):
    tries(path, os.open, path, os.O_WRONLY)
tries("cgroup", lambda: os.mkdir("/sys/fs/cgroup/mine"))
END
:
"""
    action = replace(bench.script(script), image=harmful, entrypoint=("sh",))
    as_app = replace(action, isolation={"user": "image"})

    strict, loose = (bench.output(bench.run(make_job(one))) for one in (action, as_app))

    none = [f"Cap{kind}:{0:016x}" for kind in ("Amb", "Bnd", "Eff", "Inh", "Prm")]
    for found in (strict, loose):
        assert found["rights"].split() == [*none, "NoNewPrivs:1"]
        assert found["won"] == ""
    assert strict["who"].split() == [str(os.geteuid())]
    assert loose["who"].split() == ["1234", "1235"]


def test_what_is_left_belongs_to_the_caller_and_gives_nobody_rights(
    bench: Bench, harmful: ContainerImage, tmp_path: Path
) -> None:
    script = """
cp /usr/bin/sleep "$2/s"; chmod 6755 "$2/s"; mkdir "$2/d"; chmod 1777 "$2/d"; echo > "$2/d/closed"; chmod 0 "$2/d/closed"
cp /usr/bin/sleep "$HOME/s"; chmod 6755 "$HOME/s"; echo > "$TRAINTRACK_CHECKPOINT_DIR/one"
"""
    action = replace(bench.script(script), image=harmful, entrypoint=("sh",), isolation={"user": "image"})

    state = bench.run(make_job(action))

    assert state.output is not None, state
    published = bench.artifacts.path(bench.artifacts.publish(state.output).artifact)
    for path in (published, *published.rglob("*"), *(tmp_path / "store").rglob("*")):
        facts = path.lstat()
        assert facts.st_uid == os.geteuid(), path
        assert not facts.st_mode & (stat.S_ISUID | stat.S_ISGID), path


@pytest.mark.parametrize("how", ["exits", "stopped", "timed out"])
def test_a_daemon_that_heeds_nothing_ends_with_its_task_and_the_output_stays_as_it_was(bench: Bench, how: str) -> None:
    token = f"token-{random.token_hex(8)}"
    waits = "" if how == "exits" else "time.sleep(600)\n"
    action = bench.program(DAEMON.replace("TOKEN", token) + waits, timeout_s=6.0 if how == "timed out" else None)
    (handle,) = bench.runner.start([make_job(action)])
    if how == "stopped":
        bench.await_log(handle, b"began")
        assert processes_with(token) != []
        bench.runner.stop([handle], 0.5)

    state = bench.finish(handle)

    assert processes_with(token) == []
    if how != "exits":
        assert state.failure is (FailureClass.CANCELLED if how == "stopped" else FailureClass.TIMEOUT)
        return
    assert state.output is not None, state
    size = (Path(state.output.staged) / "x").stat().st_size
    time.sleep(0.3)
    assert (Path(state.output.staged) / "x").stat().st_size == size == state.output.manifest.entries[0].size  # type: ignore[union-attr]
    assert len(bench.output(state)["x"]) == size


def test_what_a_task_leaves_in_its_scratch_keeps_no_stage(bench: Bench) -> None:
    program = """
import os, socket, sys
open(sys.argv[2] + "/x", "w").write("x")
for top in (os.environ["TMPDIR"], os.environ["HOME"], "/tt/work"):
    os.chdir(top)
    os.mkfifo("pipe")
    socket.socket(socket.AF_UNIX).bind("sock")
    os.symlink("/", "root")
    open(os.fsencode("bad-") + bytes([0xff, 0xfe, 10, 27]), "w").close()
    os.mkdir("closed")
    open("closed/x", "w").close()
    os.chmod("closed", 0)
    for _ in range(2500):
        os.mkdir("deep")
        os.chdir("deep")
"""
    assert bench.output(bench.run(make_job(bench.program(program)))) == {"x": "x"}


# What cannot be injected.

HOSTILE_WORDS = (
    "--privileged",
    "-v",
    '["sh", "-c", "echo pwned"]',
    ",src=/,dst=/host",
    "a 'b\" \\ `id` $(id) ${HOME} ; | & > x * {{.ID}} %s\n--volume=/:/host\tü",
)


@pytest.mark.parametrize("with_secret", [False, True])
def test_the_program_gets_the_very_words(bench: Bench, with_secret: bool) -> None:
    secrets = (Secret("TOKEN", "TOKEN"),) if with_secret else ()
    entrypoint = ("sh", "-c", 'shift; for w in "$0" "$@"; do printf "%s\\0" "$w"; done > /tt/out/words')
    jobs = []
    for word in HOSTILE_WORDS:
        action = bench.script("", entrypoint=(*entrypoint, word, "-"), task=word, secrets=secrets)
        jobs.append(make_job(action, secrets={"TOKEN": "$(id) ' value"}))

    handles = bench.runner.start(jobs)
    states = [bench.finish(handle) for handle in handles]

    for word, state in zip(HOSTILE_WORDS, states, strict=True):
        assert bench.output(state)["words"] == f"{word}\0{word}\0/tt/config.yaml\0/tt/out\0"


@pytest.mark.parametrize(
    "word", ["--privileged", '["sh", "-c", "echo pwned > /tt/out/x"]', "$(id)", "a\nb", "-v=/:/host"]
)
def test_a_first_word_of_any_kind_is_a_name_of_a_program_and_nothing_else(bench: Bench, word: str) -> None:
    state = bench.run(make_job(bench.script("", entrypoint=(word,), task="t")))

    assert state.failure is FailureClass.IMAGE, state
    assert f"the program `{word}`" in state.message


def test_keys_of_inputs_and_values_of_variables_are_only_text(bench: Bench) -> None:
    keys = ("a,src=/", "q\"uo'te", "new\nline", "../../up", "$(id)", "--privileged", "readonly=false", ":rw", "é")
    inputs = {key: Wanted(bench.artifact({"n": str(number)})) for number, key in enumerate(keys)}
    env = {f"V{number}": word for number, word in enumerate(HOSTILE_WORDS)}
    program = """
import json, os, sys
config = json.load(open(sys.argv[1]))
read = {key: open(path + "/n").read() for key, path in config.items()}
writable = [key for key, path in config.items() if os.access(path, os.W_OK)]
said = {"read": read, "writable": writable, "env": {k: v for k, v in os.environ.items() if k[0] == "V"}}
json.dump(said, open(sys.argv[2] + "/said", "w"))
"""

    said = json.loads(bench.output(bench.run(make_job(bench.program(program, env=env), inputs)))["said"])

    assert said == {"read": {key: str(n) for n, key in enumerate(keys)}, "writable": [], "env": env}


@pytest.mark.parametrize("name", ["a,src=/", "q\"uo'te", "colon:rw", "$(id) `x`", "new\nline", "back\\slash"])
def test_a_storage_may_have_any_name(engine: Engine, image: ContainerImage, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir()
    bench = make_bench(folder, engine, image)
    data = bench.artifact({"x": "text"})
    action = bench.script('cp "$(sed -n \'s/.*"data": "\\(.*\\)".*/\\1/p\' "$1")/x" "$2/x"')

    assert bench.output(bench.run(make_job(action, {"data": Wanted(data)}))) == {"x": "text"}
    assert_nothing_left(folder, bench, engine)


WORKSPACE = """
workspace: hostile
platform: linux/amd64
environments:
  local: {runner: local, storage: "STORE", engine: docker}
images:
  shell: {ref: REF, entrypoint: [sh]}
"""
EXPERIMENT = (
    "defaults: {image: shell, paths: [src], commit: HEAD}\ntargets:\n  NAME: {task: t, env: ENV, secrets: SECRETS}\n"
)
PLAIN = {"REF": '"localhost/x:1"', "NAME": "t", "ENV": "{}", "SECRETS": "{}"}


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *(("REF", json.dumps(ref)) for ref in ("--privileged", "-v", "x y", "x\n--privileged", "$(id)", "x,src=/", "")),
        *(("NAME", json.dumps(name)) for name in ("a,src=/", "a\nb", "$(id)", 'a"b', "a=b", "a b")),
        *(("ENV", f"{{{json.dumps(name)}: x}}") for name in ("A=B", "--privileged", "A*", "#A", "A B", "A\nB", "")),
        *(("SECRETS", f"{{{json.dumps(name)}: {{env: X}}}}") for name in ("A=B", "../A", "A;id", "$(id)", "A\nB", "")),
    ],
)
def test_a_name_with_a_meaning_for_an_engine_or_a_shell_is_refused_at_its_place(
    tmp_path: Path, field: str, text: str
) -> None:
    def says(fields: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        files = {"TTWORKSPACE.yaml": WORKSPACE, "e/TTCONFIG.yaml": EXPERIMENT, "src/t": ""}
        values = {"STORE": str(tmp_path / "store"), **fields}
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(re.sub("|".join(values), lambda found: values[found[0]], content))
        words = [sys.executable, "-m", "traintrack", "ls", "//..."]
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)

    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    honest, refused = says(PLAIN), says({**PLAIN, field: text})

    assert honest.returncode == 0, honest.stderr
    assert refused.returncode not in (0, 1, 70), refused
    assert re.match(r"(TTWORKSPACE|e/TTCONFIG)\.yaml:\d+:\d+: error: ", refused.stderr), refused.stderr
    assert "Traceback" not in refused.stderr


# Secrets.


def test_a_canary_is_found_nowhere_while_its_task_runs_nor_after(
    bench: Bench, engine: Engine, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    canary, first, second = (f"canary-{random.token_hex(8)}" for _ in range(3))
    values = {"TOKEN": canary, "KEY": f"{first}\n{second}\n"}
    wanted = (Secret("TOKEN", "TOKEN"), Secret("KEY", "KEY", as_file=True))
    program = """
import os, sys, time
token, key = os.environ["TOKEN"], open(os.environ["KEY_FILE"]).read()
def says(text):
    os.write(1, text.encode())
    time.sleep(0.2)
says(token[:9]); says(token[9:] + "\\n")
for sign in key:
    os.write(1, sign.encode())
# Across the border of what is read at once, in every way to lie on it.
sent = 0
for shift in (1, 8, len(token) - 1):
    filler = (1 << 20) - shift - sent % (1 << 20) - len(token) - len(key) - 1
    says("." * filler + token + "\\n" + key)
says("began\\n")
while not os.path.exists(os.environ["TMPDIR"] + "/go"):
    time.sleep(0.05)
open(sys.argv[2] + "/config", "w").write(open(sys.argv[1]).read())
"""
    words = [canary, first, second]
    (handle,) = bench.runner.start([make_job(bench.program(program, secrets=wanted), secrets=values)])
    folder, deadline, seen = Path(secret_folder(json.loads(handle)["container"])), time.monotonic() + 60, b""
    while b"began" not in seen:
        assert time.monotonic() < deadline
        piece = bench.runner.logs(handle, len(seen))
        seen += piece
        time.sleep(0.01 if piece else 0.05)
    (found,) = engine.find(ours(tmp_path))
    inspected = str(engine._cli.ask("inspect", found.id).out)  # type: ignore[attr-defined]
    in_words = [word for word in words if processes_with(word)]
    on_disk = found_below(tmp_path, words, ("--exclude=log",))
    assert folder.stat().st_mode & 0o077 == 0

    let_go(handle)
    state = bench.finish(handle)

    variables: Mapping[str, str] = request.getfixturevalue(f"{engine.name}_variables")
    engines = variables.get("DOCKER_HOST", "").removeprefix("unix://") or variables["CONTAINERS_CONF"]
    output = bench.output(state)
    assert in_words == []
    assert on_disk == []
    assert not folder.exists()
    shown = (inspected, str(handle), str(state), seen.decode(), output["config"])
    assert [word for word in words for text in shown if word in text] == []
    for place in (tmp_path, Path(engines).parent):
        assert found_below(place, words) == []
    assert not list(Path("/dev/shm").glob(f"traintrack-*{json.loads(handle)['container']}*"))


def found_below(folder: Path, words: list[str], *more: tuple[str, ...]) -> list[str]:
    """The files below a folder that hold one of the words."""
    patterns = [part for word in words for part in ("-e", word)]
    options = [option for group in more for option in group]
    done = subprocess.run(
        ["grep", "-rlaF", "--devices=skip", *options, *patterns, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.split()


# Endings.


@pytest.mark.parametrize("code", [125, 126, 127, 137, 143])
def test_codes_of_engines_and_signals_are_the_tasks_own(bench: Bench, code: int) -> None:
    state = bench.run(make_job(bench.script(f"echo said; exit {code}")))

    assert (state.failure, state.exit_code) == (FailureClass.TASK, code), state
    assert log_of(bench, state).read_text() == "said\n"


@pytest.mark.parametrize("line", ["kill -9 $$", "kill -9 -1; kill -9 $$"])
def test_a_task_that_kills_itself_is_told_so(bench: Bench, line: str) -> None:
    state = bench.run(make_job(bench.script(line)))

    assert state.failure is FailureClass.TASK, state
    assert "SIGKILL" in state.message


def test_a_fork_bomb_stays_within_its_number_of_processes(bench: Bench) -> None:
    program = """
import os, signal, sys
born = 0
try:
    while True:
        if os.fork() == 0:
            signal.pause()
        born += 1
except OSError:
    open(sys.argv[2] + "/born", "w").write(str(born))
"""
    state = bench.run(make_job(bench.program(program)))

    assert PROCESSES - 64 < int(bench.output(state)["born"]) < PROCESSES


def test_shared_memory_ends_where_it_was_asked_to(bench: Bench) -> None:
    script = 'head -c 64000000 /dev/zero > /dev/shm/x; stat -c %s /dev/shm/x > "$2/size"'

    state = bench.run(make_job(bench.script(script), resources=Resources(shm_bytes=16 << 20)))

    assert bench.output(state) == {"size": f"{16 << 20}\n"}


@pytest.mark.parametrize("line", ["trap '' TERM INT HUP; while :; do sleep 1; done", "kill -STOP $$"])
def test_who_does_not_heed_sigterm_is_killed_after_the_grace(bench: Bench, line: str) -> None:
    began = time.monotonic()

    state = bench.run(make_job(bench.script(line, timeout_s=1.0)))

    assert state.failure is FailureClass.TIMEOUT
    assert time.monotonic() - began < 20


def test_rubbish_in_the_log_is_kept_byte_by_byte(bench: Bench) -> None:
    program = r"""
import hashlib, os, sys
data = os.urandom(3 << 20) + b"\x1b]0;title\x07\x1b[2J\r\x00\xff\xfe" + bytes(range(256)) * 20 + b"\xe2\x80"
with os.fdopen(1, "wb") as said:
    said.write(data)
open(os.environ["TRAINTRACK_CHECKPOINT_DIR"] + "/digest", "w").write(hashlib.sha256(data).hexdigest())
open(sys.argv[2] + "/data", "wb").write(data)
"""
    state = bench.run(make_job(bench.program(program)))

    assert state.output is not None, state
    assert log_of(bench, state).read_bytes() == (Path(state.output.staged) / "data").read_bytes()


@pytest.mark.parametrize("mib", [128, pytest.param(1024, marks=pytest.mark.torture)])
def test_an_endless_log_takes_no_memory_here(bench: Bench, mib: int) -> None:
    script = f"head -c {mib * CHUNK} /dev/zero | tr '\\\\0' 'x'; exit 125"
    Path("/proc/self/clear_refs").write_text("5")
    before = memory_kib("VmHWM")

    state = bench.run(make_job(bench.script(script)))

    assert (state.failure, state.exit_code) == (FailureClass.TASK, 125), state
    assert log_of(bench, state).stat().st_size == mib * CHUNK
    assert memory_kib("VmHWM") - before < 48 << 10


def memory_kib(what: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1])
