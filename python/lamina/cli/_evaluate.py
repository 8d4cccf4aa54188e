"""`lamina evaluate`: figures of a model on a table that holds the target."""

from lamina.cli._arguments import Arguments
from lamina.cli._errors import file_named
from lamina.cli._network import set_threads
from lamina.cli._read import read_table, text_format
from lamina.cli._report import make_console, print_json, print_results, say
from lamina.tabular import TableModel


def run(arguments: Arguments) -> None:
    """Read model and table, measure, print."""
    set_threads(arguments.threads)
    model = TableModel.load(arguments.model)
    console = make_console(quiet=arguments.json)
    table = read_table(
        arguments.table,
        text_format(arguments, model.preprocessor.formats.numbers),
        model.preprocessor.missing_values,
        target=model.target.name,
        tell=lambda note: say(console, note),
    )
    with file_named(arguments.table):
        scores = model.evaluate(table)
    if arguments.json:
        print_json({"target": model.target.name, "task": model.target.task} | scores)
        return
    say(console, f"{model.target.task} of '{model.target.name}' in {arguments.table}")
    print_results(console, {"model": scores})
