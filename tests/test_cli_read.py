"""Reading of tables by the command line, however they are written."""

import datetime as dt
import decimal
import gzip

import numpy as np
import pytest

pl = pytest.importorskip("polars")

from lamina.cli._read import TextFormat, read_table  # noqa: E402
from lamina.tabular import TableError  # noqa: E402


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(path, **layout):
    return {
        name: column.tolist() for name, column in read_table(path, TextFormat(**layout)).items()
    }


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,x\n,y z\n",
        "a,b\r\n1,x\r\n,y z\r\n",
        "\ufeffa,b\n1,x\n,y z",
        'a,"b"\n"1","x"\n"","y z"\n\n',
        'a, "b"\n1, "x"\n, "y z"\n',
        "a\tb\n1\tx\n\ty z\n",
        "a;b\n1;x\n;y z\n",
    ],
    ids=[
        "plain",
        "CRLF",
        "byte order mark",
        "quoted",
        "blanks before quotes",
        "tabs",
        "semicolons",
    ],
)
def test_text_tables_read_alike_however_they_are_written(tmp_path, text):
    assert read(write(tmp_path / "t.csv", text)) == {"a": ["1", None], "b": ["x", "y z"]}


@pytest.mark.parametrize(
    ("written", "encoding"), [("utf-16", None), ("utf-8-sig", None), ("latin-1", "latin-1")]
)
def test_other_encodings_are_told_by_their_mark_or_by_name(tmp_path, written, encoding):
    path = write(tmp_path / "t.csv", "a,b\n1,Zürich\n".encode(written))
    assert read(path, encoding=encoding) == {"a": ["1"], "b": ["Zürich"]}


def test_lines_may_end_as_on_the_first_macintoshes(tmp_path):
    assert read(write(tmp_path / "t.csv", "a,b\r1,x\r")) == {"a": ["1"], "b": ["x"]}


def test_a_decimal_comma_is_read_on_request_and_leaves_other_text_alone(tmp_path):
    cells = ["1.234,5", "-0,25", ",5", "1.000", "7", "3,5e-2", "31.12.2024", "1,2,3", "a,b", ""]
    path = write(tmp_path / "t.csv", "x;y\n" + "".join(f"{cell};z\n" for cell in cells))
    expected = ["1234.5", "-0.25", ".5", "1000", "7", "3.5e-2", "31.12.2024", "1,2,3", "a,b", None]
    assert read(path, decimal=",")["x"] == expected
    assert read(path)["x"] == [*cells[:-1], None]


def test_gzip_is_told_by_content_not_by_name(tmp_path):
    path = write(tmp_path / "t.csv", gzip.compress(b"a,b\n1,x\n"))
    assert read(path) == {"a": ["1"], "b": ["x"]}


def test_quoted_cells_may_hold_separators_and_line_ends(tmp_path):
    path = write(tmp_path / "t.csv", 'a,b\n"x, ""y""","two\nlines"\n')
    assert read(path) == {"a": ['x, "y"'], "b": ["two\nlines"]}


@pytest.mark.parametrize("lines", ["a,b\n,\n\n,\n1,x\n,\n", "a\tb\n\t\n\t\n1\tx\n\t\n\n"])
def test_rows_of_missing_cells_keep_their_place_and_empty_lines_are_none(tmp_path, lines):
    expected = {"a": [None, None, "1", None], "b": [None, None, "x", None]}
    assert read(write(tmp_path / "t.csv", lines)) == expected


def test_a_single_column_has_no_row_where_a_line_is_empty(tmp_path):
    assert read(write(tmp_path / "t.csv", 'a\n1\n\n""\n2\n')) == {"a": ["1", None, "2"]}


def test_parquet_keeps_its_types(tmp_path):
    frame = pl.DataFrame(
        {
            "n": [1, None],
            "t": ["x", None],
            "b": [True, None],
            "d": pl.Series(["2024-01-02", None]).str.to_date(),
            "c": pl.Series(["x", "y"], dtype=pl.Categorical),
        }
    )
    frame.write_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet", TextFormat())
    assert table["n"].dtype == np.float64
    assert np.isnan(table["n"][1])
    assert table["t"].tolist() == ["x", None]
    assert table["b"].tolist() == ["true", None]
    assert table["d"].dtype.kind == "M"
    assert table["c"].tolist() == ["x", "y"]


def test_parquet_columns_of_any_type_are_read(tmp_path):
    values = {
        "time": ([dt.time(1, 2, 3), None], [3723.0, np.nan]),
        "duration": ([dt.timedelta(hours=1), None], [3600.0, np.nan]),
        "decimal": ([decimal.Decimal("1.25"), None], [1.25, np.nan]),
        "list": ([[1, 2], None], ["[1, 2]", None]),
        "record": ([{"k": 1}, None], ["{'k': 1}", None]),
        "bytes": ([b"caf\xc3\xa9", b"\xff"], ["café", "b'\\xff'"]),
        "nothing": ([None, None], [None, None]),
    }
    pl.DataFrame({name: given for name, (given, _) in values.items()}).write_parquet(
        tmp_path / "t.parquet"
    )
    table = read(tmp_path / "t.parquet")
    for name, (_, expected) in values.items():
        assert table[name] == pytest.approx(expected, nan_ok=True), name


def test_a_table_without_header_gets_numbered_or_given_names(tmp_path):
    path = write(tmp_path / "t.csv", "1,x\n2,y\n")
    assert list(read(path, header=False)) == ["column_1", "column_2"]
    assert read(path, header=False, columns=("n", "t")) == {"n": ["1", "2"], "t": ["x", "y"]}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the file is empty"),
        ("a,b\n", "the table has no rows"),
        ("a,b\n1,2\n1,2,3\n", "line 3: expected 2 cells like the first line, got 3"),
        ("a,b\n1,2\n1\n", "line 3: expected 2 cells like the first line, got 1"),
        ("a,b,a\n1,2,3\n", "columns 1 and 3 are both named 'a'"),
        (b"a,b\n1,\xe9\n", "line 2: expected UTF-8 text; name another encoding with"),
        (gzip.compress(b"a,b\n1,2\n" * 50)[:-9], "gzip data are damaged or cut short"),
        (b"PAR1 and then nothing", "this Parquet file cannot be read"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_place(tmp_path, text, sentence):
    with pytest.raises(TableError, match=sentence):
        read(write(tmp_path / "t.csv", text))
