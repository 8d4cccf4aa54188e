"""What errors of tables add for who trains on one: the table's name, and the options that help."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from lamina.tabular._columns import CellError, TableError
from lamina.tabular._formats import is_marked_number, measure_unit
from lamina.tabular._inspect import ColumnSummary, NoColumnError

# An option by its name, with a value or None without one, as the user writes it.
Spell = Callable[[str, str | None], str]

_SHOWN = 3
_NUMBERS = ("interval",)
_LISTS = ("numeric", "categorical", "ignore", "parse_numbers", "missing", "only_missing")


def python_option(name: str, value: str | None = None) -> str:
    """An option of `TableModel.fit`, as it is written in Python."""
    if value is None:
        return name
    if name == "date_format":
        column, _, form = value.rpartition("=")
        return f"{name}={{{column!r}: {form!r}}}"
    if name in _NUMBERS:
        return f"{name}={value}"
    return f"{name}=[{value!r}]" if name in _LISTS else f"{name}={value!r}"


@contextmanager
def table_named(name: str) -> Iterator[None]:
    """Within it a `TableError` names the table; an empty name stands for the only one."""
    try:
        yield
    except CellError as error:
        if not name:
            raise
        raise error.within(name) from None
    except TableError as error:
        if not name:
            raise
        raise TableError(f"{name}: {error}") from None


@contextmanager
def options_named(targets: Collection[str], spell: Spell) -> Iterator[None]:
    """Within it an error that leaves the kind of a column to the user names the options for it."""
    try:
        yield
    except NoColumnError as error:
        typed = [remedy_option(summary, spell) for summary in error.columns]
        options = [option for option in typed if option]
        if not options:
            raise
        raise TableError(f"{error} ({' or '.join(options[:_SHOWN])} takes it)") from None
    except CellError as error:
        is_target = error.column in targets
        options = [_options(offer, error.column, is_target, spell) for offer in error.offers]
        if not any(options):
            raise
        raise TableError(f"{error.sentence} ({' or '.join(filter(None, options))})") from None


def remedy_option(summary: ColumnSummary, spell: Spell) -> str:
    """The option that changes what a column was taken for; "" where none would."""
    if summary.remedy.startswith("date:"):
        form = summary.remedy.removeprefix("date:")
        return spell("date_format", f"{summary.name}={form}")
    if summary.remedy.startswith("missing:"):
        return spell("missing", summary.remedy.removeprefix("missing:"))
    names = {"number": "numeric", "category": "categorical", "parsed": "parse_numbers"}
    name = names.get(summary.remedy)
    return spell(name, summary.name) if name else ""


def _options(offer: tuple[str, ...], column: str, is_target: bool, spell: Spell) -> str:
    """What to write for an offer of a `CellError`; "" where the target does not allow it."""
    kind, *texts = offer
    if kind == "decimal":
        return spell("decimal", ",")
    if kind == "unread":
        marked = is_marked_number(texts[0], measure_unit({texts[0]: 1}))
        parse = spell("parse_numbers", column)
        return " or ".join([*([parse] if marked else []), spell("missing", texts[0])])
    if kind in ("category", "ignored") and is_target:
        return spell("task", "classification") if kind == "category" else ""
    if kind == "date" and is_target:
        return ""
    typed = {
        "category": [spell("categorical", column)],
        "ignored": [spell("ignore", column)],
        "parse": [spell("parse_numbers", column)],
        "date": [spell("date_format", f"{column}={texts[0]}")] if kind == "date" else [],
        "missing": [],
    }[kind]
    missing = texts[1:] if kind == "date" else texts
    return " ".join([*typed, *(spell("missing", text) for text in missing)])
