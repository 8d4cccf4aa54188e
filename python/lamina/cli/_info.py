"""`lamina info`: what a model file holds."""

from typing import Any

from rich.console import Console

from lamina._network.model_file import load_model
from lamina._sequential import Sequential
from lamina._training.progress import duration
from lamina.cli._arguments import Arguments
from lamina.cli._report import (
    describe_epochs,
    make_console,
    print_columns,
    print_json,
    print_results,
    say,
)
from lamina.tabular import (
    DEFAULT_THRESHOLD,
    ClassTarget,
    ColumnSummary,
    Spread,
    TableModel,
    names_of,
)


def run(arguments: Arguments) -> None:
    """Read the model and print what it is."""
    network, record, _ = load_model(arguments.model, Sequential, selftest=arguments.selftest)
    console = make_console(quiet=arguments.json)
    if arguments.selftest:
        say(console, "its self-test passes: the stored rows give the stored outputs")
    if not record:
        if arguments.json:
            print_json({"network": network.to_spec(), "dtype": network.dtype})
        else:
            say(console, f"a network without a table, for lamina.load:\n{network}")
        return
    model = TableModel.load(arguments.model)
    training = model.training
    if arguments.json:
        print_json(_describe(model))
        return
    say(console, f"{model.target.task} of {names_of(model.target)}")
    if isinstance(model.target, ClassTarget):
        names = ", ".join(f"'{name}'" for name in model.target.classes[:20])
        more = ", ..." if len(model.target.classes) > 20 else ""
        say(console, f"classes: {names}{more}")
        if model.target.positive is not None:
            limit = f"{DEFAULT_THRESHOLD:g} (--threshold of predict and evaluate)"
            say(console, f"'{model.target.positive}' where its probability is above {limit}")
    elif model.target.spread is not None:
        _say_spread(console, model.target.spread)
    say(
        console,
        f"{len(model.preprocessor.encoders)} columns become {model.preprocessor.width} features",
    )
    if "network" in training:
        count = len(training.get("members", [None]))
        several = f" (the first of {count})" if count > 1 else ""
        say(console, f"network: {training['network']}{several}")
    if "columns" in training:
        print_columns(console, [ColumnSummary(**column) for column in training["columns"]])
    if training.keys() >= {"table", "rows", "seconds", "epochs", "best_epoch", "results"}:
        say(
            console,
            f"trained on {training['rows']['training']:,} rows of {training['table']} in "
            f"{duration(training['seconds'])}, {describe_epochs(training)}",
        )
        if training["results"]:
            print_results(console, training["results"], main=True)


def _say_spread(console: Console, spread: Spread) -> None:
    levels = ", ".join(f"{level:g}" for level in spread.levels)
    say(console, f"quantiles: {levels}; the prediction is the median")
    if spread.coverage is not None:
        say(console, f"interval: holds {spread.coverage:g} of the rows")


def _describe(model: TableModel) -> dict[str, Any]:
    target: dict[str, Any] = {"name": model.target.name, "task": model.target.task}
    if isinstance(model.target, ClassTarget):
        target["classes"] = list(model.target.classes)
        target["positive"] = model.target.positive
        target["temperature"] = model.target.temperature
    else:
        spread = model.target.spread
        target["names"] = list(model.target.names)
        target["quantiles"] = [] if spread is None else list(spread.levels)
        target["interval"] = None if spread is None else spread.coverage
    return {
        "target": target,
        "reads": model.preprocessor.column_names,
        "ignores": model.preprocessor.ignored,
        "features": model.preprocessor.width,
        "training": model.training,
    }
