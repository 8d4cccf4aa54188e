"""Tables of any kind become the same columns: mappings, rows, and frames of any library."""

import datetime as dt
import decimal
import sys

import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
pytest.importorskip("narwhals")

from lamina.tabular import CodedText, TableError, as_columns  # noqa: E402

COLUMNS = {
    "colour": ["red", None, " blue ", "red"],
    "count": [1, 2, 3, 4],
    "gap": [1, None, 3, 4],
    "size": [1.5, None, 2.5, 3.0],
    "alive": [True, False, True, True],
    "smokes": [True, None, False, True],
    "born": [dt.datetime(2024, 1, 2, 3), None, dt.datetime(2024, 1, 3), dt.datetime(1969, 1, 1)],
}

FRAMES = {
    "a mapping of lists": lambda: COLUMNS,
    "a mapping of object arrays": lambda: {k: np.array(v, object) for k, v in COLUMNS.items()},
    "pandas": lambda: pd.DataFrame(COLUMNS),
    "pandas objects": lambda: pd.DataFrame(COLUMNS).astype(object),
    "pandas nullable": lambda: pd.DataFrame(COLUMNS).convert_dtypes(),
    "pandas Arrow": lambda: pd.DataFrame(COLUMNS).convert_dtypes(dtype_backend="pyarrow"),
    "pandas categories": lambda: pd.DataFrame(COLUMNS).astype({"colour": "category"}),
    "polars": lambda: pl.DataFrame(COLUMNS),
    "polars categories": lambda: pl.DataFrame(COLUMNS).cast({"colour": pl.Categorical}),
    "pyarrow": lambda: pa.table(COLUMNS),
    "pyarrow dictionaries": lambda: pa.table(
        {**COLUMNS, "colour": pa.array(COLUMNS["colour"]).dictionary_encode()}
    ),
    "a record batch of pyarrow": lambda: pa.RecordBatch.from_pydict(COLUMNS),
    "pyarrow chunks": lambda: pa.concat_tables([pa.table(COLUMNS)[:1], pa.table(COLUMNS)[1:]]),
    "rows": lambda: [
        {name: COLUMNS[name][i] for name in COLUMNS if COLUMNS[name][i] is not None}
        for i in range(4)
    ],
}


def cells(column):
    """What a column holds, written alike whether it is an array or text."""
    if isinstance(column, np.ndarray) and column.dtype.kind == "M":
        column = column.astype("datetime64[s]").astype(object)
    written = [None if cell is None or cell != cell else str(cell) for cell in column.tolist()]
    return [text and text.lower().removesuffix(".0") for text in written]


@pytest.mark.parametrize("kind", FRAMES)
def test_a_table_of_any_kind_gives_the_same_columns(kind):
    columns = as_columns(FRAMES[kind]())
    assert list(columns)[:2] == ["colour", "count"]
    assert isinstance(columns["colour"], CodedText)
    assert columns["colour"].codes.dtype == np.int32
    assert cells(columns["colour"]) == ["red", None, "blue", "red"]
    assert cells(columns["count"]) == ["1", "2", "3", "4"]
    assert cells(columns["gap"]) == ["1", None, "3", "4"]
    assert cells(columns["size"]) == ["1.5", None, "2.5", "3"]
    assert cells(columns["alive"]) == ["true", "false", "true", "true"]
    assert cells(columns["smokes"]) == ["true", None, "false", "true"]
    born = ["2024-01-02 03:00:00", None, "2024-01-03 00:00:00", "1969-01-01 00:00:00"]
    assert cells(columns["born"]) == born


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table, dict])
def test_whole_numbers_beyond_float64_keep_their_digits(library):
    great = [2**53 + 1, 2**53, 5]
    assert as_columns(library({"n": great}))["n"].tolist() == great
    unsigned = np.array([2**64 - 1, 0], dtype=np.uint64)
    assert as_columns(library({"n": unsigned}))["n"].tolist() == [2**64 - 1, 0]


@pytest.mark.parametrize(
    "frame",
    [
        lambda values: {"n": values},
        lambda values: pl.DataFrame({"n": values}),
        lambda values: pa.table({"n": values}),
        lambda values: pd.DataFrame({"n": pd.array(values, dtype="Int64")}),
    ],
)
def test_whole_numbers_beyond_float64_beside_missing_ones_keep_their_digits(frame):
    column = as_columns(frame([2**53 + 1, None, 7]))["n"]
    assert column.tolist() == [str(2**53 + 1), None, "7"]


def test_scalars_are_one_row():
    row = {
        "colour": "red",
        "n": 3,
        "x": np.float32(0.5),
        "none": None,
        "day": np.datetime64("2024"),
    }
    columns = as_columns(row)
    assert {len(column) for column in columns.values()} == {1}
    assert columns["colour"].tolist() == ["red"]
    assert columns["x"].tolist() == [0.5]
    assert columns["none"].tolist() == [None]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, np.datetime64("NaT", "D")])
