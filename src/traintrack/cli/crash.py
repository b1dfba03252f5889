"""What a person sees of a bug of ours: one line, and a file to send us."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from traintrack.cli.refusal import refusal
from traintrack.cli.render import report_error
from traintrack.cli.terminal import open_terminal
from traintrack.errors import InternalError
from traintrack.version import VERSION

_FACT_LENGTH = 90


def report_crash(arguments: Sequence[str], error: BaseException) -> int:
    """Write the report file, tell where it is, and return the exit code of a bug; what the machine refused is told as such.

    The file holds words, versions and the traceback; no environment variables, which may hold secrets.
    """
    refused = refusal(error)
    if refused is not None:
        # A module that could not be read, say: the machine's doing, though it came up at a place that expects none.
        return report_error(refused, open_terminal(), Path(), json="--json" in arguments)
    fact = f"{type(error).__name__}: {error}".splitlines()[0]
    told = InternalError(f"traintrack has a bug: {fact[:_FACT_LENGTH]}", hint=_hint(arguments, error))
    return report_error(told, open_terminal(), Path(), json="--json" in arguments)


def _hint(arguments: Sequence[str], error: BaseException) -> str:
    try:
        path = _write(_report(arguments, error))
    except OSError as refused:
        return f"the report could not be written ({refused.strerror}); please send what you did and this line"
    return f"please report it with the file `{path}`"


def _write(text: str) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    descriptor, name = tempfile.mkstemp(prefix=f"traintrack-report-{stamp}-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return Path(name)


def _report(arguments: Sequence[str], error: BaseException) -> str:
    facts = (
        f"traintrack {VERSION}",
        f"python {sys.version.split()[0]} on {platform.platform()}",
        f"words: {['traintrack', *arguments]!r}",
        "",
    )
    return "\n".join(facts) + "".join(traceback.format_exception(error))
