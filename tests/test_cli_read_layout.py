"""The layout of tables, found by the command line: kinds of files, separators, headers, quotes."""

import gzip
import io
import zipfile

import pytest

pytest.importorskip("polars")

from commands import write
from lamina.cli._read import TextFormat, read_table
from lamina.tabular import TableError


def plain(column):
    """The values of a column, None where they are missing."""
    return [None if value != value else value for value in column.tolist()]


def read(path, **layout):
    return {name: plain(column) for name, column in read_table(path, TextFormat(**layout)).items()}


def notes_of(path, **layout):
    notes = []
    read_table(path, TextFormat(**layout), tell=notes.append)
    return notes


@pytest.mark.parametrize(
    ("text", "layout", "expected"),
    [
        ("1,5;2,5;3,0\n4,5;5,5;6,5\n", {"header": False, "decimal": ","}, [1.5, 4.5]),
        ("h, cm;w, cm\n1,5;2,5\n3,5;4,5\n", {"decimal": ","}, [1.5, 3.5]),
        ('"h, cm";"w, cm"\n1.5;2.5\n3.5;4.5\n', {}, [1.5, 3.5]),
        ("h, cm;w, cm, new;y\n1.5;2.5;1\n3.5;4.5;2\n", {}, [1.5, 3.5]),
        ("name;text\n1.5;a, b\n3.5;a, b\n", {}, [1.5, 3.5]),
        ("when\ttext\n2024-01-01 12:00\ta, b; c\n", {}, ["2024-01-01 12:00"]),
        ("h w y\n1.5 2.5 1\n3.5 4.5 2\n", {}, [1.5, 3.5]),
        ("  1.5   2.5\t1\n  3.5\t-4.5  2 \n", {"header": False}, [1.5, 3.5]),
        ("first name\nAda Smith\nBo Miller\n", {}, ["Ada Smith", "Bo Miller"]),
        ("first name\nAda Smith\nBo Miller\n", {"separator": " "}, ["Ada", "Bo"]),
        ("h^w\n1.5^2.5\n3.5^4.5\n", {"separator": "^"}, [1.5, 3.5]),
    ],
)
def test_the_separator_is_the_one_that_divides_all_lines_evenly(tmp_path, text, layout, expected):
    assert next(iter(read(write(tmp_path / "t.csv", text), **layout).values())) == expected


def test_a_few_odd_lines_do_not_hide_the_separator(tmp_path):
    rows = "".join(f"2024-01-01 12:{i % 60:02};{i},5;x\n" for i in range(100))
    path = write(tmp_path / "t.csv", f"when;x;y\n{rows}1;2\n")
    with pytest.raises(TableError, match=r"line 102: expected 3 cells, got 2 divided by ';'"):
        read(path)


def test_gzip_is_told_by_content_not_by_name(tmp_path):
    path = write(tmp_path / "t.csv", gzip.compress(b"a,b\n1,x\n"))
    assert read(path) == {"a": [1], "b": ["x"]}
    path = write(tmp_path / "t.csv.gz", "a,b\n1,x\n")
    assert read(path) == {"a": [1], "b": ["x"]}


@pytest.mark.parametrize(
    "name", ["x^2", "PAR1", "PK", "BZh9", "GIF8", "RDX2", "ORC", "Obj", "%PDF"]
)
def test_a_column_may_be_named_like_the_first_bytes_of_another_kind_of_file(tmp_path, name):
    path = write(tmp_path / "t.csv", f"{name},y\n" + "1,2\n" * 2000)
    assert list(read(path)) == [name, "y"]


def other_kinds():
    """Files that are no tables, by what a reader of them should learn."""
    import bz2
    import lzma

    table = b"a,b\n1,2\n"
    book = io.BytesIO()
    with zipfile.ZipFile(book, "w") as file:
        file.writestr("[Content_Types].xml", "<Types/>")
        file.writestr("xl/workbook.xml", "<workbook/>")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("t.csv", table)
    return {
        "an Excel workbook; save its sheet as CSV": book.getvalue(),
        "a ZIP archive; unpack it first": archive.getvalue(),
        "an Excel or other Office file; save": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(50),
        "packed by bzip2; unpack it first": bz2.compress(table),
        "packed by xz; unpack": lzma.compress(table),
        "packed by Zstandard; unpack": b"\x28\xb5\x2f\xfd" + bytes(50),
        "a PNG image; give": b"\x89PNG\r\n\x1a\n" + bytes(50),
        "an HTML page; save": b"\n<!DOCTYPE html>\n<table></table>",
        "a JSON file; save": b'[\n  {"a": 1, "b": 2}]',
        "an ARFF file; give": b"% by hand\n@RELATION t\n@data\n1,2\n",
        "a ZIP archive within gzip; unpack": gzip.compress(archive.getvalue()),
        "a Parquet file without its end": b"PAR1" + bytes(range(256)),
    }


