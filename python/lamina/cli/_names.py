"""Names of columns in options: repeatable, several between commas, or one that has a comma."""

import csv
from collections.abc import Collection, Sequence

from lamina.tabular import TableError, closest


def split_names(text: str) -> list[str]:
    """The names between the commas of a text; a name with a comma stands in double quotes.

    Raises:
        TableError: an empty name.
    """
    names = [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]
    if not names or not all(names):
        raise TableError(f"expected names between commas, got '{text}'")
    return names


def find_columns(option: str, values: Sequence[str], columns: Collection[str]) -> list[str]:
    """The columns that the values of a repeatable option name; a whole column's name comes first.

    Raises:
        TableError: a name that no column has.
    """
    found: list[str] = []
    for value in values:
        for name in [value] if value in columns else split_names(value):
            if name not in columns:
                raise TableError(f"{option}: there is no column '{name}'{closest(name, columns)}")
            found.append(name)
    return list(dict.fromkeys(found))


def names_meant(values: Sequence[str]) -> set[str]:
    """All names that the values of a repeatable option may mean, before a table is read."""
    return {name for value in values for name in (value, *split_names(value))}


def find_date_formats(values: Sequence[str], columns: Collection[str]) -> dict[str, str]:
    """Column to format, of the values COLUMN=FORMAT of `--date-format`.

    Raises:
        TableError: a value without a format, a name that no column has, or one named twice.
    """
    formats: dict[str, str] = {}
    for value in values:
        # A format has a % and no =, a column's name may have both.
        name, mark, form = value.rpartition("=")
        if not mark or "%" not in form:
            raise TableError(
                f"--date-format: expected COLUMN=FORMAT such as day=%d.%m.%Y, got '{value}'"
            )
        if name not in columns:
            raise TableError(f"--date-format: there is no column '{name}'{closest(name, columns)}")
        if name in formats:
            raise TableError(f"--date-format: column '{name}' is named twice")
        formats[name] = form
    return formats
