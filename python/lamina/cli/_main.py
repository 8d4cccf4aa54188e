"""Entry of the command `lamina`: parse, run, and turn errors into one sentence and a code."""

import sys
import traceback
import warnings
from collections.abc import Sequence

from lamina._config import config_lines
from lamina._core import __version__
from lamina.cli._arguments import build_parser, check_together
from lamina.cli._interrupt import Terminated, exit_code
from lamina.cli._streams import discard_output, finish_output, prepare_streams

OK, FAILED = 0, 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code.

    0: done; 1: the files or the data do not allow it, said in one sentence on the standard
    error; 2: wrong usage; 130: interrupted; 143 and 129: terminated.
    """
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            # Reading polars and rich takes half a second, in which an interrupt may come too.
            return _run(argv)
    except KeyboardInterrupt as interrupt:
        what = "terminated" if isinstance(interrupt, Terminated) else "interrupted"
        print(f"lamina: {what}{interrupt}", file=sys.stderr)
        return exit_code(interrupt)


def _run(argv: Sequence[str] | None) -> int:
    prepare_streams()
    parser = build_parser(__version__)
    arguments = parser.parse_args(argv)
    check_together(parser, arguments)
    if arguments.command == "help":
        (parser.commands[arguments.topic] if arguments.topic else parser).print_help()
        return OK
    if arguments.command == "config":
        return _print_config(arguments.asked)
    try:
        import polars  # noqa: F401
        import rich  # noqa: F401
    except ImportError as error:
        return _fail(f"{error.name} is missing; the command line needs: pip install lamina[cli]")

    from lamina.cli import _evaluate, _export, _importance, _info, _predict, _train

    commands = {
        "train": _train.run,
        "predict": _predict.run,
        "evaluate": _evaluate.run,
        "importance": _importance.run,
        "info": _info.run,
        "export": _export.run,
    }
    try:
        commands[arguments.command](arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has had enough; the interpreter must not complain at its end.
        discard_output()
        return OK
    except Exception as error:
        if arguments.traceback:
            traceback.print_exc()
        finish_output()
        return _fail(_sentence(error))
    return OK


def _print_config(asked: list[str]) -> int:
    """Needs none of the packages that tables need."""
    try:
        print(*config_lines(asked), sep="\n")
    except FileNotFoundError as error:
        return _fail(str(error))
    return OK


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"lamina: warning: {' '.join(str(message).split())}", file=sys.stderr)


def _fail(sentence: str) -> int:
    print(f"lamina: {sentence}", file=sys.stderr)
    return FAILED


def _sentence(error: Exception) -> str:
    """One line that says what is wrong, whatever was raised."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return f"not enough memory{': ' + text if text else ''}"
    return text or type(error).__name__
