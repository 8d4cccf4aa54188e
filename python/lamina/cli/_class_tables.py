"""What `lamina evaluate` shows of classes: which are taken for which, and the figures of each."""

import numpy as np
from rich.console import Console
from rich.table import Table

from lamina.cli._report import format_figure, new_table, say
from lamina.tabular import ClassReport

# More classes make a matrix that nobody reads.
_MOST_CLASSES = 12
_MOST_CONFUSIONS = 10
_MOST_ROWS = 20
_LONGEST_NAME = 24
# Blanks between the cells of two columns.
_MARGIN = 3
_CORNER = "true \\ predicted"


def print_confusions(console: Console, report: ClassReport) -> None:
    """The confusion matrix, or the largest confusions where no one could read a matrix."""
    table = _matrix(console, report) if len(report.classes) <= _MOST_CLASSES else None
    if table is not None:
        console.print(table)
    elif report.confusions():
        say(console, "largest confusions:")
        console.print(_list(report))


def print_class_figures(console: Console, report: ClassReport) -> None:
    """Rows, precision, recall and F1 of each class; of very many those with the lowest F1."""
    table = new_table()
    table.add_column("class", overflow="fold")
    for title in (_counted(report), "precision", "recall", "F1"):
        table.add_column(title, justify="right")
    places = list(range(len(report.classes)))
    if len(places) > _MOST_ROWS:
        lowest = np.argsort(report.f1, kind="stable")[:_MOST_ROWS]  # NaN comes last
        places = lowest.tolist()
    for place in places:
        figures = (report.precision[place], report.recall[place], report.f1[place])
        table.add_row(
            report.classes[place],
            _count(report.rows[place]),
            *(format_figure("", float(figure)) for figure in figures),
        )
    console.print(table)
    if len(places) < len(report.classes):
        more = len(report.classes) - len(places)
        say(console, f"the {len(places)} classes of the lowest F1; {more:,} more in --json")


def _matrix(console: Console, report: ClassReport) -> Table | None:
    """True classes as rows, predicted ones as columns; numbered where their names do not fit.

    None where not even that fits.
    """
    cells = [[_count(count) for count in row] for row in report.matrix.tolist()]
    plain = [_shorten(name) for name in report.classes]
    numbers = [f"({place})" for place in range(1, len(plain) + 1)]
    numbered = [f"{number} {name}" for number, name in zip(numbers, plain, strict=True)]
    for names, headings in ((plain, plain), (numbered, numbers)):
        columns = [[_CORNER, *names], *map(list, zip(headings, *cells, strict=True))]
        widths = [max(map(len, column)) for column in columns]
        if sum(width + _MARGIN for width in widths) < console.width:
            table = new_table()
            table.add_column(_CORNER)
            for heading in headings:
                table.add_column(heading, justify="right")
            for name, row in zip(names, cells, strict=True):
                table.add_row(name, *row)
            return table
    return None


def _list(report: ClassReport) -> Table:
    table = new_table()
    for title in ("true class", "predicted as"):
        table.add_column(title, overflow="fold")
    for title in (_counted(report), f"of its {_counted(report)}"):
        table.add_column(title, justify="right")
    total = dict(zip(report.classes, report.rows, strict=True))
    for true, predicted, rows in report.confusions()[:_MOST_CONFUSIONS]:
        table.add_row(true, predicted, _count(rows), f"{rows / total[true]:.1%}")
    return table


def _counted(report: ClassReport) -> str:
    return "rows" if report.matrix.dtype == np.int64 else "weight"


def _count(rows: float) -> str:
    """Rows, or weights in sum with five digits."""
    if isinstance(rows, int):
        return f"{rows:,}"
    return f"{rows:,.0f}" if 1e4 <= rows < 1e15 else f"{rows:.5g}"


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."