@pytest.mark.parametrize("sentence", list(other_kinds()))
def test_other_kinds_of_files_are_named_and_what_to_do_with_them(tmp_path, sentence):
    path = write(tmp_path / "t.csv", other_kinds()[sentence])
    with pytest.raises(TableError) as raised:
        read(path)
    assert f"{path} is {sentence}" in str(raised.value)


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(TableError, match="is a folder; give a CSV, TSV or Parquet file"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("text", "layout", "expected"),
    [
        ("Report\nof 2024\n\na,b\n1,x\n", {"skip": 2}, {"a": [1], "b": ["x"]}),
        ('a "quote\na,b\n1,x\n', {"skip": 1}, {"a": [1], "b": ["x"]}),
        ('%a\na,b\n% c, d, e\n1,x\n %"\n', {"comment": "%"}, {"a": [1], "b": ["x"]}),
        ("a,b\n#1,x\n2,#y\n", {"comment": "#"}, {"a": [2], "b": ["#y"]}),
        ("a,b\n'1,5',x\n", {"quote": "'"}, {"a": ["1,5"], "b": ["x"]}),
        ('a,b\n"1",5" pipe\n', {"quote": ""}, {"a": ['"1"'], "b": ['5" pipe']}),
        ("sep=;\na,b;c\n1;2\n", {}, {"a,b": [1], "c": [2]}),
        ("sep=;\na,b\n1,2\n", {"separator": ","}, {"a": [1], "b": [2]}),
        ("a,b\nr1,1,2\nr2,3,4\n", {}, {"Unnamed: 0": ["r1", "r2"], "a": [1, 3], "b": [2, 4]}),
        (
            '"a" "b"\n"1" 1.5 "x y"\n"2" 2.5 "z"\n',
            {},
            {"Unnamed: 0": [1, 2], "a": [1.5, 2.5], "b": ["x y", "z"]},
        ),
        (",a\n0,5\n1,6\n", {}, {"Unnamed: 0": [0, 1], "a": [5, 6]}),
        ("a,b\n1,2,\n3,4,\n", {}, {"a": [1, 3], "b": [2, 4], "column_3": [None, None]}),
        ("#1,2\n#3,4\n5,6\n", {"header": False}, {"1": ["#3", "5"], "2": [4, 6]}),
    ],
)
def test_what_stands_around_a_table_is_understood(tmp_path, text, layout, expected):
    assert read(write(tmp_path / "t.csv", text), **layout) == expected


def test_what_is_left_out_is_told(tmp_path):
    path = write(tmp_path / "t.csv", "# logger\n# 5\na,b\n1,2\n")
    assert "lines 1 to 2 begin with # and are left out" in notes_of(path)[0]
    path = write(tmp_path / "t.csv", "a,b\nr1,1,2\nr2,3,4\n")
    assert "names one column less than the rows have" in notes_of(path)[0]
    path = write(tmp_path / "t.csv", "1,2\n3,4\n")
    assert "if line 1 is a row, say --no-header" in notes_of(path)[0]
    assert notes_of(write(tmp_path / "t.csv", "a,b\n1,'2'\n")) != []
    assert notes_of(write(tmp_path / "t.csv", "a,b\n1,2\n")) == []


def test_single_quotes_around_the_cells_of_a_column_go_unless_a_cell_has_half_a_pair(tmp_path):
    path = write(tmp_path / "t.csv", "'a','b','c'\n1,'-1',5'\n2,' x ','6'\n3,y,''\n")
    assert read(path) == {"a": [1, 2, 3], "b": ["-1", "x", "y"], "c": ["5'", "'6'", "''"]}
    assert read(path, quote="'") == {"a": [1, 2, 3], "b": ["-1", "x", "y"], "c": ["5'", "6", None]}
    assert read(path, quote="") == {
        "'a'": [1, 2, 3],
        "'b'": ["'-1'", "' x '", "y"],
        "'c'": ["5'", "'6'", "''"],
    }


def test_a_table_without_header_gets_the_places_of_its_columns_or_given_names(tmp_path):
    path = write(tmp_path / "t.csv", "1,x\n2,y\n")
    assert read(path, header=False) == {"1": [1, 2], "2": ["x", "y"]}
    assert read(path, header=False, columns=("n", "t")) == {"n": [1, 2], "t": ["x", "y"]}
    assert read(path, columns=("n", "t")) == {"n": [2], "t": ["y"]}
