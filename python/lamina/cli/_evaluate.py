"""`lamina evaluate`: figures of a model on a table that holds the target."""

from dataclasses import asdict

from lamina.cli._arguments import Arguments
from lamina.cli._errors import file_named
from lamina.cli._network import set_threads
from lamina.cli._read import read_table, text_format
from lamina.cli._report import make_console, print_issues, print_json, print_results, say
from lamina.tabular import TableModel, score_outputs


def run(arguments: Arguments) -> None:
    """Read model and table, measure, print."""
    set_threads(arguments.threads)
    model = TableModel.load(arguments.model)
    table = read_table(arguments.table, text_format(arguments, model.preprocessor.formats.numbers))
    with file_named(arguments.table):
        measured = model.measure(table)
    scores = score_outputs(model.target, measured.target, measured.outputs)
    print_issues(measured.issues, len(measured.target))
    if arguments.json:
        issues = {"not_in_training": [asdict(issue) for issue in measured.issues]}
        print_json({"target": model.target.name, "task": model.target.task} | scores | issues)
        return
    console = make_console(quiet=arguments.json)
    say(console, f"{model.target.task} of '{model.target.name}' in {arguments.table}")
    print_results(console, {"model": scores})
