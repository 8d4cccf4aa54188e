"""Tables from CSV, TSV and Parquet files, as numpy columns."""

import codecs
import csv
import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lamina.cli._arguments import STANDARD_INPUT, Arguments
from lamina.cli._names import split_names
from lamina.tabular import Column, TableError, as_columns

_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_SEPARATORS = (",", "\t", ";", "|")
# 1.234,5 and 1234,5 and ,5 but neither 1,234.5 nor 31.12.2024
_COMMA_NUMBER = r"^\s*[+-]?(\d{1,3}(\.\d{3})+|\d*)(,\d+)?([eE][+-]?\d+)?\s*$"


@dataclass(frozen=True)
class TextFormat:
    """How a text table is written; None is found out from the file.

    The columns named by `as_written` stay text as they are, for `--parse-numbers` to read.
    """

    separator: str | None = None
    header: bool = True
    columns: tuple[str, ...] | None = None
    encoding: str | None = None
    decimal: str = "."
    as_written: frozenset[str] = frozenset()


def text_format(arguments: Arguments, as_written: Iterable[str] = ()) -> TextFormat:
    """The format that a command's options give."""
    columns = arguments.columns
    if columns and len(columns) == 1:
        columns = split_names(columns[0])
    return TextFormat(
        arguments.separator,
        not arguments.no_header,
        tuple(columns) if columns else None,
        arguments.encoding,
        arguments.decimal,
        frozenset(as_written),
    )


def read_table(path: Path, layout: TextFormat) -> dict[str, Column]:
    """The columns by name as `as_columns` makes them.

    Raises:
        As `read_frame`.
    """
    return columns_of(read_frame(path, layout))


def columns_of(frame: pl.DataFrame) -> dict[str, Column]:
    """The columns of a frame as `read_table` gives them."""
    return as_columns(frame)


def index_columns(path: Path) -> list[str]:
    """The columns of a Parquet file that hold the index of the pandas frame that wrote it."""
    try:
        with path.open("rb") as file:
            if file.read(len(_PARQUET)) != _PARQUET:
                return []
        metadata = pl.read_parquet_metadata(path).get("pandas")
        columns = json.loads(metadata)["index_columns"] if metadata else []
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError):
        return []  # what is wrong with the file, its reader says better
    return [name for name in columns if isinstance(name, str)]


def read_frame(path: Path, layout: TextFormat) -> pl.DataFrame:
    """The table as it is written: Parquet with its types, text files as text (missing cells null).

    .gz files are unpacked. The kind of file is told by its content. The path `-` reads the
    standard input.

    Raises:
        TableError: no rows, repeated names, rows of unequal length, or no table at all.
        OSError: the file cannot be read.
    """
    data = sys.stdin.buffer.read() if path == STANDARD_INPUT else path.read_bytes()
    if data.startswith(_GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise TableError(f"{path}: the gzip data are damaged or cut short") from error
    frame = _read_parquet(path, data) if data.startswith(_PARQUET) else None
    if frame is None:
        frame = _read_text(path, data, layout)
    if frame.height == 0:
        raise TableError(f"{path}: the table has no rows")
    return frame


def _read_parquet(path: Path, data: bytes) -> pl.DataFrame:
    try:
        return pl.read_parquet(io.BytesIO(data))
    except pl.exceptions.PolarsError as error:
        raise TableError(f"{path}: this Parquet file cannot be read: {error}") from error


def _read_text(path: Path, data: bytes, layout: TextFormat) -> pl.DataFrame:
    data = _as_utf8(path, data, layout.encoding)
    if not data.strip():
        raise TableError(f"{path}: the file is empty")
    separator = layout.separator or _guess_separator(data)
    frame = _parse(path, data, separator)
    if layout.header:
        found = [str(name).strip() if name is not None else "" for name in frame.row(0)]
        frame = frame.slice(1)
    else:
        found = [""] * frame.width
    names = _column_names(path, found, layout.columns)
    frame.columns = names
    return _with_points(frame, layout.as_written) if layout.decimal == "," else frame


def _as_utf8(path: Path, data: bytes, encoding: str | None) -> bytes:
    """The text as UTF-8 without a byte order mark, its lines ended as Unix or Windows does."""
    marked = next((name for mark, name in _BYTE_ORDER_MARKS.items() if data.startswith(mark)), None)
    encoding = encoding or marked or "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TableError(
            f"{path}, line {line}: expected {encoding.upper()} text; name another encoding with "
            "--encoding, such as latin-1, or give a CSV, TSV or Parquet file"
        ) from error
    if "\n" not in text:
        text = text.replace("\r", "\n")
    return text.encode()


def _with_points(frame: pl.DataFrame, as_written: frozenset[str]) -> pl.DataFrame:
    """Numbers with a decimal comma, 1.234,5, as 1234.5; any other text stays."""
    cell = pl.all().exclude(as_written)
    plain = cell.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return frame.with_columns(pl.when(cell.str.contains(_COMMA_NUMBER)).then(plain).otherwise(cell))


def _parse(path: Path, data: bytes, separator: str) -> pl.DataFrame:
    """All lines as rows of text; polars reads them unless blanks stand before quotes."""
    mark = re.escape(separator.encode())
    if re.search(mark + rb' +"', data):
        return _parse_carefully(path, data, separator)
    try:
        frame = pl.read_csv(data, has_header=False, separator=separator, infer_schema_length=0)
    except pl.exceptions.PolarsError:
        return _parse_carefully(path, data, separator)
    # Empty lines and lines that are too short read as missing cells: only counting tells.
    if frame[:, -1].null_count() > 0:
        return _parse_carefully(path, data, separator)
    return frame


def _parse_carefully(path: Path, data: bytes, separator: str) -> pl.DataFrame:
    """As `_parse`, by the standard library, which tells the line of a mistake."""
    reader = csv.reader(
        io.StringIO(data.decode("utf-8"), newline=""),
        delimiter=separator,
        skipinitialspace=separator != "\t",
        strict=True,
    )
    rows: list[list[str]] = []
    try:
        for row in reader:
            if not row:
                continue
            if rows and len(row) != len(rows[0]):
                raise TableError(
                    f"{path}, line {reader.line_num}: expected {len(rows[0])} cells like the "
                    f"first line, got {len(row)}"
                )
            rows.append(row)
    except csv.Error as error:
        raise TableError(f"{path}, line {reader.line_num}: {error}") from error
    cells = {str(i): list(column) for i, column in enumerate(zip(*rows, strict=True))}
    frame = pl.DataFrame(cells, schema=dict.fromkeys(cells, pl.String))
    return frame.with_columns(pl.when(pl.all() != "").then(pl.all()))


def _guess_separator(data: bytes) -> str:
    """The separator that the first line holds most often; a comma where it holds none."""
    first = data.lstrip().split(b"\n", 1)[0].decode("utf-8")
    return max(_SEPARATORS, key=first.count)


def _column_names(path: Path, found: list[str], given: Sequence[str] | None) -> list[str]:
    if given is not None and len(given) != len(found):
        raise TableError(
            f"{path}: expected {len(given)} columns as --columns names them, got {len(found)}"
        )
    names = list(given) if given is not None else found
    names = [name or f"column_{place}" for place, name in enumerate(names, start=1)]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise TableError(
                f"{path}: columns {names.index(name) + 1} and {place + 1} are both named "
                f"'{name}'; give each its own name, or all names with --columns"
            )
    return names
