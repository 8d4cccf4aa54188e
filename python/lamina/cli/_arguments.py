"""What the commands take: arguments, their defaults and their help."""

import argparse
from pathlib import Path
from typing import Any

from lamina.cli._option_values import (
    activation,
    at_least,
    class_weight,
    comment,
    encoding,
    fraction,
    not_negative,
    positive,
    probability,
    quote,
    separator,
    share,
    sizes,
)
from lamina.cli._parser import CommandParser
from lamina.tabular import (
    LOSS,
    MONITORS,
    NUMBER_ENCODINGS,
    OPTIMIZERS,
    SPLITS,
    TASKS,
    TrainOptions,
)

STANDARD_INPUT = Path("-")

_THRESHOLD = (
    "of two classes the second is predicted where its probability is above this (default: 0.5)"
)
_EXIT_CODES = (
    "exit codes: 0 done; 1 the files or the data do not allow it; 2 wrong usage; 130 interrupted"
)
# Options that name columns: between commas, or repeated; see `find_columns`.
_NAMES: dict[str, Any] = {"action": "append", "default": [], "metavar": "A,B"}


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
    _add_info(parser.add_command("info", "tell what a model file holds"))
    topic = parser.add_command("help", "show the help of a command")
    topic.add_argument("topic", nargs="?", choices=list(parser.commands), metavar="COMMAND")
    return parser


def check_together(parser: CommandParser, arguments: "Arguments") -> None:
    """End with an error of usage where options contradict each other."""
    if arguments.command != "train":
        return
    error = parser.commands["train"].error
    if arguments.validation:
        for option in ("split", "time_column"):
            if getattr(arguments, option):
                name = option.replace("_", "-")
                error(f"--{name}: no rows are held back where --validation gives them")
    weights = arguments.class_weight
    if "balanced" in weights and len(weights) > 1:
        error("--class-weight: expected balanced alone, or weights of classes alone")
    names = [weight[0] for weight in weights if weight != "balanced"]
    for name in names:
        if names.count(name) > 1:
            error(f"--class-weight: class '{name}' is named twice")
    if arguments.time_column and arguments.split in ("random", "last"):
        error(f"--time-column goes with --split time, not with --split {arguments.split}")


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Learn to predict one column of a table (CSV, TSV, also .gz, or Parquet) from the others, "
        "and save the preprocessing and the network as one file."
    )
    add = parser.add_argument
    add("table", type=Path, metavar="TABLE", help="training rows; - for the standard input")
    add("--target", required=True, metavar="COLUMN", help="column to predict")
    add("--validation", type=Path, metavar="FILE", help="rows that decide when to stop")
    add(
        "--validation-fraction",
        type=fraction,
        default=TrainOptions.validation_fraction,
        metavar="SHARE",
        help="share of the rows held back without --validation (default: %(default)s)",
    )
    add(
        "--split",
        choices=SPLITS,
        help="which rows are held back: some at random, the latest by the column of dates, or the "
        "last of the table (default: random)",
    )
    add(
        "--time-column", metavar="COLUMN", help="dates or numbers by which --split time orders rows"
    )
    add(
        "--weight",
        dest="weight_column",
        metavar="COLUMN",
        help="how much each row counts in training and in all figures; it is no input",
    )
    add(
        "--class-weight",
        type=class_weight,
        action="append",
        default=[],
        metavar="CLASS=X",
        help="how much the rows of a class count in training: yes=3 (repeatable), or balanced: all "
        "classes weigh the same",
    )
    add("--test", type=Path, metavar="FILE", help="rows for a last measurement")
    add(
        "-o",
        "--output",
        type=Path,
        default=Path("model.lamina"),
        metavar="FILE",
        help="model file to write (default: %(default)s)",
    )

    _add_column_options(parser)
    _add_network_options(parser)
    _add_common(parser)


