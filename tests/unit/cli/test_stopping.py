import io
import os
import signal

import pytest

from traintrack.cli.stopping import stopping
from traintrack.cli.terminal import Terminal
from traintrack.execute.control import RunControl, StopLevel


def send(number: int) -> None:
    os.kill(os.getpid(), number)


def terminal() -> Terminal:
    return Terminal(io.StringIO(), io.StringIO())


def test_each_interrupt_asks_more_firmly_and_is_answered() -> None:
    control, talk = RunControl(), terminal()
    levels = []
    with stopping(control, lambda: True, talk) as came:
        for _ in range(4):
            send(signal.SIGINT)
            levels.append(control.level)

    assert levels == [StopLevel.DRAIN, StopLevel.STOP, StopLevel.KILL, StopLevel.KILL]
    assert came.exit_code == 130
    assert isinstance(talk.err, io.StringIO)
    assert talk.err.getvalue().startswith("stopping: nothing new is started")


def test_a_termination_ends_running_tasks_at_once() -> None:
    control = RunControl()
    before = signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    try:
        with stopping(control, lambda: True, terminal()) as came:
            send(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert (control.level, came.exit_code) == (StopLevel.STOP, 143)


def test_before_the_run_begins_an_interrupt_is_an_interrupt() -> None:
    control = RunControl()
    with pytest.raises(KeyboardInterrupt), stopping(control, lambda: False, terminal()):
        send(signal.SIGINT)

    assert control.level is StopLevel.GO


def test_the_handlers_of_before_come_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stopping(RunControl(), lambda: True, terminal()):
        assert signal.getsignal(signal.SIGINT) is not before

    assert signal.getsignal(signal.SIGINT) is before


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = RunControl()
    try:
        with stopping(control, lambda: True, terminal()):
            send(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)

    assert control.level is StopLevel.GO
