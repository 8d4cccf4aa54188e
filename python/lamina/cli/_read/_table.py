"""Reads a table, whatever its kind of file, as columns."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lamina.cli._names import find_columns, names_meant
from lamina.cli._read._format import TextFormat
from lamina.cli._read._parquet import read_parquet, read_parquet_frame
from lamina.cli._read._source import Source
from lamina.cli._read._text import read_text
from lamina.tabular import MISSING_VALUES, CodedText, Column


@dataclass(frozen=True)
class Kept:
    """Columns to predict from, and a frame of some of the columns as they are written."""

    columns: dict[str, Column]
    kept: pl.DataFrame


def read_table(
    path: Path,
    layout: TextFormat,
    missing_values: Collection[str] = MISSING_VALUES,
    *,
    targets: Collection[str] = (),
    tell: Callable[[str], None] | None = None,
    check: Callable[[Collection[str]], object] | None = None,
) -> dict[str, Column]:
    """The columns by name. .gz files are unpacked; the path `-` reads the standard input.

    Args:
        missing_values: texts that are missing values where a text file holds them among numbers.
        targets: columns in which they stay texts.
        tell: called with each sentence on how the file was read where that may surprise.
        check: called with the names of the columns before the rows are read; it may raise.

    Raises:
        TableError: no rows, repeated names, rows of unequal length, or no table at all.
        OSError: the file cannot be read.
    """
    source = Source(path)
    if source.is_parquet():
        return read_parquet(source, check)
    return read_text(source, layout, missing_values, targets=targets, tell=tell, check=check)


def read_kept_table(
    path: Path,
    layout: TextFormat,
    missing_values: Collection[str],
    keep: Sequence[str],
    tell: Callable[[str], None] | None = None,
    check: Callable[[Collection[str]], object] | None = None,
) -> Kept:
    """As `read_table`, and columns as they are written: those of Parquet with their types.

    Args:
        keep: the values of the option `--keep`.
    """

    def check_all(names: Collection[str]) -> None:
        find_columns("--keep", keep, names)
        if check is not None:
            check(names)

    source = Source(path)
    if source.is_parquet():
        columns = read_parquet(source, check_all)
        names = find_columns("--keep", keep, columns)
        return Kept(columns, read_parquet_frame(source, names) if names else pl.DataFrame())
    texts = names_meant(keep)
    columns = read_text(source, layout, missing_values, as_text=texts, tell=tell, check=check_all)
    names = find_columns("--keep", keep, columns)
    return Kept(columns, pl.DataFrame([_series(name, columns[name]) for name in names]))


def _series(name: str, column: Column) -> pl.Series:
    assert isinstance(column, CodedText)
    return pl.Series(name, column.distinct, pl.String).gather(column.codes)
