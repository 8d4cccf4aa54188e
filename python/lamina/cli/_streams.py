"""The standard streams, so that what cannot be printed never ends the work."""

import contextlib
import io
import os
import sys
from typing import TextIO


def prepare_streams() -> None:
    """Characters that a stream's encoding lacks are written as escapes; closed streams take all."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write_utf8(text: str) -> None:
    """Write data to the standard output: UTF-8 whatever the locale says, but for a terminal."""
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None or sys.stdout.isatty():
        sys.stdout.write(text)
        return
    sys.stdout.flush()
    binary.write(text.encode("utf-8", "surrogateescape"))


def finish_output() -> None:
    """Write what is left to write, so that the interpreter does not complain at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        discard_output()


def discard_output() -> None:
    """Let the standard output take all: whoever read it has gone, or the disk is full."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


class SteadyOutput(io.TextIOBase):
    """The standard output, which takes all and remembers its first error.

    A training must not end because whoever read its output has gone.

    Attributes:
        error: the first error; None while all is well.
    """

    def __init__(self) -> None:
        self._stream: TextIO = sys.stdout
        self.error: OSError | None = None

    # The base class has no encoding to give.
    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the standard output."""
        return self._stream.encoding or "utf-8"

    def isatty(self) -> bool:
        """Whether the standard output is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The standard output's."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write, or do nothing after an error."""
        if self.error is None:
            try:
                return self._stream.write(text)
            except OSError as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Flush, or do nothing after an error."""
        if self.error is None:
            try:
                self._stream.flush()
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.error = error
        discard_output()
