"""From a table's columns to the compact float32 matrix that a network reads, and from a file."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lamina._checks.numbers import check_whole
from lamina._layers.column_encoding import ColumnEncoding
from lamina.tabular._apply import AppliedEncoders
from lamina.tabular._as_columns import TableLike, as_columns
from lamina.tabular._checks import ColumnIssue
from lamina.tabular._column_formats import ColumnFormats
from lamina.tabular._columns import (
    Column,
    Floats,
    Indices,
    TableError,
    row_count,
    rows_taken,
    taken,
)
from lamina.tabular._encoders import (
    CategoryEncoder,
    DateEncoder,
    Encoder,
    NumberEncoder,
    Outputs,
    Record,
)
from lamina.tabular._fit_encoder import EncoderFits
from lamina.tabular._frames import plain_row
from lamina.tabular._inspect import (
    KINDS,
    ColumnSummary,
    NoColumnError,
    closest,
    inspect_column,
)
from lamina.tabular._record import Fields, Tensors
from lamina.tabular._texts import MISSING_VALUES

SCHEMA = "lamina.tabular.preprocessor"
VERSION = 3  # 1 held expanded features, 2 had no embedded categories
_OLDEST = 2
NUMBER_ENCODINGS = ("piecewise", "standard", "robust")

_SHOWN_NAMES = 8
_DECODERS: dict[str, Callable[[str, Fields, Tensors], Encoder]] = {
    "number": NumberEncoder.from_record,
    "category": CategoryEncoder.from_record,
    "date": DateEncoder.from_record,
}


class Preprocessor:
    """Encodes the columns of a table for a network; what it learned is data, never code.

    `transform` gives a compact matrix of one number a column (two for a date, NaN for what is
    missing), and `layer` the network's first layer, which makes features of it row by row:
    numbers scaled, and with `numbers="piecewise"` also placed among edges at their quantiles;
    categories as one 1 among 0s, with rare and unseen ones together, or as codes for an
    `Embedding` behind; dates as days and their places in year, week and day. A column that had
    missing values gets a feature that says so.
    Missing and unseen values are legal later; `check` counts them.

    Args:
        numbers: "piecewise" (scaled by mean and deviation, bent at 3, and the edges),
            "standard" (mean and deviation), or "robust" (median and quartiles, bent at 3).
        bins: most edges a number gets; fewer in tables under 16 rows a bin.
        max_categories: most categories of a column that get a feature of their own.
        max_one_hot: columns of more categories are codes, of all their categories but rare ones,
            in one feature each: `lm.Embedding` makes vectors of them. None: no column is.
        kinds: column name to "number", "category", "date" or "ignored", where the kind that
            is worked out would be wrong.
        missing_values: texts that stand for a missing value; numbers match as numbers.
        parse_numbers: columns whose numbers are written with marks, such as $1,234.50 or <0.5.
        date_formats: column name to how its dates are written, as of `datetime.strptime`.
        decimal: the decimal mark of `parse_numbers` where a column does not show it.
        index_columns: columns that are known as the saved index of a frame.

    Example:
        >>> import lamina as lm
        >>> table = {"age": [31, 40, 52, 40], "colour": ["red", "blue", None, "red"]}
        >>> preprocessor = Preprocessor(numbers="standard").fit(table)
        >>> X = preprocessor.transform(table)
        >>> net = lm.Sequential([preprocessor.layer(), lm.Dense(1)], inputs=X.shape[1])
        >>> X.shape, preprocessor.width
        ((4, 2), 4)
    """

    def __init__(
        self,
        *,
        numbers: str = "piecewise",
        bins: int = 48,
        max_categories: int = 100,
        max_one_hot: int | None = None,
        kinds: Mapping[str, str] | None = None,
        missing_values: Sequence[str | float] = MISSING_VALUES,
        parse_numbers: Sequence[str] = (),
        date_formats: Mapping[str, str] | None = None,
        decimal: str = ".",
        index_columns: Collection[str] = (),
    ) -> None:
        if numbers not in NUMBER_ENCODINGS:
            raise ValueError(
                f"Preprocessor: expected numbers to be one of {', '.join(NUMBER_ENCODINGS)}, "
                f"got {numbers!r}"
            )
        if bins < 2 or max_categories < 1:
            raise ValueError("Preprocessor: expected bins of at least 2, max_categories of 1")
        if max_one_hot is not None:
            check_whole(max_one_hot, "max_one_hot", "Preprocessor", least=0)
        for name, kind in (kinds or {}).items():
            if kind not in KINDS:
                raise ValueError(
                    f"Preprocessor: expected the kind of column '{name}' to be one of "
                    f"{', '.join(KINDS)}, got {kind!r}"
                )
        self.numbers = numbers
        self.bins = bins
        self.max_categories = max_categories
        self.max_one_hot = max_one_hot
        self.kinds = dict(kinds or {})
        self.missing_values = tuple(dict.fromkeys(map(str, missing_values)))
        self.formats = ColumnFormats(parse_numbers, date_formats, decimal)
        self.index_columns = frozenset(index_columns)
        self.ignored: dict[str, str] = {}
        self.encoders: list[Encoder] = []
        self._applied: AppliedEncoders | None = None

    def __getstate__(self) -> dict[str, Any]:
        """All but what the core holds, which is made again."""
        return self.__dict__ | {"_applied": None}

    def fit(
        self,
        table: TableLike,
        summaries: Sequence[ColumnSummary] | None = None,
        *,
        rows: Indices | None = None,
    ) -> "Preprocessor":
        """Learn the encoders of a table of any kind that `as_columns` takes; returns itself.

        Args:
            table: columns of numbers, text or dates; see `as_columns`.
            summaries: what `inspect` gave, if it ran on more rows than these; else it runs here.
            rows: the rows to learn from, by number from 0; None: all.

        Raises:
            TableError: a column that cannot be read, no rows, or no column worth reading.
        """
        columns = as_columns(table)
        if row_count(columns) == 0 or (rows is not None and len(rows) == 0):
            raise TableError("the table has no rows")
        self.formats.learn(columns, self.missing_values)
        found = list(summaries) if summaries is not None else self.inspect(columns, rows=rows)
        self.ignored = {s.name: s.note for s in found if s.kind == "ignored"}
        fits = EncoderFits(
            self.numbers, self.bins, self.max_categories, self.max_one_hot, self.missing_values
        )
        with rows_taken(rows):
            self.encoders = [
                fits.fit(s, self.read(s.name, taken(columns[s.name], rows)))
                for s in found
                if s.kind != "ignored"
            ]
        self._applied = None
        if not self.encoders:
            raise NoColumnError(found)
        return self

    def inspect(self, table: TableLike, *, rows: Indices | None = None) -> list[ColumnSummary]:
        """What each column holds, in those `rows` (None: all), without learning anything."""
        columns = as_columns(table)
        for name in self.kinds:
            if name not in columns:
                raise TableError(f"the table has no column '{name}'{closest(name, columns)}")
        self.formats.learn(columns, self.missing_values)
        with rows_taken(rows):
            return [
                self._inspect_column(name, taken(column, rows)) for name, column in columns.items()
            ]

    def _inspect_column(self, name: str, column: Column) -> ColumnSummary:
        summary = inspect_column(
            name,
            self.read(name, column),
            self.missing_values,
            self.kinds.get(name, self.formats.kind(name)),
            saved_index=name in self.index_columns,
        )
        if summary.note:
            return summary
        return replace(summary, note=self.formats.examples.get(name, ""))

    def read(self, name: str, column: Column) -> Column:
        """A column as its format has it, where it has one; see `ColumnFormats`."""
        return self.formats.read(name, column, self.missing_values)

    def transform(self, table: TableLike) -> Outputs:
        """The compact matrix [rows, inputs], float32, that the network reads.

        Further columns and another order are fine.

        Raises:
            TableError: a column is not there, or a value is not of its column's kind.
        """
        return self.encode(table)[0]

    def check(self, table: TableLike) -> list[ColumnIssue]:
        """What a table holds that the training rows did not, by column; see `ColumnIssue`.

        Raises:
            TableError: as `transform`.
        """
        return self.encode(table)[1]

    def encode(
        self, table: TableLike, *, rows: Indices | None = None, release: bool = False
    ) -> tuple[Outputs, list[ColumnIssue]]:
        """What `transform` and `check` give, at once.

        Args:
            rows: the rows wanted, in the order wanted, by number from 0; None: all.
            release: empty the table, a dictionary, and let each column go once it is encoded, so
                that its memory is free for the next.
        """
        applied = self._compiled()
        if rows is None and not release:
            encoded = applied.encode_row(table) or applied.encode_row(plain_row(table))
            if encoded is not None:
                return encoded
        columns = as_columns(table)
        self.require_columns(columns)
        if release:
            table.clear()
        count = row_count(columns) if rows is None else len(rows)
        return applied.encode_columns(columns, count, rows, one_by_one=release)

    def layer(self) -> ColumnEncoding:
        """The network's first layer: what `transform` gives, [rows, inputs], to [rows, width]."""
        if not self.encoders:
            raise TableError("Preprocessor: call fit before layer")
        return self._compiled().layer()

    @property
    def inputs(self) -> int:
        """Numbers that a row takes in compact form."""
        return sum(encoder.inputs for encoder in self.encoders)

    @property
    def width(self) -> int:
        """Features that the layer makes of a row."""
        return len(self.feature_names)

    @property
    def feature_names(self) -> list[str]:
        """The name of each feature, in order."""
        return [name for encoder in self.encoders for name in encoder.feature_names]

    @property
    def embedded(self) -> dict[int, int]:
        """Each feature, by its number, that is a code, and how many codes there are.

        It is what `lm.Embedding` takes as columns, right behind the preprocessor's layer.
        """
        codes: dict[int, int] = {}
        place = 0
        for encoder in self.encoders:
            if isinstance(encoder, CategoryEncoder) and encoder.embedded:
                codes[place] = encoder.codes
            place += len(encoder.feature_names)
        return codes

    @property
    def column_names(self) -> list[str]:
        """The columns that `transform` needs."""
        return [encoder.name for encoder in self.encoders]

    def to_record(self) -> tuple[Record, dict[str, Floats]]:
        """What was learned, as a JSON object and float64 tensors.

        The object holds `schema` ("lamina.tabular.preprocessor"), `version` (3; 2 where no
        category is embedded, and then none says so), `missing_values`, `formats` (see
        `ColumnFormats`), `ignored` (column to reason), `width`, and `columns`: for each, in the
        order of its features, the object of its encoder's `to_record`. The tensors of column i
        are named `i.scaling` (center, scale, fill, limit), `i.edges` and `i.bounds` (least and
        greatest value of training).
        """
        records: list[Record] = []
        tensors: dict[str, Floats] = {}
        for index, encoder in enumerate(self.encoders):
            record, vectors = encoder.to_record()
            records.append(record)
            tensors |= {f"{index}.{name}": vector for name, vector in vectors.items()}
        if not self.embedded:
            records = [{k: v for k, v in own.items() if k != "embedded"} for own in records]
        return {
            "schema": SCHEMA,
            "version": VERSION if self.embedded else _OLDEST,
            "missing_values": list(self.missing_values),
            "formats": self.formats.to_record(),
            "ignored": dict(self.ignored),
            "width": self.width,
            "columns": records,
        }, tensors

    @staticmethod
    def from_record(record: Any, tensors: Mapping[str, Any]) -> "Preprocessor":
        """Back from `to_record`; each field and tensor is checked.

        Raises:
            TableError: another version, or a field or tensor that is missing, unknown or wrong.
        """
        where = "preprocessor"
        fields, vectors = Fields(where, record), Tensors(where, tensors)
        version = fields.take_version(SCHEMA, VERSION, oldest=_OLDEST)
        self = Preprocessor(missing_values=fields.take_texts("missing_values"))
        self.formats = ColumnFormats.from_record(f"{where}, formats", fields.take("formats", dict))
        self.ignored = {str(k): str(v) for k, v in fields.take("ignored", dict).items()}
        width = fields.take("width", int)
        for index, column in enumerate(fields.take("columns", list)):
            self.encoders.append(
                _decode(f"{where}, column {index}", index, column, vectors, version)
            )
        fields.done()
        vectors.done()
        if not self.encoders or len(set(self.column_names)) != len(self.encoders):
            raise TableError(f"{where}: expected at least one column, and none twice")
        if width != self.width:
            raise TableError(f"{where}: expected width {self.width} of its columns, got {width}")
        try:
            self.layer()
        except ValueError as error:
            raise TableError(f"{where}: {error}") from None
        return self

    def _compiled(self) -> AppliedEncoders:
        if not self.encoders:
            raise TableError("Preprocessor: call fit before transform")
        if self._applied is None:
            record, tensors = self.to_record()
            values = self.missing_values
            self._applied = AppliedEncoders(record, tensors, self.encoders, values)
        return self._applied

    def require_columns(self, names: Collection[str]) -> None:
        """Refuse a table whose columns, by their names, lack one that `transform` reads.

        Raises:
            TableError: naming the columns that are not there, and the closest one that is.
        """
        absent = [name for name in self.column_names if name not in names]
        if absent:
            rest = [name for name in names if name not in self.column_names]
            shown = ", ".join(f"'{name}'" for name in absent[:_SHOWN_NAMES])
            more = f" and {len(absent) - _SHOWN_NAMES} more" if len(absent) > _SHOWN_NAMES else ""
            raise TableError(
                f"the table has no column {shown}{more}, which the model reads"
                f"{closest(absent[0], rest)}"
            )


def _decode(where: str, index: int, record: Any, tensors: Tensors, version: int) -> Encoder:
    if version == _OLDEST and isinstance(record, dict) and record.get("kind") == "category":
        record = record | {"embedded": False}
    fields = Fields(where, record)
    kind, name = fields.take("kind", str), fields.take("name", str)
    if kind not in _DECODERS:
        raise TableError(
            f"{where}: expected kind to be one of {', '.join(_DECODERS)}, got '{kind}'"
        )
    own = tensors.part(f"{index}.")
    encoder = _DECODERS[kind](name, fields, own)
    own.done()
    fields.done()
    return encoder