def test_every_object_that_stands_for_missing_is_missing(missing):
    assert as_columns({"x": ["a", missing]})["x"].tolist() == ["a", None]
    assert np.isnan(as_columns({"x": [1.5, missing]})["x"]).tolist() == [False, True]
    assert as_columns({"x": missing})["x"].tolist() == [None]


def test_objects_are_read_as_what_they_are():
    columns = as_columns(
        {
            "spans": [dt.timedelta(minutes=1), None],
            "clock": [dt.time(0, 1), dt.time(1)],
            "price": [decimal.Decimal("1.25"), 2],
            "mixed": ["a", 1],
            "bytes": [b"caf\xc3\xa9", b"\xff"],
            "lists": np.array([{"k": 1}, None], dtype=object),
        }
    )
    assert columns["spans"].tolist() == pytest.approx([60.0, np.nan], nan_ok=True)
    assert columns["clock"].tolist() == [60, 3600]
    assert columns["price"].tolist() == [1.25, 2.0]
    assert columns["mixed"].tolist() == ["a", "1"]
    assert columns["bytes"].tolist() == ["café", "b'\\xff'"]
    assert columns["lists"].tolist() == ["{'k': 1}", None]


def test_objects_that_cannot_be_looked_up_are_text():
    assert as_columns(pd.DataFrame({"x": [{1}, None]}))["x"].tolist() == ["{1}", None]
    assert as_columns(pl.DataFrame({"x": [[1], None]}))["x"].tolist() == ["[1]", None]


def test_series_and_arrays_of_any_library_are_columns():
    for values in (
        pd.Series(["a", pd.NA], dtype="string"),
        pd.array(["a", pd.NA], dtype="string"),
        pd.Categorical(["a", None]),
        pl.Series(["a", None]),
        pa.array(["a", None]),
        pa.chunked_array([["a"], [None]]),
    ):
        assert as_columns({"x": values})["x"].tolist() == ["a", None]


def test_times_with_a_zone_are_told_in_utc():
    times = pd.to_datetime(["2024-07-01 12:00"]).tz_localize("Europe/Berlin")
    for frame in (pd.DataFrame({"t": times}), pl.from_pandas(pd.DataFrame({"t": times}))):
        assert str(as_columns(frame)["t"][0]).startswith("2024-07-01T10:00:00")


def test_a_structured_array_is_a_table():
    array = np.array([(1, "a"), (2, "b")], dtype=[("n", int), ("t", "U1")])
    columns = as_columns(array)
    assert columns["n"].tolist() == [1, 2]
    assert columns["t"].tolist() == ["a", "b"]


def test_coded_text_is_taken_by_slice_index_and_mask():
    column = as_columns({"x": ["a", "b", "a", None]})["x"]
    assert len(column) == 4
    assert column[1:3].tolist() == ["b", "a"]
    assert column[np.array([3, 0])].tolist() == [None, "a"]
    assert column[np.array([True, False, True, False])].tolist() == ["a", "a"]
    assert column[1:2].counts() == {"b": 1}


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table])
def test_text_of_a_frame_is_coded_without_a_loop_over_its_rows(library):
    def steps(rows):
        """Python's lines and calls while a frame of so many rows is read."""
        frame = library({"x": ["some text", "other"] * (rows // 2)})
        seen = 0

        def count(_, event, __):
            nonlocal seen
            seen += event in ("call", "line")
            return count

        sys.settrace(count)
        try:
            column = as_columns(frame)["x"]
        finally:
            sys.settrace(None)
        assert len(column) == rows
        return seen

    steps(2)  # What the first call imports does not count.
    assert steps(200_000) < steps(2_000) + 1_000


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({}, "no columns"),
        ([], "no columns"),
        ({"x": [1], "y": 2}, "'y' is one value and others are columns"),
        ([{"x": 1}, 3], "row 2: expected a mapping from names to values, got int"),
        ([{"x": [1, 2]}], "row 1: expected one value of 'x', got list"),
        ({"x": [[1, 2], [3, 4]]}, r"one dimension, got shape \(2, 2\)"),
        ({1: [1], "1": [2]}, "two columns named '1'"),
        (np.zeros((2, 2)), "a table with named columns, got an array"),
        (3, "expected a table .* got int"),
        (pd.Series([1], name="x"), "expected a table, got a series"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), "two columns"),
        (pl.LazyFrame({"x": [1]}), "call its collect"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(table, sentence):
    with pytest.raises(TableError, match=sentence):
        as_columns(table)


def test_without_narwhals_a_frame_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "narwhals", None)
    with pytest.raises(TableError, match=r"pandas.DataFrame needs narwhals: pip install narwhals"):
        as_columns(pd.DataFrame({"x": [1]}))