def _add_column_options(parser: argparse.ArgumentParser) -> None:
    columns = parser.add_argument_group("columns").add_argument
    columns(
        "--task", choices=TASKS, default=TrainOptions.task, help="default: by the target's values"
    )
    for name, what in (
        ("--numeric", "columns of numbers, also running numbers and ids"),
        ("--categorical", "columns of categories"),
        ("--ignore", "columns to leave out"),
        ("--parse-numbers", "columns of numbers with marks: 1,234.5, $5, 40%%, <0.5 (0.5)"),
    ):
        columns(name, **_NAMES, help=f"{what} (repeatable)")
    columns(
        "--date-format",
        action="append",
        default=[],
        metavar="COLUMN=FORMAT",
        help="how a column's dates are written: day=%%d.%%m.%%Y (repeatable)",
    )
    columns(
        "--missing",
        action="append",
        default=[],
        metavar="TEXT",
        help="a further text, or number, that stands for a missing value (repeatable)",
    )
    columns(
        "--only-missing",
        action="append",
        metavar="TEXT",
        help="the same, instead of the usual ones (NA, None, ?, ...); '': only empty cells",
    )
    columns(
        "--numbers",
        choices=NUMBER_ENCODINGS,
        default=TrainOptions.numbers,
        help="how numbers are encoded (default: %(default)s)",
    )
    columns(
        "--bins",
        type=at_least(2),
        default=TrainOptions.bins,
        metavar="N",
        help="most edges a number gets with piecewise encoding (default: %(default)s)",
    )


def _add_network_options(parser: argparse.ArgumentParser) -> None:
    network = parser.add_argument_group("network and training").add_argument
    network(
        "--hidden",
        type=sizes,
        default=list(TrainOptions.hidden),
        metavar="N,N",
        help="units of the hidden layers (default: 256,128)",
    )
    network(
        "--activation",
        type=activation,
        default=TrainOptions.activation,
        metavar="NAME",
        help="of the hidden layers: relu, gelu, silu, tanh, ... (default: %(default)s)",
    )
    network(
        "--dropout",
        type=share,
        default=TrainOptions.dropout,
        metavar="P",
        help="share of hidden units dropped while training (default: %(default)s)",
    )
    network(
        "--optimizer",
        choices=OPTIMIZERS,
        default=TrainOptions.optimizer,
        help="default: %(default)s",
    )
    network("--learning-rate", type=positive, metavar="X", help="default: 0.001, and 0.01 with sgd")
    network("--weight-decay", type=not_negative, metavar="X", help="default: 0.01, and 0 with adam")
    network("--batch-size", type=at_least(1), metavar="N", help="default: by the number of rows")
    network(
        "--epochs",
        type=at_least(1),
        metavar="N",
        help="most passes over the rows (default: 200, more where they make fewer than 14,000 "
        "batches)",
    )
    network(
        "--patience",
        type=at_least(1),
        metavar="N",
        help="passes without a better validation loss before stopping (default: by the number of "
        "rows, at least 2,000 batches)",
    )
    network(
        "--monitor",
        choices=(LOSS, *MONITORS),
        default=TrainOptions.monitor,
        metavar="METRIC",
        help="what decides when to stop and which weights are the best: the validation loss, or a "
        "metric such as roc_auc, f1, mae (default: %(default)s)",
    )
    network(
        "--average",
        type=share,
        default=TrainOptions.average,
        metavar="D",
        help="decay of the average of the weights that is validated and saved; 0: none (default: "
        "%(default)s)",
    )
    network(
        "--seed",
        type=at_least(0),
        default=TrainOptions.seed,
        metavar="N",
        help="same seed, same model (default: %(default)s)",
    )


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
    add("--keep", **_NAMES, help="columns of the table to copy (repeatable)")
    _add_common(parser)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.description = "Measure a model on the rows of a table that holds the target."
    _add_model_and_table(parser)
    parser.add_argument("--threshold", type=probability, metavar="P", help=_THRESHOLD)
    parser.add_argument(
        "--weight",
        metavar="COLUMN",
        help="how much each row counts (default: the column that train was given, if it is there)",
    )
    _add_common(parser)


def _add_info(parser: argparse.ArgumentParser) -> None:
    parser.description = "Tell what a model file holds: columns, network, training, results."
    parser.add_argument("model", type=Path, metavar="MODEL", help="file that train wrote")
    _add_output_kind(parser)


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
