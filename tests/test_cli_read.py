"""Reading of tables by the command line, however they are written."""

import datetime as dt
import decimal
import gzip
import io

import numpy as np
import pytest

pl = pytest.importorskip("polars")

from commands import write  # noqa: E402
from lamina.cli._read import TextFormat, read_kept_table, read_table  # noqa: E402
from lamina.tabular import TableError  # noqa: E402


def plain(column):
    """The values of a column, None where they are missing."""
    return [None if value != value else value for value in column.tolist()]


def read(path, **layout):
    return {name: plain(column) for name, column in read_table(path, TextFormat(**layout)).items()}


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,x\n,y z\n",
        "a,b\r\n1,x\r\n,y z\r\n",
        "a,b\r1,x\r,y z\r",
        "a,b\n1,x\r\n,y z\r",
        "\ufeffa,b\n1,x\n,y z",
        'a,"b"\n"1","x"\n"","y z"\n\n',
        'a, "b"\n1, "x"\n, "y z"\n',
        'a,b\n 1\t, "x" \n ,  y z\n',
        "a\tb\n1\tx\n\ty z\n",
        "a;b\n1;x\n;y z\n",
        "a|b\n1|x\n|y z\n",
        "a,b\n\n1,x\n   \n,y z\n\n\n",
        "sep=,\na,b\n1,x\n,y z\n",
        '# by hand\n\n# in 2024, "x\na,b\n1,x\n,y z\n',
        "#a,b\n1,x\n,y z\n",
        "# x, y\na,b\n1,x\n,y z\n",
        "a,b,\n1,x\n,y z\n",
    ],
    ids=[
        "plain",
        "CRLF",
        "CR",
        "line ends of all kinds",
        "byte order mark",
        "quoted",
        "blanks before quotes",
        "blanks around cells",
        "tabs",
        "semicolons",
        "bars",
        "empty lines",
        "Excel's separator",
        "lines with a hash before the header",
        "a header that begins with a hash",
        "a comment of as many words as the header",
        "a separator behind the header",
    ],
)
def test_text_tables_read_alike_however_they_are_written(tmp_path, text):
    assert read(write(tmp_path / "t.csv", text)) == {"a": [1, None], "b": ["x", "y z"]}


@pytest.mark.parametrize(
    ("written", "encoding"),
    [
        ("utf-16", None),
        ("utf-32", None),
        ("utf-8-sig", None),
        ("utf-8-sig", "utf-8"),
        ("utf-16-le", "utf-16-le"),
        ("latin-1", "latin-1"),
        ("shift_jis", "shift_jis"),
    ],
)
def test_other_encodings_are_told_by_their_mark_or_by_name(tmp_path, written, encoding):
    word = "日本" if written == "shift_jis" else "Zürich"
    path = write(tmp_path / "t.csv", f"a,b\n1,{word}\n".encode(written))
    assert read(path, encoding=encoding) == {"a": [1], "b": [word]}


def test_a_decimal_comma_is_read_on_request_and_leaves_other_text_alone(tmp_path):
    cells = ["1.234,5", "-0,25", ",5", "1.000", "7", "3,5e-2", "31.12.2024", "1,2,3", "a,b", ""]
    path = write(tmp_path / "t.csv", "x;y\n" + "".join(f"{cell};z\n" for cell in cells))
    expected = ["1234.5", "-0.25", ".5", "1000", "7", "3.5e-2", "31.12.2024", "1,2,3", "a,b", None]
    assert read(path, decimal=",")["x"] == expected
    assert read(path)["x"] == [*cells[:-1], None]
    path = write(tmp_path / "n.csv", "x;y\n" + "".join(f"{cell};1\n" for cell in cells[:6]))
    assert read(path, decimal=",")["x"] == [1234.5, -0.25, 0.5, 1000, 7, 0.035]


