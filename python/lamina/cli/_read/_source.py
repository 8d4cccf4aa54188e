"""The bytes of a table's file, unpacked, as often as they are asked for; and its text as UTF-8."""

import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lamina.cli._arguments import STANDARD_INPUT
from lamina.cli._read._file_kind import (
    HEAD_BYTES,
    PARQUET,
    describe_other_kind,
    is_gzip,
    is_parquet,
)
from lamina.tabular import TableError

BLOCK_BYTES = 1 << 23
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Source:
    """A table's file; the path `-` is the standard input, which is kept in memory.

    Raises:
        TableError: a folder, or a file that holds no table.
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._standard_input = sys.stdin.buffer.read() if path == STANDARD_INPUT else b""
        if path.is_dir():
            raise TableError(f"{path} is a folder; give a CSV, TSV or Parquet file")
        with self._open_as_it_is() as file:
            self.packed = is_gzip(file.read(HEAD_BYTES))
        with self.open() as file:
            self._head = file.read(HEAD_BYTES)
        other = describe_other_kind(self._head)
        if other and not self.is_parquet():
            what, remedy = other
            within = " within gzip" if self.packed else ""
            raise TableError(f"{path} is {what}{within}; {remedy}")

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The unpacked bytes from their beginning."""
        with self._open_as_it_is() as file:
            if not self.packed:
                yield file
                return
            try:
                with gzip.open(file) as unpacked:
                    yield unpacked  # type: ignore[misc]  # a BinaryIO but for its name
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise TableError(f"{self.path}: the gzip data are damaged or cut short") from error

    def is_parquet(self) -> bool:
        """Whether the file is Parquet."""
        if not self._head.startswith(PARQUET):
            return False
        with self.open() as file:
            if self.packed:
                return is_parquet(self._head, file.read())
            file.seek(-min(HEAD_BYTES, file.seek(0, io.SEEK_END)), io.SEEK_END)
            return is_parquet(self._head, file.read())

    def encoding(self) -> str:
        """The encoding of a text: by its byte order mark, else UTF-8."""
        return next(
            (name for mark, name in _BYTE_ORDER_MARKS if self._head.startswith(mark)), "utf-8"
        )

    def blocks(self, encoding: str) -> Iterator[bytes]:
        """The text as UTF-8 without a byte order mark, in blocks, the first one not empty.

        Raises:
            TableError: not text in this encoding, naming the line.
        """
        decoder = codecs.getincrementaldecoder(encoding)()
        plain = codecs.lookup(encoding).name in ("utf-8", "ascii", "iso8859-1", "cp1252")
        place, start = 0, True
        with self.open() as file:
            while True:
                block = file.read(BLOCK_BYTES)
                if block and plain and block.isascii() and not decoder.getstate()[0]:
                    yield block
                else:
                    pending = len(decoder.getstate()[0])
                    try:
                        text = decoder.decode(block, final=not block)
                    except UnicodeError as error:
                        wrong = error.start if isinstance(error, UnicodeDecodeError) else 0
                        raise self._not_text(encoding, place - pending + wrong) from error
                    text = text.removeprefix("\ufeff") if start else text
                    if text:
                        yield text.encode()
                start, place = False, place + len(block)
                if not block:
                    return

    def _not_text(self, encoding: str, place: int) -> TableError:
        with self.open() as file:
            line = file.read(place).count(b"\n") + 1
        return TableError(
            f"{self.path}, line {line}: expected {encoding.upper()} text; name another encoding "
            "with --encoding, such as latin-1, or give a CSV, TSV or Parquet file"
        )

    @contextmanager
    def _open_as_it_is(self) -> Iterator[BinaryIO]:
        if self.path == STANDARD_INPUT:
            yield io.BytesIO(self._standard_input)
            return
        with self.path.open("rb") as file:
            yield file
