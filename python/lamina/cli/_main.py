"""Entry of the command `lamina`: parse, run, and turn errors into one sentence and a code."""

import os
import sys
import traceback
from collections.abc import Sequence

OK, FAILED, INTERRUPTED = 0, 1, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code.

    0: done; 1: the files or the data do not allow it, said in one sentence on the standard
    error; 2: wrong usage; 130: interrupted.
    """
    try:
        # Reading the modules takes half a second, in which an interrupt may come too.
        return _run(argv)
    except KeyboardInterrupt:
        print("lamina: interrupted", file=sys.stderr)
        return INTERRUPTED


def _run(argv: Sequence[str] | None) -> int:
    from lamina import __version__
    from lamina.cli._arguments import build_parser

    parser = build_parser(__version__)
    arguments = parser.parse_args(argv)
    if arguments.command == "help":
        (parser.commands[arguments.topic] if arguments.topic else parser).print_help()
        return OK
    try:
        import polars  # noqa: F401
        import rich  # noqa: F401
    except ImportError as error:
        return _fail(f"{error.name} is missing; the command line needs: pip install lamina[cli]")

    from lamina.cli import _evaluate, _info, _predict, _train

    commands = {
        "train": _train.run,
        "predict": _predict.run,
        "evaluate": _evaluate.run,
        "info": _info.run,
    }
    try:
        commands[arguments.command](arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has had enough; the interpreter must not complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        if arguments.traceback:
            traceback.print_exc()
        return _fail(_sentence(error))
    return OK


def _fail(sentence: str) -> int:
    print(f"lamina: {sentence}", file=sys.stderr)
    return FAILED


def _sentence(error: Exception) -> str:
    """One line that says what is wrong, whatever was raised."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return f"not enough memory{': ' + text if text else ''}"
    return text or type(error).__name__
