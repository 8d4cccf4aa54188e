"""What the commands take: arguments, their defaults and their help."""

import argparse
from pathlib import Path
from typing import Any

from lamina.cli._option_values import (
    at_least,
    comment,
    encoding,
    probability,
    quote,
    separator,
)
from lamina.cli._parser import CommandParser
from lamina.cli._train_arguments import NAMES, add_train_options, check_train_options
from lamina.tabular import MONITORS

STANDARD_INPUT = Path("-")

_THRESHOLD = (
    "of two classes the second is predicted where its probability is above this (default: 0.5)"
)
_WEIGHT = "how much each row counts (default: the column that train was given, if it is there)"
_EXIT_CODES = (
    "exit codes: 0 done; 1 the files or the data do not allow it; 2 wrong usage; 130 interrupted"
)

_CONFIG = {
    "--cflags": "flags of the compiler",
    "--libs": "flags of the linker; the program finds the library where it is now",
    "--includedir": "folder of the headers",
    "--libdir": "folder of the shared library",
    "--cmakedir": "folder for CMake's lamina_DIR",
    "--pkgconfigdir": "folder for PKG_CONFIG_PATH",
}


def build_parser(version: str) -> CommandParser:
    """The parser of `lamina` and its commands; `arguments.command` names the one chosen."""
    parser = CommandParser(
        prog="lamina",
        description="Train neural networks on tables, and predict with them.",
        epilog=_EXIT_CODES,
    )
    parser.add_argument("--version", action="version", version=f"lamina {version}")
    _add_train(parser.add_command("train", "train a network on a table"))
    _add_predict(parser.add_command("predict", "predict the target of a table's rows"))
    _add_evaluate(parser.add_command("evaluate", "measure a model on a table"))
    _add_importance(
        parser.add_command("importance", "measure how much a model relies on each column")
    )
    _add_info(parser.add_command("info", "tell what a model file holds"))
    _add_export(parser.add_command("export", "write a model as C, Python, JavaScript or ONNX"))
    _add_config(
        parser.add_command("config", "tell how C and C++ programs are compiled with lamina")
    )
    topic = parser.add_command("help", "show the help of a command")
    topic.add_argument("topic", nargs="?", choices=list(parser.commands), metavar="COMMAND")
    return parser


def check_together(parser: CommandParser, arguments: "Arguments") -> None:
    """End with an error of usage where options contradict each other."""
    if arguments.command == "train":
        check_train_options(parser.commands["train"], arguments)
    if arguments.command == "config" and not arguments.asked:
        parser.commands["config"].error(f"expected one or more of {', '.join(_CONFIG)}")


def _add_train(parser: argparse.ArgumentParser) -> None:
    add_train_options(parser)
    _add_common(parser)


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.description = "Predict the target of each row of a table, in the order of its rows."
    _add_model_and_table(parser)
    add = parser.add_argument
    add(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="file to write: .csv, .tsv or .parquet (default: CSV on the standard output)",
    )
    add("--threshold", type=probability, metavar="P", help=_THRESHOLD)
    add("--probabilities", action="store_true", help="also give each class's probability")
    add("--keep", **NAMES, help="columns of the table to copy (repeatable)")
    _add_common(parser)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.description = "Measure a model on the rows of a table that holds the target."
    _add_model_and_table(parser)
    parser.add_argument("--threshold", type=probability, metavar="P", help=_THRESHOLD)
    parser.add_argument("--weight", metavar="COLUMN", help=_WEIGHT)
    _add_common(parser)


def _add_importance(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Shuffle each column of a table in turn, and tell how much worse the model becomes: its "
        "permutation importance. The table should not be the one of the training."
    )
    _add_model_and_table(parser)
    add = parser.add_argument
    add(
        "--metric",
        choices=MONITORS,
        metavar="METRIC",
        help="the figure that becomes worse (default: log_loss, rmse, or pinball of quantiles)",
    )
    add(
        "--repeats",
        type=at_least(1),
        default=5,
        metavar="N",
        help="shuffles of each column (default: %(default)s)",
    )
    add(
        "--seed",
        type=at_least(0),
        default=0,
        metavar="N",
        help="of the shuffles (default: %(default)s)",
    )
    add("--weight", metavar="COLUMN", help=_WEIGHT)
    add(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="table to write also: .csv, .tsv or .parquet",
    )
    _add_common(parser)


