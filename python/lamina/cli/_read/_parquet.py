"""Parquet files, column by column, so that the table is never there twice."""

import io
import json
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import polars as pl

from lamina.cli._arguments import STANDARD_INPUT
from lamina.cli._read._file_kind import PARQUET
from lamina.cli._read._source import Source
from lamina.tabular import Column, TableError, as_columns


def read_parquet(
    source: Source, check: Callable[[Collection[str]], object] | None = None
) -> dict[str, Column]:
    """The columns as `as_columns` makes them of a frame; `check` first sees their names.

    Raises:
        TableError: damaged, no columns or no rows.
    """
    columns: dict[str, Column] = {}
    file = _file(source)
    names = _names(source, file)
    if check is not None:
        check(names)
    for name in names:
        frame = _frame(source, file, [name])
        if frame.height == 0:
            raise TableError(f"{source.path}: the table has no rows")
        columns |= as_columns(frame)
    if not columns:
        raise TableError(f"{source.path}: the table has no columns")
    return columns


def read_parquet_frame(source: Source, names: Iterable[str]) -> pl.DataFrame:
    """Some of the columns, with their own types."""
    return _frame(source, _file(source), list(names))


def index_columns(path: Path) -> list[str]:
    """The columns of a Parquet file that hold the index of the pandas frame that wrote it."""
    try:
        with path.open("rb") as file:
            if file.read(len(PARQUET)) != PARQUET:
                return []
            metadata = pl.read_parquet_metadata(file).get("pandas")
        columns = json.loads(metadata)["index_columns"] if metadata else []
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError):
        return []  # what is wrong with the file, its reader says better
    return [name for name in columns if isinstance(name, str)]


def _file(source: Source) -> Path | bytes:
    if source.path != STANDARD_INPUT and not source.packed:
        return source.path
    with source.open() as file:
        return file.read()


def _names(source: Source, file: Path | bytes) -> list[str]:
    try:
        with io.BytesIO(file) if isinstance(file, bytes) else file.open("rb") as opened:
            return list(pl.read_parquet_schema(opened))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(source, error) from error


def _frame(source: Source, file: Path | bytes, names: list[str]) -> pl.DataFrame:
    try:
        if isinstance(file, bytes):
            return pl.read_parquet(io.BytesIO(file), columns=names)
        return pl.read_parquet(file, columns=names, glob=False, hive_partitioning=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(source, error) from error


def _unreadable(source: Source, error: Exception) -> TableError:
    return TableError(f"{source.path}: this Parquet file cannot be read: {error}")
