"""One row, texts and dates: encoded by the core as in a table, and as Python reads them."""

import datetime as dt

import numpy as np
import pytest

from lamina.tabular import Preprocessor, TableError, as_columns
from tables import repeat, text

ROWS = 120
TABLE = {
    "age": np.arange(ROWS) % 70 + 0.5,
    "count": np.arange(ROWS) % 9,
    "colour": repeat(["red", "blue", None, "7"], ROWS),
    "ok": np.arange(ROWS) % 3 == 0,
    "price": repeat(["$1,000.50", "$3", "$20"], ROWS),
    "day": repeat(["31.12.2021", "1.1.2022", "15.6.2022 "], ROWS),
}


@pytest.fixture(scope="module")
def preprocessor():
    return Preprocessor(
        kinds={"count": "number", "ok": "category"},
        parse_numbers=["price"],
        date_formats={"day": "%d.%m.%Y"},
        missing_values=["", "?", "-999"],
    ).fit(TABLE)


@pytest.mark.parametrize(
    "values",
    [
        [33.5, 4, "red", True, "$5", "2.2.2022"],
        [None, -999, None, None, "?", ""],
        [np.float32(0.1), np.int16(4), "7.0", np.True_, "(3)", "31.12.2021"],
        ["12.5", "true", 7, "1", 12.5, " 1.1.2022 "],
        [float("nan"), "-9.99e2", "pink", 0, 1e6, None],
    ],
)
def test_a_row_is_encoded_as_in_a_table_of_that_row(preprocessor, values):
    row = dict(zip(TABLE, values, strict=True))
    inputs, issues = preprocessor.encode({name: [value] for name, value in row.items()})
    for given in (row, [row], values, tuple(values), {"more": 1} | dict(reversed(row.items()))):
        alone, found = preprocessor.encode(given)
        assert alone.tobytes() == inputs.tobytes()
        assert found == issues


@pytest.mark.parametrize("library", ["pandas", "polars", "pandas with other types"])
@pytest.mark.parametrize("place", range(0, ROWS, 17))
def test_a_frame_of_one_row_is_encoded_as_a_row_of_the_whole(preprocessor, library, place):
    frames = pytest.importorskip(library.split()[0])
    frame = frames.DataFrame({name: list(column) for name, column in TABLE.items()})
    if library.endswith("types"):
        frame = frame.astype({"age": "float32", "count": "Int16", "colour": "category"})
    inputs = preprocessor.transform(frame)
    one = preprocessor.transform(frame[place : place + 1])
    assert one.tobytes() == inputs[place : place + 1].tobytes()


def test_a_row_of_another_number_of_values_is_refused(preprocessor):
    with pytest.raises(TableError, match=r"expected a row of 6 values .*\(age, \.\.\.\), got 2"):
        preprocessor.transform([1.0, 2])


def test_a_wrong_value_in_a_row_is_named(preprocessor):
    row = {name: column[0] for name, column in TABLE.items()} | {"age": "old"}
    with pytest.raises(TableError, match="column 'age', row 1: expected a number, got 'old'"):
        preprocessor.transform(row)


@pytest.mark.parametrize(
    "form",
    ["%d.%m.%Y", "%d%m%Y", "%m/%d/%y", "%Y-%m-%d %H:%M:%S.%f", "%I:%M %p", "%b %d, %Y", "%j %Y",
     "%A %d %B %Y", "%d/%b/%Y:%H:%M:%S %z"],
)  # fmt: skip
def test_dates_in_a_format_are_read_as_strptime_reads_them(form):
    rng = np.random.default_rng(3)
    moments = [
        dt.datetime(1950, 1, 1) + dt.timedelta(seconds=int(s)) for s in rng.integers(0, 3e9, 50)
    ]
    written = [m.replace(tzinfo=dt.timezone(dt.timedelta(hours=2))).strftime(form) for m in moments]
    shorter = [w.lstrip("0").replace(".0", ".").replace("/0", "/") for w in written]
    texts = [*written, *shorter, *(w.upper() for w in written)]
    preprocessor = Preprocessor(date_formats={"d": form}).fit({"d": text(*written, *written)})

    def read(one):
        try:
            moment = dt.datetime.strptime(one, form)
        except ValueError:
            return None
        if moment.tzinfo is not None:
            moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
        return np.datetime64(moment, "s")

    for one in texts:
        expected = read(one)
        if expected is None:
            with pytest.raises(TableError, match="expected a date written as"):
                preprocessor.transform({"d": one})
        else:
            inputs = preprocessor.transform({"d": one})
            dates = np.array([expected])
            np.testing.assert_array_equal(inputs, preprocessor.transform({"d": dates}))


@pytest.mark.parametrize("kind", [list, tuple, lambda v: np.array(v, dtype=object)])
def test_texts_are_numbered_in_the_order_in_which_they_appear(kind):
    values = ["b", None, "a", "b ", "é", None, "a", "c" * 300]
    column = as_columns({"c": kind(values)})["c"]
    assert column.distinct == ["b", None, "a", "é", "c" * 300]
    assert column.tolist() == [v if v is None else v.strip() for v in values]


def test_arrays_of_texts_are_numbered_where_they_lie():
    array = np.array(["b", "", "a", "é€𝄞", "b", "a\0x"])
    for given in (array, array[::-1], array[::2], array.astype(">U4")):
        column = as_columns({"c": given})["c"]
        assert column.tolist() == given.tolist()
        assert len(column.distinct) == len(set(given.tolist()))
