"""What the command line adds to the errors of tables: the file, and the options that help."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lamina.tabular import CellError, TableError, is_marked_number


@contextmanager
def file_named(path: Path) -> Iterator[None]:
    """Within it a `TableError` names the file."""
    try:
        yield
    except CellError as error:
        raise error.within(str(path)) from None
    except TableError as error:
        raise TableError(f"{path}: {error}") from None


@contextmanager
def options_named(target: str) -> Iterator[None]:
    """Within it an error that leaves the kind of a column to the user names the options for it."""
    try:
        yield
    except CellError as error:
        if not error.doubtful:
            raise
        column, text = shlex.quote(error.column), shlex.quote(error.doubtful)
        options = [f"--missing={text}"]
        if is_marked_number(error.doubtful):
            options = ["--decimal ,"] if "," in error.doubtful else []
        if error.column == target:
            options += ["--task classification"]
        else:
            options += [f"--categorical {column}", f"--ignore {column}"]
        raise TableError(f"{error} ({' or '.join(options)})") from None