def _add_info(parser: argparse.ArgumentParser) -> None:
    parser.description = "Tell what a model file holds: columns, network, training, results."
    parser.add_argument("model", type=Path, metavar="MODEL", help="file that train wrote")
    parser.add_argument(
        "--selftest",
        action="store_true",
        help="first run the rows that the file stores, and fail where outputs differ from theirs",
    )
    _add_output_kind(parser)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Write a model, with its preprocessing, as source code that needs nothing else: one header "
        "of C99, one Python module or one JavaScript file; or as a file of ONNX."
    )
    add = parser.add_argument
    add("model", type=Path, metavar="MODEL", help="file that train, or a network's save, wrote")
    add("--to", choices=("c", "python", "js", "onnx"), required=True, help="what to write")
    add(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="file to write (default: the prefix and .h, .py, .js or .onnx)",
    )
    add(
        "--prefix",
        default="model",
        metavar="P",
        help="of all names in C, and the name of the JavaScript variable (default: %(default)s)",
    )
    add(
        "--dtype",
        choices=("float32", "int8"),
        help="int8: weights of 8 bits and sums of integers, for microcontrollers (default: the "
        "model's own numbers)",
    )
    add(
        "--calibration",
        type=Path,
        metavar="TABLE",
        help="rows like those of training, from which --dtype int8 takes its ranges",
    )
    add("--gradient", action="store_true", help="also write the gradient by a network's inputs")
    add(
        "--math",
        choices=("own", "libm"),
        help="of C: exponentials by lamina's arithmetic, or by <math.h> (default: own)",
    )
    _add_common(parser)


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Tell what a compiler and a linker need to use lamina from C and C++: "
        "cc app.c $(lamina config --cflags --libs)."
    )
    for option, meaning in _CONFIG.items():
        parser.add_argument(
            option, dest="asked", action="append_const", const=option[2:], help=meaning
        )


def _add_model_and_table(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL", help="file that train wrote")
    parser.add_argument(
        "table",
        type=Path,
        metavar="TABLE",
        help="rows, as CSV, TSV or Parquet; - for the standard input",
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    text = parser.add_argument_group("text files").add_argument
    text(
        "--separator",
        type=separator,
        metavar="CHARACTER",
        help="also 'tab', or 'blanks' for runs of blanks and tabs (default: by the first lines)",
    )
    text(
        "--quote",
        type=quote,
        metavar="CHARACTER",
        help="around cells that hold separators, or 'none' (default: \"; single quotes go where "
        "they are around the cells of a column)",
    )
    text(
        "--comment",
        type=comment,
        metavar="CHARACTER",
        help="leave out lines that begin with it (default: those with # before the header)",
    )
    text(
        "--skip",
        type=at_least(0),
        default=0,
        metavar="N",
        help="lines to leave out before the header (default: %(default)s)",
    )
    text("--encoding", type=encoding, metavar="NAME", help="default: UTF-8, or by the file's mark")
    text(
        "--decimal",
        choices=(".", ","),
        default=".",
        help="decimal mark of numbers; with a comma, points are thousands (default: %(default)s)",
    )
    text(
        "--no-header",
        action="store_true",
        help="the first line is a row; columns are called 1, 2, 3 ...",
    )
    text(
        "--columns",
        action="append",
        metavar="A,B",
        help="names of all columns, instead of the header's; repeated: one name each",
    )
    parser.add_argument("--threads", type=at_least(1), metavar="N", help="default: all processors")
    _add_output_kind(parser)


def text_options(arguments: "Arguments") -> list[str]:
    """What was typed to read text files so, which another table of the kind needs too."""
    words = {"separator": {"\t": "tab", " ": "blanks"}, "quote": {"": "none"}}
    typed: list[str] = []
    for name in ("separator", "quote", "comment", "encoding"):
        value = getattr(arguments, name)
        if value is not None:
            typed.append(f"--{name}={words.get(name, {}).get(value, value)}")
    if arguments.skip:
        typed.append(f"--skip={arguments.skip}")
    if arguments.decimal != ".":
        typed.append(f"--decimal={arguments.decimal}")
    if arguments.no_header:
        typed.append("--no-header")
    return [*typed, *(f"--columns={names}" for names in arguments.columns or [])]


def _add_output_kind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    parser.add_argument(
        "--traceback", action="store_true", help="show where in the code an error arose"
    )


Arguments = Any
"""An `argparse.Namespace`; its fields are what `build_parser` adds."""