def test_quoted_cells_may_hold_separators_and_line_ends(tmp_path):
    path = write(tmp_path / "t.csv", 'a,b\n"x, ""y""","two\nlines"\n')
    assert read(path) == {"a": ['x, "y"'], "b": ["two\nlines"]}
    path = write(tmp_path / "t.csv", 'a b\n"x  y" 1\n5" 2\n')
    assert read(path, separator=" ") == {"a": ["x  y", '5"'], "b": [1, 2]}


@pytest.mark.parametrize("lines", ["a,b\n,\n\n,\n1,x\n,\n", "a\tb\n\t\n\t\n1\tx\n\t\n\n"])
def test_rows_of_missing_cells_keep_their_place_and_empty_lines_are_none(tmp_path, lines):
    expected = {"a": [None, None, 1, None], "b": [None, None, "x", None]}
    assert read(write(tmp_path / "t.csv", lines)) == expected


def test_a_single_column_has_no_row_where_a_line_is_empty(tmp_path):
    assert read(write(tmp_path / "t.csv", 'a\n1\n\n""\n2\n')) == {"a": [1, None, 2]}


def test_numbers_are_columns_of_numbers_and_codes_stay_text(tmp_path):
    header = "number,missing,code,great,date,none,zero"
    rows = ["1e-3,NA,007,9007199254740993,2024-01-02,,0", " +.5 ,7,12,3,2024-01-03,,-0.0"]
    path = write(tmp_path / "t.csv", "\n".join([header, *rows]))
    assert read(path) == {
        "number": [0.001, 0.5],
        "missing": [None, 7],
        "code": ["007", "12"],
        "great": ["9007199254740993", "3"],
        "date": ["2024-01-02", "2024-01-03"],
        "none": [None, None],
        "zero": [0, 0],
    }
    strict = read_table(path, TextFormat(), missing_values=["?"])
    assert plain(strict["missing"]) == ["NA", "7"]


@pytest.mark.parametrize("late", ["x", "007", "9007199254740993", "1,5"])
def test_a_text_that_comes_late_makes_the_whole_column_text_as_it_is_written(tmp_path, late):
    rows = [f"{i}.50;{i};z" for i in range(100_000)]
    path = write(tmp_path / "t.csv", "\n".join(["a;b;c", *rows, f"{late};2;z"]))
    table = read_table(path, TextFormat())
    assert table["a"].tolist() == [*(f"{i}.50" for i in range(100_000)), late]
    assert table["b"].tolist() == [*range(100_000), 2]


def test_the_standard_input_and_packed_files_are_read_again_where_text_comes_late(
    tmp_path, monkeypatch
):
    text = ("a,b\n" + "1.0,2\n" * 60_000 + "x,2\n").encode()
    path = write(tmp_path / "t.csv.gz", gzip.compress(text, 1))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    for place in (path, type(path)("-")):
        table = read_table(place, TextFormat())
        assert table["a"].tolist() == ["1.0"] * 60_000 + ["x"]


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
        "time": ([dt.time(1, 2, 3), None], [3723.0, None]),
        "duration": ([dt.timedelta(hours=1), None], [3600.0, None]),
        "decimal": ([decimal.Decimal("1.25"), None], [1.25, None]),
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
        assert table[name] == expected, name


def test_parquet_is_read_from_gzip_and_from_the_standard_input(tmp_path, monkeypatch):
    memory = io.BytesIO()
    pl.DataFrame({"n": [1.5, None], "t": ["x", None]}).write_parquet(memory)
    path = write(tmp_path / "t[1].parquet", memory.getvalue())
    packed = write(tmp_path / "t.gz", gzip.compress(memory.getvalue()))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(memory))
    memory.seek(0)
    for place in (path, packed, type(path)("-")):
        assert read(place) == {"n": [1.5, None], "t": ["x", None]}


