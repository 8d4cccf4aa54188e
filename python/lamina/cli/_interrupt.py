"""Ctrl-C, SIGTERM and SIGHUP: what they end, and the exit code that tells of it."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a training as Ctrl-C does."""


class HungUp(Terminated):
    """SIGHUP: the terminal was closed."""


# There is no SIGHUP on Windows.
_ENDINGS: dict[signal.Signals, type[KeyboardInterrupt]] = {signal.SIGTERM: Terminated}
if sys.platform != "win32":
    _ENDINGS[signal.SIGHUP] = HungUp


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """128 and the signal's number, as shells have it: 130, 143 after SIGTERM, 129 after SIGHUP."""
    numbers = {ending: number for number, ending in _ENDINGS.items()}
    return 128 + numbers.get(type(interrupt), signal.SIGINT)


@contextmanager
def termination_raised() -> Iterator[None]:
    """Within it SIGTERM and SIGHUP raise `Terminated`; a second one ends the program at once.

    Where they are ignored, or in a thread that may set no handlers, all stays as it is.
    """

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise _ENDINGS[signal.Signals(number)]

    changed = [number for number in _ENDINGS if signal.getsignal(number) == signal.SIG_DFL]
    try:
        for number in changed:
            signal.signal(number, end)
    except ValueError:
        changed = []
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Within it Ctrl-C waits for the end, so that what was done is known."""
    waiting = []

    def note(number: int, frame: FrameType | None) -> None:
        waiting.append(number)

    try:
        before = signal.signal(signal.SIGINT, note)
    except ValueError:  # in a thread that may set no handlers
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if waiting:
            signal.raise_signal(signal.SIGINT)
