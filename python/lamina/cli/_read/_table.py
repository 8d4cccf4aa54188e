"""Reads a table, whatever its kind of file, as columns."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lamina.cli._read._format import TextFormat
from lamina.cli._read._parquet import read_parquet, read_parquet_frame
from lamina.cli._read._source import Source
from lamina.cli._read._text import read_text
from lamina.tabular import MISSING_VALUES, CodedText, Column, TableError, closest


@dataclass(frozen=True)
class Kept:
    """Columns to predict from, and a frame of some of the columns as they are written."""

    columns: dict[str, Column]
    kept: pl.DataFrame


def read_table(
    path: Path,
    layout: TextFormat,
    missing_values: Collection[str] = MISSING_VALUES,
    tell: Callable[[str], None] | None = None,
) -> dict[str, Column]:
    """The columns by name. .gz files are unpacked; the path `-` reads the standard input.

    Args:
        missing_values: texts that are missing values, where they stand among numbers of a text file.
        tell: called with each sentence on how the file was read where that may surprise.

    Raises:
        TableError: no rows, repeated names, rows of unequal length, or no table at all.
        OSError: the file cannot be read.
    """
    return _read(Source(path), layout, missing_values, (), tell)


def read_kept_table(
    path: Path,
    layout: TextFormat,
    missing_values: Collection[str],
    keep: Sequence[str],
    tell: Callable[[str], None] | None = None,
) -> Kept:
    """As `read_table`, and the columns to keep as they are written (a Parquet file's have types)."""
    source = Source(path)
    columns = _read(source, layout, missing_values, keep, tell)
    for name in keep:
        if name not in columns:
            raise TableError(
                f"{path}: the table has no column '{name}' to keep{closest(name, columns)}"
            )
    if source.is_parquet():
        return Kept(columns, read_parquet_frame(source, dict.fromkeys(keep)))
    return Kept(
        columns, pl.DataFrame([_series(name, columns[name]) for name in dict.fromkeys(keep)])
    )


def _read(
    source: Source,
    layout: TextFormat,
    missing_values: Collection[str],
    as_text: Collection[str],
    tell: Callable[[str], None] | None,
) -> dict[str, Column]:
    if source.is_parquet():
        return read_parquet(source)
    found = read_text(source, layout, missing_values, as_text)
    for note in found.notes if tell else ():
        tell(f"{source.path}: {note}")
    return found.columns


def _series(name: str, column: Column) -> pl.Series:
    assert isinstance(column, CodedText)
    return pl.Series(name, column.distinct, pl.String).gather(column.codes)
