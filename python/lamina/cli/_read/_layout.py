"""The layout of a text table by its first lines: separator, header, where its rows begin."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lamina import _core
from lamina.cli._read._format import BLANKS, TextFormat
from lamina.cli._read._separator import find_separator, looks_like_number
from lamina.tabular import TableError

SAMPLE_BYTES = 1 << 18
_SAMPLE_ROWS = 1000
_MOST = 0.9
_MANY_NUMBERS = 0.3

_LINE = re.compile(rb"[^\r\n]*(\r\n|\n|\r|$)")
_EXCEL_SEPARATOR = re.compile(rb'"?sep=(.)"?[ \t]*(\r\n|\n|\r)', re.I)
_HASH_OR_EMPTY_LINE = re.compile(rb"[ \t]*(#[^\r\n]*)?(\r\n|\n|\r)")


@dataclass
class Layout:
    """How a text table is written.

    Attributes:
        names: of its columns, as they are written; "" where there is none.
        start: bytes of the text before its first row.
        first_line: the number of the line that begins there.
        notes: sentences on what was inferred and may surprise.
    """

    separator: str
    quote: str
    comment: str
    names: list[str] = field(default_factory=list)
    start: int = 0
    first_line: int = 1
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Row:
    """A row of the sample: its cells, its line, and where the text behind it begins."""

    cells: list[str]
    line: int
    end: int


@dataclass(frozen=True)
class _HashLine:
    """A line that begins with #, and where in the sample it stands."""

    text: bytes
    line: int
    begin: int
    end: int


class _Sample:
    """The first part of a text, from a place on that moves as its first lines are understood."""

    def __init__(self, text: bytes, whole: bool) -> None:
        self.text, self._whole = text, whole
        self.place, self.line = 0, 1

    def skip(self, length: int) -> None:
        """Go on behind so many bytes."""
        skipped = self.text[self.place : self.place + length]
        self.line += len(re.findall(rb"\r\n|\n|\r", skipped))
        self.place += length

    def rows(self, separator: str, quote: str, comment: str, limit: int) -> list[_Row]:
        """The first rows from here on, as far as the sample holds them whole."""
        rest = self.text[self.place :]
        found = _core.first_rows(rest, separator, quote, comment, limit, self._whole)
        return [_Row(cells, self.line + lines, self.place + end) for cells, lines, end in found]


def find_layout(path: Path, text: bytes, whole: bool, wanted: TextFormat) -> Layout:
    """The layout of a table by its first part, which is UTF-8 text; `whole` says that it is all.

    Raises:
        TableError: no rows, or more lines before the header than can be told from rows.
    """
    if b"\0" in text:
        raise TableError(
            f"{path}: a byte 0, which no text holds; if it is UTF-16 without a mark, say "
            "--encoding utf-16-le, else give a CSV, TSV or Parquet file"
        )
    sample = _Sample(text, whole)
    for _ in range(wanted.skip):
        line = _LINE.match(text, sample.place)
        sample.skip(len(line[0]) if line else 0)
    quote = '"' if wanted.quote is None else wanted.quote
    layout = Layout(wanted.separator or "", quote, wanted.comment or "")
    _take_excel_separator(sample, layout)
    hash_lines = _leading_hash_lines(sample, layout)
    if not layout.separator:
        rows = text[hash_lines[-1].end if hash_lines else sample.place :]
        layout.separator = find_separator(rows, whole, quote, layout.comment)
    if hash_lines:
        _skip_hash_lines(sample, layout, hash_lines, wanted.header)
    _take_header(path, sample, layout, wanted)
    return layout


def _take_excel_separator(sample: _Sample, layout: Layout) -> None:
    """The line `sep=;` that Excel writes and reads; the separator that the options give wins."""
    if found := _EXCEL_SEPARATOR.match(sample.text, sample.place):
        layout.separator = layout.separator or found[1].decode("latin-1")
        sample.skip(len(found[0]))


def _leading_hash_lines(sample: _Sample, layout: Layout) -> list[_HashLine]:
    """The first lines as far as they begin with # or are empty; none where all of them do."""
    if layout.comment:
        return []
    lines: list[_HashLine] = []
    place, line = sample.place, sample.line
    while found := _HASH_OR_EMPTY_LINE.match(sample.text, place):
        if b"#" in found[0]:
            lines.append(_HashLine(found[0].strip(), line, place, found.end()))
        place, line = found.end(), line + 1
    return lines if sample.text[place:].strip() else []


