"""The columns whose cells are written in a format of their own: marked numbers, and dates."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from lamina.tabular._columns import CodedText, Column, Columns, TableError
from lamina.tabular._formats import NumberFormat, check_date_format, read_formatted_dates
from lamina.tabular._inspect import closest
from lamina.tabular._record import Fields
from lamina.tabular._texts import MissingTexts, parse_number, shorten, write_number


class ColumnFormats:
    """Reads some columns of a table by their formats, and leaves the others as they are.

    Args:
        numbers: columns of numbers with marks, such as $1,234.50 or <0.5; see `NumberFormat`.
        dates: column name to the format of its dates, as of `datetime.strptime`.
        decimal: the decimal mark of columns whose numbers do not show it, "." or ",".

    Attributes:
        examples: by column, how a cell of the table that `learn` saw is read.
    """

    def __init__(
        self,
        numbers: Collection[str] = (),
        dates: Mapping[str, str] | None = None,
        decimal: str = ".",
    ) -> None:
        self.dates = dict(dates or {})
        for name, form in self.dates.items():
            check_date_format(name, form)
            if name in numbers:
                raise ValueError(f"column '{name}' is named for numbers and for dates")
        if decimal not in (".", ","):
            raise ValueError(f"expected a decimal point or comma, got '{decimal}'")
        self.numbers: dict[str, NumberFormat | None] = dict.fromkeys(numbers)
        self._decimal = decimal
        self.examples: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self.numbers or self.dates)

    def learn(self, columns: Columns, missing_values: Collection[str]) -> None:
        """Find out how the numbers of this table are written, where that is not yet known.

        Raises:
            TableError: decimal points beside commas, or two units, in one column; or a column with
                a format that no table yet had.
        """
        for name in (*self.numbers, *self.dates):
            if name not in columns and name not in self.examples:
                raise TableError(f"the table has no column '{name}'{closest(name, columns)}")
        for name, known in self.numbers.items():
            if known is None and name in columns:
                column = columns[name]
                if isinstance(column, CodedText):
                    self.numbers[name] = NumberFormat.of(name, column, self._decimal)
                else:
                    self.numbers[name] = NumberFormat(self._decimal)
        for name in (*self.numbers, *self.dates):
            written = columns.get(name)
            if isinstance(written, CodedText):
                self.examples[name] = self._example(name, written, missing_values)
            self.examples.setdefault(name, "")

    def kind(self, name: str) -> str | None:
        """The kind of a column that has a format, which is no other; None for others."""
        return "number" if name in self.numbers else "date" if name in self.dates else None

    def read(self, name: str, column: Column, missing_values: Collection[str]) -> Column:
        """The column's numbers or dates where it has a format, else the column itself.

        Raises:
            TableError: a cell that is not written so.
        """
        form = self.numbers.get(name)
        if form is not None and isinstance(column, CodedText):
            return form.read(name, column, missing_values)
        if name in self.dates and (isinstance(column, CodedText) or column.dtype.kind != "M"):
            return read_formatted_dates(name, column, self.dates[name], missing_values)
        return column

    def _example(self, name: str, column: CodedText, missing_values: Collection[str]) -> str:
        """How the first cell that is not plain is read; "" where none can be."""
        missing = MissingTexts.of(missing_values)
        texts = [text for text in column.counts() if text not in missing]
        marked = [text for text in texts if parse_number(text) is None] or texts
        if not marked:
            return ""
        text = marked[0]
        try:
            value = np.asarray(self.read(name, CodedText.of(np.zeros(1, np.int32), [text]), ()))[0]
        except TableError:
            return ""
        written = write_number(value) if name in self.numbers else str(value)
        return f"{shorten(text)} is read as {written.removesuffix('T00:00:00')}"

    def to_record(self) -> dict[str, Any]:
        """What was learned, as a JSON object: `numbers` and `dates` by column."""
        numbers = {name: form.to_record() for name, form in self.numbers.items() if form}
        return {"numbers": numbers, "dates": dict(self.dates)}

    @staticmethod
    def from_record(where: str, record: Any) -> "ColumnFormats":
        """Back from `to_record`, checked.

        Raises:
            TableError: a field that is missing, unknown or wrong.
        """
        fields = Fields(where, record)
        numbers, dates = fields.take("numbers", dict), fields.take("dates", dict)
        fields.done()
        try:
            formats = ColumnFormats(dates={str(k): str(v) for k, v in dates.items()})
        except ValueError as error:
            raise TableError(f"{where}: {error}") from None
        for name, form in numbers.items():
            at = f"{where}, numbers of '{name}'"
            formats.numbers[str(name)] = NumberFormat.from_record(at, form)
        return formats
