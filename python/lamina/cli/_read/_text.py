"""Text tables: CSV, TSV and the like, read by the core in blocks."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from lamina import _core
from lamina.cli._read._format import TextFormat
from lamina.cli._read._layout import SAMPLE_BYTES, Layout, find_layout, separator_name
from lamina.cli._read._source import Source
from lamina.tabular import CodedText, Column, TableError

# What pandas, and readers of its files, call an index without a name; it is no feature.
_FIRST_WITHOUT_NAME = "Unnamed: 0"
_SHOWN = 60

# The letters by which the core knows the kinds of columns.
_NUMBER, _MISSING_OR_NUMBER, _TEXT, _WRITTEN_TEXT, _SKIPPED = "n", "m", "t", "w", "-"
_TEXTS = (_TEXT, _WRITTEN_TEXT)


def read_text(
    source: Source,
    wanted: TextFormat,
    missing_values: Collection[str],
    *,
    targets: Collection[str] = (),
    as_text: Collection[str] = (),
    tell: Callable[[str], None] | None = None,
    check: Callable[[Collection[str]], object] | None = None,
) -> dict[str, Column]:
    """The columns of a text table by name.

    A column becomes numbers where each cell is a plain number (no code such as 007, no whole
    number beyond 2^53), empty, or one of the missing values; any other becomes text.

    Args:
        targets: columns in which missing values stay texts.
        as_text: columns that become text even where they hold numbers.
        tell: called with each sentence on how the file was read where that may surprise.
        check: called with the names of the columns before the rows are read.

    Raises:
        TableError: not a table, naming the line.
    """
    reader = _TextReader(source, wanted, missing_values)
    if check is not None:
        check(reader.names)
    columns = reader.read(targets, as_text)
    if tell is not None:
        for note in reader.notes:
            tell(f"{source.path}: {note}")
    return columns


class _TextReader:
    def __init__(self, source: Source, wanted: TextFormat, missing_values: Collection[str]) -> None:
        self._source, self._wanted = source, wanted
        self._path = source.path
        self._encoding = wanted.encoding or source.encoding()
        self._missing = sorted(missing_values)
        blocks = source.blocks(self._encoding)
        first = next(blocks, b"")
        whole = next(blocks, None) is None
        self._layout = self._find_layout(first, whole)
        self._sample = first[self._layout.start :][:SAMPLE_BYTES]
        self.notes = self._layout.notes
        self.names = self._names()

    def read(self, targets: Collection[str], as_text: Collection[str]) -> dict[str, Column]:
        """All columns."""
        names = self.names
        kinds = [self._kind(name, targets, as_text) for name in names]
        kinds = self._texts_by(self._parse(kinds, [self._sample], whole=False), kinds)
        table = self._parse(kinds, self._blocks())
        if table.rows == 0:
            raise TableError(f"{self._path}: the table has no rows")
        late = [_TEXT if table.is_late(i) else _SKIPPED for i in range(len(names))]
        again = self._parse(late, self._blocks()) if _TEXT in late else table
        columns: dict[str, Column] = {}
        for i, name in enumerate(names):
            if late[i] == _SKIPPED and kinds[i] not in _TEXTS:
                columns[name] = table.take_numbers(i)
                continue
            holder = again if late[i] == _TEXT else table
            coded = CodedText(holder.take_codes(i), holder.texts(i))
            raw = kinds[i] == _WRITTEN_TEXT or name in as_text
            columns[name] = coded if raw else self._unquoted(name, coded)
        return columns

    def _kind(self, name: str, targets: Collection[str], as_text: Collection[str]) -> str:
        if name in self._wanted.as_written:
            return _WRITTEN_TEXT
        if name in as_text:
            return _TEXT
        return _NUMBER if name in targets else _MISSING_OR_NUMBER

    @staticmethod
    def _texts_by(sampled: _core.TextTable, kinds: Sequence[str]) -> list[str]:
        """The kinds, with text where a sample of the rows holds some."""
        return [_TEXT if sampled.is_late(i) else kind for i, kind in enumerate(kinds)]

    def _find_layout(self, first: bytes, whole: bool) -> Layout:
        size = SAMPLE_BYTES
        while True:
            sample = first[:size]
            layout = find_layout(
                self._path, sample, whole and len(sample) == len(first), self._wanted
            )
            # Very long lines: a sample that ends before the first row shows nothing.
            if layout.start > 0 or len(sample) == len(first) or not self._wanted.header:
                return layout
            size *= 8

    def _blocks(self) -> Iterator[bytes]:
        """The text behind the header."""
        left = self._layout.start
        for block in self._source.blocks(self._encoding):
            yield block[left:]
            left = max(0, left - len(block))

    def _parse(
        self, kinds: Sequence[str], blocks: Iterable[bytes], *, whole: bool = True
    ) -> _core.TextTable:
        layout = self._layout
        table = _core.make_text_table(
            separator=layout.separator,
            quote=layout.quote,
            comment=layout.comment,
            decimal_comma=self._wanted.decimal == ",",
            kinds="".join(kinds),
            missing=self._missing,
            first_line=layout.first_line,
        )
        try:
            for block in blocks:
                table.add(block)
            if whole:
                table.finish()
        except ValueError as error:
            raise TableError(f"{self._path}, {error}{self._hint(str(error))}") from None
        return table

    def _hint(self, problem: str) -> str:
        """What the line is that cannot be read, and the options that may help."""
        line = self._line(int(problem.removeprefix("line ").partition(":")[0]))
        layout = self._layout
        options = ["--separator"] if self._wanted.separator is None else []
        if '"' in line or "'" in line:
            options.append("--quote")
        if line[:1] in ("#", "%", "!"):
            options.append(f"--comment '{line[0]}'")
        if layout.first_line <= 3 and "expected" in problem:
            options.append("--skip")
        by = f" divided by {separator_name(layout.separator)}"
        shown = line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."
        hint = f" (see {' and '.join(options)})" if options else ""
        return f"{by if 'cells' in problem else ''}: {shown!r}{hint}"

    def _line(self, number: int) -> str:
        """The text of a line, which counts from 1."""
        rest, lines = b"", 0
        for block in self._source.blocks(self._encoding):
            parts = (rest + block).splitlines(keepends=True)
            rest = parts.pop() if parts else b""
            if lines + len(parts) >= number:
                return parts[number - lines - 1].decode(errors="replace").strip()
            lines += len(parts)
        return rest.decode(errors="replace").strip()

    def _names(self) -> list[str]:
        found = [name.strip() for name in self._layout.names]
        if self._wanted.quote is None and found and all(map(_in_single_quotes, found)):
            found = [name[1:-1].strip() for name in found]
        given = self._wanted.columns
        if given is not None and len(given) != len(found):
            by = separator_name(self._layout.separator)
            hint = " (see --separator)" if self._wanted.separator is None else ""
            raise TableError(
                f"{self._path}: expected {len(given)} columns as --columns names them, got "
                f"{len(found)} divided by {by}{hint}"
            )
        names = list(given) if given is not None else found
        names = [name or _name_without(place) for place, name in enumerate(names)]
        self._refuse_repeated(names)
        return names

    def _refuse_repeated(self, names: Sequence[str]) -> None:
        places: dict[str, int] = {}
        for place, name in enumerate(names, start=1):
            if name in places:
                raise TableError(
                    f"{self._path}: columns {places[name]} and {place} are both named '{name}'; "
                    "give each its own name, all names with --columns, or say --no-header if "
                    "the first line is a row"
                )
            places[name] = place

    def _unquoted(self, name: str, coded: CodedText) -> CodedText:
        """The column without single quotes around its cells, if no cell has half a pair of them."""
        if self._wanted.quote is not None:
            return coded
        touched = [t for t in coded.distinct if t and (t[0] == "'" or t[-1] == "'")]
        if not touched or not all(map(_in_single_quotes, touched)):
            return coded
        self.notes.append(
            f"the single quotes around cells of '{name}' are left out (--quote none keeps them)"
        )
        return CodedText.of(
            coded.codes,
            [
                (text[1:-1].strip() or None) if text and _in_single_quotes(text) else text
                for text in coded.distinct
            ],
        )


def _in_single_quotes(text: str) -> bool:
    return len(text) > 1 and text.startswith("'") and text.endswith("'")


def _name_without(place: int) -> str:
    return _FIRST_WITHOUT_NAME if place == 0 else f"column_{place + 1}"