def _skip_hash_lines(
    sample: _Sample, layout: Layout, lines: list[_HashLine], has_header: bool
) -> None:
    """Leave the lines out, but for a last one that is the header, or a row itself."""
    begin, line = sample.place, sample.line
    sample.skip(lines[-1].end - begin)
    rows = sample.rows(layout.separator, layout.quote, "", 2)
    last = _core.first_rows(lines[-1].text, layout.separator, layout.quote, "", 1, True)
    width = len(last[0][0]) if last else 0
    if rows and width == len(rows[0].cells) > 1:
        numbers = [any(map(looks_like_number, row.cells)) for row in rows]
        if not has_header or numbers[0] or not numbers[-1]:
            sample.place, sample.line = begin, line
            sample.skip(lines[-1].begin - begin)
            lines = lines[:-1]
    if lines:
        one = f"line {lines[0].line} begins with # and is"
        several = f"lines {lines[0].line} to {lines[-1].line} begin with # and are"
        layout.notes.append(
            f"{several if lines[1:] else one} left out (--comment '#' leaves out all such lines)"
        )


def _take_header(path: Path, sample: _Sample, layout: Layout, wanted: TextFormat) -> None:
    """Set names and start, by the first row and the number of cells of those behind it."""
    rows = sample.rows(layout.separator, layout.quote, layout.comment, _SAMPLE_ROWS)
    if not rows:
        _refuse_without_rows(path, sample, layout)
        return
    header, below = rows[0], rows[1:] or rows
    width, count = Counter(len(row.cells) for row in below).most_common(1)[0]
    _refuse_lines_before(path, rows, width, count, wanted)
    layout.start, layout.first_line = sample.place, sample.line
    if not wanted.header:
        layout.names = [str(place + 1) for place in range(len(header.cells))]
        return
    names = list(header.cells)
    if names[0].startswith("#") and len(names) > 1 and names[0][1:].strip():
        names[0] = names[0][1:].strip()
    if len(names) == width - 1 and count >= _MOST * len(below) and rows[1:]:
        if all(row.cells[-1] == "" for row in below if len(row.cells) == width):
            names.append("")
        else:
            names.insert(0, "")
            layout.notes.append(
                "the header names one column less than the rows have: the first one is taken for "
                "their names"
            )
    elif len(names) == width + 1 and names[-1] == "" and rows[1:]:
        names.pop()
    layout.names = names
    sample.skip(header.end - sample.place)
    layout.start, layout.first_line = sample.place, sample.line
    numbers = [name for name in names if looks_like_number(name)]
    if len(numbers) >= _MANY_NUMBERS * len(names) or any(not n.isdigit() for n in numbers):
        layout.notes.append(
            f"names of columns are numbers, such as '{numbers[0]}': if line {header.line} is a "
            "row, say --no-header"
        )


def _refuse_without_rows(path: Path, sample: _Sample, layout: Layout) -> None:
    if not sample.text[sample.place :].strip():
        what = (
            f"nothing stands behind line {sample.line - 1}" if sample.place else "the file is empty"
        )
        raise TableError(f"{path}: {what}")
    # The reader of rows says what is wrong with the first one.
    layout.names = [""]
    layout.start, layout.first_line = sample.place, sample.line


def _refuse_lines_before(
    path: Path, rows: Sequence[_Row], width: int, count: int, wanted: TextFormat
) -> None:
    """Name --skip where the table seems to begin below the first line."""
    first = next(i for i, row in enumerate(rows) if len(row.cells) == width)
    header = len(rows[0].cells)
    numbers = [any(map(looks_like_number, row.cells)) for row in rows[first : first + 2]]
    if wanted.header and abs(header - width) == 1 and first == 1 and numbers != [False, True]:
        return  # a header without a name for the first column, or with a separator at its end
    if first == 0 or count < 2 or count < _MOST * (len(rows) - first):
        return
    raise TableError(
        f"{path}, line {rows[0].line}: expected {width} cells like most lines, got {header}; if "
        f"the table begins in line {rows[first].line}, leave out what is before it with --skip "
        f"{rows[first].line - 1}"
    )


def separator_name(separator: str) -> str:
    """A separator as a sentence names it."""
    return {"\t": "tabs", BLANKS: "blanks"}.get(separator, f"'{separator}'")
