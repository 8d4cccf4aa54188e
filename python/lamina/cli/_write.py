"""Files that the commands write: checked before the work, and tables by the name's ending."""

import errno
import os
from pathlib import Path

import polars as pl

from lamina.cli._arguments import STANDARD_INPUT
from lamina.tabular import TableError

_TABLES = (".csv", ".tsv", ".parquet")


def check_inputs(*tables: Path | None) -> None:
    """Find out before the first table is read that another one cannot be.

    Raises:
        TableError: two come from the standard input. OSError: one is not there, or not readable.
    """
    given = [path for path in tables if path is not None]
    if given.count(STANDARD_INPUT) > 1:
        raise TableError("only one table can come from the standard input (-)")
    for path in given:
        # Opening a pipe would use it up.
        if path != STANDARD_INPUT and path.stat() and not os.access(path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def check_output(path: Path, *inputs: Path | None, option: str = "--output") -> None:
    """Find out before the work that its result could not be written, or would replace an input."""
    if path.is_dir():
        what = "is a folder"
    elif not path.parent.is_dir():
        what = f"there is no folder {path.parent}"
    elif not os.access(path.parent, os.W_OK):
        what = f"no file may be written in the folder {path.parent}"
    elif any(same_file(path, table) for table in inputs):
        what = "would replace the table that is read"
    else:
        return
    raise TableError(f"{option} {path}: {what}; give the name of a file to write")


def check_table_output(path: Path, *inputs: Path | None, option: str = "--output") -> None:
    """As `check_output`, and the name says which kind of table to write."""
    if path.suffix not in _TABLES:
        raise TableError(f"{option} {path}: expected a name that ends in {', '.join(_TABLES)}")
    check_output(path, *inputs, option=option)


def same_file(path: Path, other: Path | None) -> bool:
    """Whether both are one file that is there."""
    try:
        return other is not None and path.samefile(other)
    except OSError:
        return False


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write the kind of table that the name asks for."""
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path, separator="\t" if path.suffix == ".tsv" else ",")