def test_columns_to_keep_are_as_they_are_written(tmp_path):
    text = write(tmp_path / "t.csv", "a,b,c\n1.50,007,x\n2e1,,NA\n")
    kept = read_kept_table(text, TextFormat(), ["NA"], ["a", "c", "b", "a"]).kept
    assert kept.to_dict(as_series=False) == {
        "a": ["1.50", "2e1"],
        "c": ["x", "NA"],
        "b": ["007", None],
    }
    frame = pl.DataFrame({"a": [1, None], "d": [dt.date(2024, 1, 2), None], "b": [True, None]})
    frame.write_parquet(tmp_path / "t.parquet")
    kept = read_kept_table(tmp_path / "t.parquet", TextFormat(), ["NA"], ["d", "a"]).kept
    assert kept.equals(frame.select("d", "a"))
    for path in (text, tmp_path / "t.parquet"):
        with pytest.raises(TableError, match="--keep: there is no column 'A'; did you mean 'a'"):
            read_kept_table(path, TextFormat(), ["NA"], ["A"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the file is empty"),
        (" \n\n", "the file is empty"),
        ("# nothing\n", "the table has no rows"),
        ("a,b\n", "the table has no rows"),
        ("a,b\n1,2\n1,2,3\n", "line 3: expected 2 cells, got 3 divided by ',': '1,2,3'"),
        ("a,b\n1,2\n1\n", "line 3: expected 2 cells, got 1 divided by ',': '1'"),
        ('a,b\n1,"2\n3"\n\n1\n', "line 5: expected 2 cells, got 1"),
        ("a,b\r\n1,2\r\n1\r\n", "line 3: expected 2 cells, got 1"),
        ("a,b\r1,2\r1\r", "line 3: expected 2 cells, got 1"),
        ("a,b\n1,2\n# end\n", "line 3: expected 2 cells.* .see .*--comment '#'"),
        ('a,b\n1,"2\n3,4\n', "line 2: quotes that open in this row are not closed.*--quote"),
        ('a,b\n1,"2"3\n', "line 2: expected a separator behind the closing quote.*--quote"),
        ('"a"b,c\n1,2\n', "line 1: expected a separator behind the closing quote"),
        ("Report\nof, 2024\na,b,c\n1,2,3\n4,5,6\n7,8,9\n", "line 1: .*--skip 2"),
        ("Report\n\na,b\n1,2\n3,4\n", "line 1: expected 2 cells like most lines.*--skip 2"),
        ("a,b,a\n1,2,3\n", "columns 1 and 3 are both named 'a'.*--columns"),
        (b"a,b\n1,\xe9\n", "line 2: expected UTF-8 text; name another encoding with"),
        (b"a,b\n1,\x00\n", "a byte 0.*--encoding utf-16-le"),
        ("a,b\n1,x\n".encode("utf-16-le"), "--encoding utf-16-le"),
        (gzip.compress(b"a,b\n1,2\n" * 50, mtime=0)[:-9], "gzip data are damaged or cut short"),
        (b"PAR1 and then nothing, PAR1", "this Parquet file cannot be read"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_place(tmp_path, text, sentence):
    with pytest.raises(TableError, match=sentence):
        read(write(tmp_path / "t.csv", text))


@pytest.mark.parametrize(("wrong", "found"), [("1\n", 1), ("1,2,3\n", 3), ("1,2,,\n", 4)])
def test_a_row_of_another_length_is_found_anywhere_in_a_long_file(tmp_path, wrong, found):
    lines = ["a,b\n", *["1,\n"] * 150_000, wrong, *["1,2\n"] * 10]
    with pytest.raises(TableError, match=f"line 150002: expected 2 cells, got {found}"):
        read(write(tmp_path / "t.csv", "".join(lines)))


def test_a_byte_that_is_no_utf8_is_found_anywhere_in_a_long_file(tmp_path):
    data = b"a,b\n" + "1,é\n".encode() * 2_000_000 + b"1,\xe9\n"
    with pytest.raises(TableError, match="line 2000002: expected UTF-8 text"):
        read(write(tmp_path / "t.csv", data))
