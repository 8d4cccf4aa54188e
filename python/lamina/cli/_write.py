"""Files that the commands write: checked before the work, and tables by the name's ending."""

import os
from pathlib import Path

import polars as pl

from lamina.tabular import TableError

_TABLES = (".csv", ".tsv", ".parquet")


def check_output(path: Path) -> None:
    """Find out before the work that its result could not be written."""
    if path.is_dir():
        what = "is a folder"
    elif not path.parent.is_dir():
        what = f"there is no folder {path.parent}"
    elif not os.access(path.parent, os.W_OK):
        what = f"no file may be written in the folder {path.parent}"
    else:
        return
    raise TableError(f"--output {path}: {what}; give the name of a file to write")


def check_table_output(path: Path) -> None:
    """As `check_output`, and the name says which kind of table to write."""
    if path.suffix not in _TABLES:
        raise TableError(f"--output {path}: expected a name that ends in {', '.join(_TABLES)}")
    check_output(path)


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write the kind of table that the name asks for."""
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path, separator="\t" if path.suffix == ".tsv" else ",")
