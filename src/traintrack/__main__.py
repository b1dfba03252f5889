"""`traintrack`, and `python -m traintrack`: exit codes and signals around `cli/program.py`.

Imports stand inside functions here: the version is told without click, and Ctrl-C during the
imports ends as quietly as later.
"""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress

from traintrack.version import VERSION

TYPE_CHECKING = False  # as the one of `typing`, whose import costs more than this module
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

_INTERRUPTED = 130
_TERMINATED = 143
_COMPLETE = "_complete"
"""What the scripts of `traintrack completion` call; no command has this name."""
_VERSION_WORDS = (["--version"], ["version"])
_QUICK = (["run"], ["hash"])


class _TerminatedError(BaseException):
    """SIGTERM came: unwinds like Ctrl-C, so that what is open is closed."""


def main() -> int:
    """Run the command line of this process and return its exit code."""
    arguments = sys.argv[1:]
    if arguments in _VERSION_WORDS and _print_version():
        return 0
    if arguments[:1] == [_COMPLETE]:
        from traintrack.cli.completion import answer_shell  # noqa: PLC0415 - a key press waits for it, without click

        return answer_shell(arguments[1:])
    try:
        code = _run(arguments)
    except KeyboardInterrupt:
        code = _say("interrupted", _INTERRUPTED)
    except _TerminatedError:
        code = _say("terminated", _TERMINATED)
    _let_go_of_stdout()
    return code


def _run(arguments: list[str]) -> int:
    try:
        code = _answer_quickly(arguments)
        if code is None:
            _prepare()
            from traintrack.cli.program import run_program  # noqa: PLC0415 - see above

            code = run_program(arguments)
        return code
    except Exception as error:  # noqa: BLE001 - the last place that can make words of a bug
        from traintrack.cli.crash import report_crash  # noqa: PLC0415 - see above

        return report_crash(arguments, error)


def _answer_quickly(arguments: list[str]) -> int | None:
    """Try the short way for `run` and `hash` without options; None if the whole program has to look."""
    if arguments[:1] not in _QUICK or any(word.startswith("-") or not word for word in arguments):
        return None
    from traintrack.cli.quick import answer_quickly  # noqa: PLC0415 - see above

    return answer_quickly(arguments[0], arguments[1:])


def _prepare() -> None:
    """Make a process ready for work that takes its time."""
    import gc  # noqa: PLC0415 - see above
    import signal  # noqa: PLC0415

    signal.signal(signal.SIGTERM, _terminate)
    # Loading makes some hundred thousand objects that stay and almost no cycles: looking for these after every
    # 700 objects, as Python does, takes a third of the time that it needs.
    gc.set_threshold(100_000, 20, 50)


def _print_version() -> bool:
    """Print the version; False if stdout did not take it, so that the whole program says why."""
    try:
        sys.stdout.write(f"traintrack {VERSION}\n")
        sys.stdout.flush()
    except (OSError, AttributeError):
        return False
    return True


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise _TerminatedError


def _say(word: str, code: int) -> int:
    if sys.stderr is not None:
        sys.stderr.write(f"{word}\n")
    return code


def _let_go_of_stdout() -> None:
    """Drop what a closed or full stdout did not take; else the interpreter complains about it at exit."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except AttributeError:
        return


def program() -> NoReturn:
    """Be the whole process: run its command line, and end.

    What a large workspace was read into need not be freed piece by piece, which takes longer than many commands; so
    the interpreter is not taken down. Threads are awaited, and what was to be done at exit is done.
    """
    code = main()
    import threading  # noqa: PLC0415 - see above

    finish = getattr(atexit, "_run_exitfuncs", None)
    join = getattr(threading, "_shutdown", None)
    if finish is None or join is None or sys.gettrace() is not None or sys.getprofile() is not None:
        sys.exit(code)
    join()
    finish()
    _let_go_of_stdout()
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    program()
