"""What the command `lamina` prints: a calm summary of about a screen."""

import io
import shlex
from types import SimpleNamespace

import pytest

pytest.importorskip("polars")
pytest.importorskip("rich")

from rich.console import Console

from commands import QUICK, lamina, write
from lamina.cli._progress import ProgressLines
from lamina.cli._report import columns_of_a_screen, describe_epochs, format_figure, print_columns
from lamina.tabular import ColumnSummary

TYPED = "'--separator=;' --decimal=, --no-header"


def columns(numbers, categories):
    return [
        *[ColumnSummary(f"n{i}", "number", 100, 0, 50) for i in range(numbers)],
        *[ColumnSummary(f"c{i}", "category", 100, 0, 5) for i in range(categories)],
        ColumnSummary("key", "ignored", 100, 0, 100, "another number in each row"),
    ]


def printed(summaries, most):
    console = Console(file=io.StringIO(), width=100)
    print_columns(console, summaries, most)
    return console.file.getvalue()


def test_of_very_many_columns_those_with_notes_are_shown_and_the_rest_is_counted():
    text = printed(columns(30, 20), 12)
    assert [f"n{i} " in text for i in (0, 10, 11, 29)] == [True, True, False, False]
    assert "key      ignored" in text
    assert "another number in each row" in text
    assert "and 39 more columns (19 number, 20 category)" in text
    assert "and 20 more columns (category)" in printed(columns(11, 20), 12)
    assert "more columns" not in printed(columns(5, 5), 11)
    assert printed(columns(300, 0), None).count("number ") == 301


def test_a_terminal_gets_as_many_columns_as_leave_the_summary_on_one_screen():
    for height, most in ((24, 10), (50, 36)):
        console = Console(file=io.StringIO(), force_terminal=True, width=100, height=height)
        assert columns_of_a_screen(console) == most
    assert columns_of_a_screen(Console(file=io.StringIO())) == 40


def test_the_end_of_a_training_is_told_in_a_few_words():
    stopped = {"best_epoch": 3, "epochs": 23, "stop_reason": "val_loss has not improved for 20"}
    assert describe_epochs(stopped) == "best epoch 3 of 23 (then 20 without improvement)"
    assert describe_epochs(stopped | {"stop_reason": "interrupted"}).endswith("23 (interrupted)")
    assert describe_epochs(stopped | {"stop_reason": ""}) == "best epoch 3 of 23"


def test_plain_lines_come_every_twenty_epochs_or_thirty_seconds(monkeypatch):
    training = SimpleNamespace(
        recipe=SimpleNamespace(epochs=100, patience=50, monitor="loss"),
        stopping=SimpleNamespace(best_epoch=0),
        n_members=1,
    )
    now = [0.0]
    monkeypatch.setattr("lamina.cli._progress.time.monotonic", lambda: now[0])
    console = Console(file=io.StringIO(), width=100)
    lines = ProgressLines(console, training)
    for epoch in range(60):
        now[0] += 1.0 if epoch < 40 else 12.0
        lines.on_epoch_end(epoch, {"loss": 0.5, "val_loss": 0.75})
    text = console.file.getvalue().splitlines()
    told = [int(line.split("/")[0].removeprefix("epoch ")) for line in text]
    assert told == [1, 20, 40, 43, 46, 49, 52, 55, 58, 60]
    assert text[1] == (
        "epoch 20/100  loss 0.5  validation loss 0.75  best epoch 1  20 s, up to 1 min 20 s left"
    )


def test_what_the_baseline_guesses_is_said(tmp_path):
    rows = [f"{i % 97}.5,{'ab'[i % 97 > 48]},{3 * (i % 97)}.5" for i in range(200)]
    table = write(tmp_path / "t.csv", "x,y,z\n" + "\n".join(rows))
    for target, words in (("y", "the shares of the classes"), ("z", "the mean")):
        out = lamina("train", table, "--target", target, "-o", tmp_path / "my model", *QUICK)[1]
        assert f"baseline: guesses {words}, whatever the row" in out
        assert f"lamina predict '{tmp_path / 'my model'}' TABLE" in out


def test_the_next_command_reads_tables_as_the_training_table_was_read(tmp_path):
    rows = [f"{i % 97},5;{'ab'[i % 97 > 48]}" for i in range(200)]
    table = write(tmp_path / "t.csv", "\n".join(rows))
    options = ["--no-header", "--decimal", ",", "--separator", ";", "-o", tmp_path / "m"]
    out = lamina("train", table, "--target", "2", *options, *QUICK)[1]
    assert out.endswith(f"lamina predict {tmp_path / 'm'} TABLE {TYPED}\n")
    assert lamina("predict", tmp_path / "m", table, *shlex.split(TYPED))[0] == 0


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("accuracy", 0.87654, "0.8765"),
        ("accuracy", None, "-"),
        ("roc_auc", float("nan"), "-"),
        ("rmse", float("inf"), "-"),
        ("r2", -0.00001, "0.0000"),
        ("rmse", 1234567.8, "1,234,568"),
        ("mae", 0.00123456, "0.0012346"),
    ],
)
def test_figures_are_short_and_a_dash_where_there_is_none(name, value, text):
    assert format_figure(name, value) == text
