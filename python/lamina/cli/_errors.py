"""What the command line adds to the errors of tables: the file, and the options that help."""

import shlex
from collections.abc import Collection
from contextlib import AbstractContextManager
from pathlib import Path

from lamina.tabular import TableModel, table_named


def file_named(path: Path) -> AbstractContextManager[None]:
    """Within it a `TableError` names the file."""
    return table_named(str(path))


def check_columns(path: Path, model: TableModel, names: Collection[str]) -> None:
    """Refuse a table, by the names of its columns, that lacks one which the model reads."""
    with file_named(path):
        model.preprocessor.require_columns(names)


_SHORTER = {"weight_column": "weight", "group_column": "group"}


def option(name: str, value: str | None = None) -> str:
    """An option of `TrainOptions`, perhaps with its value, as it is typed in a shell."""
    typed = f"--{_SHORTER.get(name, name).replace('_', '-')}"
    if value is None:
        return typed
    mark = "=" if value.startswith("-") or name == "missing" else " "
    return f"{typed}{mark}{shlex.quote(value)}"
