"""The command `lamina` run in this process, for tests."""

import contextlib
import io

from lamina.cli import main

QUICK = ["--hidden", "16", "--epochs", "30", "--learning-rate", "0.01"]


def lamina(*arguments):
    """Run a command in this process: exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as usage:
            code = usage.code
    return code, out.getvalue(), err.getvalue()


def fails(*arguments, code=1):
    """The one sentence with which a command gives up."""
    found, out, err = lamina(*arguments)
    assert (found, out) == (code, "")
    assert err.startswith("lamina: ")
    assert err.count("\n") == 1
    return err


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path
