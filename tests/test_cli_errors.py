"""What the command `lamina` says about cells that it cannot read."""

import pytest

pytest.importorskip("polars")
pytest.importorskip("rich")

from commands import QUICK, fails, lamina, write


def test_an_error_in_a_cell_names_file_row_and_the_options_that_help(tmp_path):
    # Row 1 has no target: the rows must be counted with it.
    rows = ["1,?", *(f"{i * i},{'ab'[i % 2]}" for i in range(60))]
    good = write(tmp_path / "good.csv", "\n".join(["x,y", *rows]))
    bad = write(tmp_path / "bad.csv", "\n".join(["x,y", *rows, "none,a", "7,b"]))
    other = write(tmp_path / "other.csv", "\n".join(["x,y", *rows, "7,c"]))
    empty = write(tmp_path / "empty.csv", "z,y\n7,a\n")
    arguments = ["--target", "y", "-o", tmp_path / "m", *QUICK]
    sentence = fails("train", bad, *arguments)
    assert f"{bad}, column 'x', row 62: 'none' is text in a column of numbers" in sentence
    assert "(--missing=none or --categorical x or --ignore x)" in sentence
    for option in ("--test", "--validation"):
        assert f"{bad}, column 'x', row 62: expected a number, got 'none'" in fails(
            "train", good, *arguments, option, bad
        )
        assert f"{other}: target 'y': class 'c' is not" in fails(
            "train", good, *arguments, option, other
        )
        sentence = f"{empty}: the table has no column 'x', which the model reads; there are 'z'"
        assert sentence in fails("train", good, *arguments, option, empty)
    assert lamina("train", good, *arguments, "--json")[0] == 0
    for command in ("evaluate", "predict"):
        assert f"{bad}, column 'x', row 62: expected" in fails(command, tmp_path / "m", bad)


def test_a_target_of_numbers_with_a_word_among_them_is_reported(tmp_path):
    rows = [f"{i % 7},{i}.5" for i in range(60)]
    path = write(tmp_path / "t.csv", "\n".join(["x,y", *rows, "1,low"]))
    sentence = fails("train", path, "--target", "y", "-o", tmp_path / "m")
    assert "'y', row 61: 'low' is text in a column of numbers" in sentence
    assert "--task classification" in sentence


@pytest.mark.parametrize(
    ("form", "becomes", "options"),
    [
        ("{},5", "'0,5' is a number", "--parse-numbers x or --decimal , or "),
        ("${}", "as a number it is 0", "--parse-numbers x or "),
        ("1,{:03}", "'1,000' is a number with marks in it, as 60 of its 60 values are; as a number "
        "it is 1000", "--parse-numbers x or "),
    ],
)  # fmt: skip
def test_numbers_with_marks_name_the_option_that_reads_them(tmp_path, form, becomes, options):
    rows = [f"{form.format(i)};{'ab'[i % 2]}" for i in range(60)]
    path = write(tmp_path / "t.csv", "\n".join(["x;y", *rows]))
    sentence = fails("train", path, "--target", "y", "-o", tmp_path / "m", *QUICK)
    assert becomes in sentence
    assert f"({options}--categorical x or --ignore x)" in sentence
