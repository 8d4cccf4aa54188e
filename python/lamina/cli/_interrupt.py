"""Ctrl-C and SIGTERM: what they end, and the exit code that tells of it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a training as Ctrl-C does."""


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """128 and the signal's number, as shells have it: 130, or 143 after SIGTERM."""
    return 128 + (signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT)


@contextmanager
def termination_raised() -> Iterator[None]:
    """Within it SIGTERM raises `Terminated`; a second one ends the program at once.

    Where SIGTERM is ignored, or in a thread that may set no handlers, all stays as it is.
    """

    def terminate(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise Terminated

    if signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    try:
        signal.signal(signal.SIGTERM, terminate)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


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
