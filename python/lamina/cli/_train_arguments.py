"""What `lamina train` takes: its arguments, their defaults and their help."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lamina.cli._errors import option
from lamina.cli._option_values import (
    activation,
    at_least,
    class_weight,
    fraction,
    levels,
    not_negative,
    positive,
    share,
    sizes,
)
from lamina.cli._parser import CommandParser
from lamina.tabular import (
    LOSS,
    MONITORS,
    NUMBER_ENCODINGS,
    OPTIMIZERS,
    PRESETS,
    SPLITS,
    TASKS,
    TrainOptions,
)

# Options that name columns: between commas, or repeated; see `find_columns`.
NAMES: dict[str, Any] = {"action": "append", "default": [], "metavar": "A,B"}


def add_train_options(parser: argparse.ArgumentParser) -> None:
    """Those of `lamina train` alone."""
    parser.description = (
        "Learn to predict one column of a table (CSV, TSV, also .gz, or Parquet) from the others, "
        "and save the preprocessing and the network as one file."
    )
    add = parser.add_argument
    add("table", type=Path, metavar="TABLE", help="training rows; - for the standard input")
    add(
        "--target",
        action="append",
        required=True,
        metavar="COLUMN",
        help="column to predict; repeated: several columns of numbers, by one network",
    )
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
        help="which rows are held back: some at random, the latest by the column of dates, the "
        "last of the table, or whole groups (default: random)",
    )
    add(
        "--time-column", metavar="COLUMN", help="dates or numbers by which --split time orders rows"
    )
    add(
        "--group",
        dest="group_column",
        metavar="COLUMN",
        help="rows of one value, such as those of a patient, are held back together; the column is "
        "no input unless --categorical or --numeric names it",
    )
    add("--test", type=Path, metavar="FILE", help="rows for a last measurement")
    add(
        "--importance",
        action="store_true",
        help="tell at the end how much the model relies on each column, by its validation rows",
    )
    add(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="model file to write (default: model.lamina; with --folds: none)",
    )

    _add_fold_options(parser)
    _add_target_options(parser)
    _add_column_options(parser)
    _add_network_options(parser)
    _add_training_options(parser)


def _add_fold_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("cross-validation").add_argument
    add(
        "--folds",
        type=at_least(2),
        metavar="N",
        help="train N models, each without one of N parts of the rows, and measure each on its "
        "part; parts follow --split, --group and --time-column; --output then trains on all rows "
        "too",
    )
    add(
        "--predictions",
        type=Path,
        metavar="FILE",
        help="what the folds predict for the rows of the table: .csv, .tsv or .parquet",
    )


def _add_target_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("target").add_argument
    add("--task", choices=TASKS, default=TrainOptions.task, help="default: by the target's values")
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
    add(
        "--quantiles",
        type=levels,
        default=[],
        metavar="P,P",
        help="quantiles of a number to predict, such as 0.05,0.95, beside the median",
    )
    add(
        "--interval",
        type=fraction,
        metavar="SHARE",
        help="predict an interval of a number that holds this share of the rows, such as 0.9",
    )
    add(
        "--calibrate",
        action="store_true",
        help="scale the probabilities of classes by a temperature of the validation rows",
    )


def _add_column_options(parser: argparse.ArgumentParser) -> None:
    columns = parser.add_argument_group("columns").add_argument
    for name, what in (
        ("--numeric", "columns of numbers, also running numbers and ids"),
        ("--categorical", "columns of categories"),
        ("--ignore", "columns to leave out"),
        ("--parse-numbers", "columns of numbers with marks: 1,234.5, $5, 40%%, <0.5 (0.5)"),
    ):
        columns(name, **NAMES, help=f"{what} (repeatable)")
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
        help="how numbers are encoded (default: by the preset)",
    )
    columns(
        "--bins",
        type=at_least(2),
        default=TrainOptions.bins,
        metavar="N",
        help="most edges a number gets with piecewise encoding (default: %(default)s)",
    )
    columns(
        "--max-one-hot",
        type=at_least(0),
        metavar="N",
        help="columns of more categories become learned vectors in place of one input for each "
        "category (default: by the preset; realmlp-td: 8, tabm-mini: 100, others: none do)",
    )
    columns(
        "--embedding-units",
        type=at_least(1),
        metavar="N",
        help="size of these vectors (default: by the preset, or 1.6 categories^0.56)",
    )


def _add_network_options(parser: argparse.ArgumentParser) -> None:
    network = parser.add_argument_group("network").add_argument
    network(
        "--preset",
        choices=tuple(PRESETS),
        default=TrainOptions.preset,
        help="the recipe of the networks, of which the options below replace parts (default: "
        "%(default)s)",
    )
    network(
        "--hidden",
        type=sizes,
        metavar="N,N",
        help="units of the hidden layers, such as 256,128 (default: by the preset)",
    )
    network(
        "--activation",
        type=activation,
        default=TrainOptions.activation,
        metavar="NAME",
        help="of the hidden layers: relu, gelu, silu, tanh, ... (default: by the preset)",
    )
    network(
        "--dropout",
        type=share,
        default=TrainOptions.dropout,
        metavar="P",
        help="share of hidden units dropped while training (default: by the preset)",
    )


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training")
    add = group.add_argument
    add(
        "--optimizer",
        choices=OPTIMIZERS,
        default=TrainOptions.optimizer,
        help="default: by the preset",
    )
    add("--learning-rate", type=positive, metavar="X", help="default: by preset and optimizer")
    add("--weight-decay", type=not_negative, metavar="X", help="default: by preset and optimizer")
    add("--batch-size", type=at_least(1), metavar="N", help="default: by the number of rows")
    add(
        "--average",
        type=share,
        default=TrainOptions.average,
        metavar="D",
        help="decay of the average of the weights that is validated and saved; 0: none (default: "
        "by the preset)",
    )
    add(
        "--members",
        "--n-members",
        dest="n_members",
        type=at_least(1),
        default=TrainOptions.n_members,
        metavar="N",
        help="networks whose outputs are averaged; each holds back another share of the rows "
        "(default: by the preset)",
    )
    add(
        "--seed",
        type=at_least(0),
        default=TrainOptions.seed,
        metavar="N",
        help="same seed, same model (default: %(default)s)",
    )
    _add_stopping_options(group.add_argument)


def _add_stopping_options(add: Callable[..., Any]) -> None:
    add(
        "--epochs",
        type=at_least(1),
        metavar="N",
        help="most passes over the rows (default: by the preset; plain: 200, more where they make "
        "fewer than 14,000 batches)",
    )
    add(
        "--patience",
        type=at_least(1),
        metavar="N",
        help="passes without a better validation loss before stopping (default: by the preset; "
        "plain: by the number of rows, at least 2,000 batches)",
    )
    add(
        "--monitor",
        choices=(LOSS, *MONITORS),
        default=TrainOptions.monitor,
        metavar="METRIC",
        help="what decides when to stop and which weights are the best: the validation loss, or a "
        "metric such as roc_auc, f1, mae (default: %(default)s)",
    )
    add(
        "--time",
        "--time-limit",
        dest="time_limit",
        type=positive,
        metavar="SECONDS",
        help="of all of it; further networks are trained while time is left (default: none)",
    )


def check_train_options(parser: CommandParser, arguments: Any) -> None:
    """End with an error of usage where options contradict each other."""
    error = parser.error
    if arguments.validation:
        for name in ("split", "time_column", "group_column"):
            if getattr(arguments, name):
                error(f"{option(name)}: no rows are held back where --validation gives them")
    if arguments.folds and arguments.validation:
        error("--folds: expected no --validation beside it; each fold holds back its own rows")
    if arguments.predictions and not arguments.folds:
        error("--predictions: expected --folds beside it, whose predictions it is for")
    for given, typed in ((arguments.test, "--test"), (arguments.importance, "--importance")):
        if arguments.folds and given and not arguments.output:
            error(f"{typed}: with --folds, expected --output too, for a model of all rows")
    for name in arguments.target:
        if arguments.target.count(name) > 1:
            error(f"--target: column '{name}' is named twice")
    weights = arguments.class_weight
    if "balanced" in weights and len(weights) > 1:
        error("--class-weight: expected balanced alone, or weights of classes alone")
    names = [weight[0] for weight in weights if weight != "balanced"]
    for name in names:
        if names.count(name) > 1:
            error(f"--class-weight: class '{name}' is named twice")
    columns = {"time": arguments.time_column, "group": arguments.group_column}
    for kind, column in columns.items():
        if column and arguments.split not in (None, kind):
            typed = option(f"{kind}_column")
            error(f"{typed} goes with --split {kind}, not with --split {arguments.split}")
    if arguments.split == "group" and not arguments.group_column:
        error("--split group: expected --group COLUMN beside it")
    if all(columns.values()):
        error("--group: expected --group or --time-column, got both")
