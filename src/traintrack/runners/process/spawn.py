"""Starts a program without keeping the interpreter's other threads from their work.

`subprocess` holds the interpreter's lock until the new program is loaded, which takes a millisecond or two on a busy
machine: more than everything else that is done for a small task. posix_spawn(3), called through ctypes, does not.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

_SETSIGDEF = 0x04
_SETSID = 0x80
_STRUCT_BYTES = 1024
"""More than any posix_spawnattr_t, posix_spawn_file_actions_t or sigset_t needs."""

_NEEDED = ("posix_spawn", "posix_spawn_file_actions_addchdir_np", "posix_spawn_file_actions_addclosefrom_np")


def spawn(argv: Sequence[str], *, env: Mapping[str, str], cwd: str, output: int) -> int:
    """Start a program in a session of its own and return its pid, which only `os.wait*` know of.

    It reads nothing; what it writes goes to the descriptor `output`. It inherits no other file, and no ignored signal.

    Args:
        argv: the program, as a path, and its arguments.
        env: all its variables.
        cwd: its current folder.
        output: an open file.

    Raises:
        OSError: it cannot be executed; `filename` is the program, or the folder if that is at fault.
    """
    libc = _libc()
    words = [os.fsencode(word) for word in argv]
    variables = [os.fsencode(name) + b"=" + os.fsencode(value) for name, value in env.items()]
    if libc is None or any(b"\0" in text for text in (*words, *variables)):
        return _spawn_portably(argv, env=env, cwd=cwd, output=output)
    pid, error = _posix_spawn(libc, words, variables, os.fsencode(cwd), output)
    if error:
        raise OSError(error, os.strerror(error), argv[0] if os.path.isdir(cwd) else cwd)
    return pid


def _spawn_portably(argv: Sequence[str], *, env: Mapping[str, str], cwd: str, output: int) -> int:
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=env,
        start_new_session=True,
    )
    # Who waits for it is the caller: `subprocess` must neither reap it nor warn that nobody did.
    process.returncode = 0
    return process.pid


def _posix_spawn(libc: Any, words: list[bytes], variables: list[bytes], cwd: bytes, output: int) -> tuple[int, int]:
    """Return the pid, and 0 or the number of the error."""
    import ctypes  # noqa: PLC0415 - 10 ms that only an execution needs

    actions = ctypes.create_string_buffer(_STRUCT_BYTES)
    attributes = ctypes.create_string_buffer(_STRUCT_BYTES)
    libc.posix_spawn_file_actions_init(actions)
    libc.posix_spawnattr_init(attributes)
    try:
        error = (
            libc.posix_spawn_file_actions_addopen(actions, 0, b"/dev/null", os.O_RDONLY, 0)
            or libc.posix_spawn_file_actions_adddup2(actions, output, 1)
            or libc.posix_spawn_file_actions_adddup2(actions, output, 2)
            or libc.posix_spawn_file_actions_addchdir_np(actions, cwd)
            or libc.posix_spawn_file_actions_addclosefrom_np(actions, 3)
            or libc.posix_spawnattr_setflags(attributes, ctypes.c_short(_SETSIGDEF | _SETSID))
            or libc.posix_spawnattr_setsigdefault(attributes, _default_signals(libc))
        )
        if error:
            return 0, int(error)
        pid = ctypes.c_int(0)
        argv = (ctypes.c_char_p * (len(words) + 1))(*words, None)
        environ = (ctypes.c_char_p * (len(variables) + 1))(*variables, None)
        error = libc.posix_spawn(ctypes.byref(pid), words[0], actions, attributes, argv, environ)
        return pid.value, int(error)
    finally:
        libc.posix_spawnattr_destroy(attributes)
        libc.posix_spawn_file_actions_destroy(actions)


def _default_signals(libc: Any) -> Any:
    """The signals that Python ignores and a program expects not to be."""
    import ctypes  # noqa: PLC0415

    signals = ctypes.create_string_buffer(_STRUCT_BYTES)
    libc.sigemptyset(signals)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        libc.sigaddset(signals, int(number))
    return signals


@cache
def _libc() -> Any:
    """The C library, None if it lacks what is needed: only glibc 2.34 and later has all of it."""
    if sys.platform != "linux":
        return None
    import ctypes  # noqa: PLC0415

    libc = ctypes.CDLL(None)
    return libc if all(hasattr(libc, name) for name in _NEEDED) else None
