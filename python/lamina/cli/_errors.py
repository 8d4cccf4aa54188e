"""What the command line adds to the errors of tables: the file, and the options that help."""

import shlex
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from lamina.tabular import (
    CellError,
    ColumnSummary,
    NoColumnError,
    TableError,
    TableModel,
    is_marked_number,
    measure_unit,
)

_SHOWN = 3


@contextmanager
def file_named(path: Path) -> Iterator[None]:
    """Within it a `TableError` names the file."""
    try:
        yield
    except CellError as error:
        raise error.within(str(path)) from None
    except TableError as error:
        raise TableError(f"{path}: {error}") from None


def check_columns(path: Path, model: TableModel, names: Collection[str]) -> None:
    """Refuse a table, by the names of its columns, that lacks one which the model reads."""
    with file_named(path):
        model.preprocessor.require_columns(names)


@contextmanager
def options_named(target: str) -> Iterator[None]:
    """Within it an error that leaves the kind of a column to the user names the options for it."""
    try:
        yield
    except NoColumnError as error:
        options = [option for option in map(remedy_option, error.columns) if option]
        if not options:
            raise
        raise TableError(f"{error} ({' or '.join(options[:_SHOWN])} takes it)") from None
    except CellError as error:
        options = [_options(offer, error.column, target) for offer in error.offers]
        if not any(options):
            raise
        raise TableError(f"{error.sentence} ({' or '.join(filter(None, options))})") from None


def remedy_option(summary: ColumnSummary) -> str:
    """The option that changes what a column was taken for; "" where none would."""
    if summary.remedy.startswith("date:"):
        form = summary.remedy.removeprefix("date:")
        return option("--date-format", f"{summary.name}={form}")
    if summary.remedy.startswith("missing:"):
        return option("--missing", summary.remedy.removeprefix("missing:"))
    names = {"number": "--numeric", "category": "--categorical", "parsed": "--parse-numbers"}
    name = names.get(summary.remedy)
    return option(name, summary.name) if name else ""


def option(name: str, value: str) -> str:
    """An option with its value, as it is typed in a shell."""
    mark = "=" if value.startswith("-") or name == "--missing" else " "
    return f"{name}{mark}{shlex.quote(value)}"


def _options(offer: tuple[str, ...], column: str, target: str) -> str:
    """What to type for an offer of a `CellError`; "" where the target does not allow it."""
    kind, *texts = offer
    if kind == "decimal":
        return option("--decimal", ",")
    if kind == "unread":
        marked = is_marked_number(texts[0], measure_unit({texts[0]: 1}))
        parse = option("--parse-numbers", column)
        return " or ".join([*([parse] if marked else []), option("--missing", texts[0])])
    if kind in ("category", "ignored") and column == target:
        return "--task classification" if kind == "category" else ""
    if kind == "date" and column == target:
        return ""
    typed = {
        "category": [option("--categorical", column)],
        "ignored": [option("--ignore", column)],
        "parse": [option("--parse-numbers", column)],
        "date": [option("--date-format", f"{column}={texts[0]}")] if kind == "date" else [],
        "missing": [],
    }[kind]
    missing = texts[1:] if kind == "date" else texts
    return " ".join([*typed, *(option("--missing", text) for text in missing)])
