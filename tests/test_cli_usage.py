"""The options of the command `lamina`: their help, and what is said about wrong ones."""

import subprocess
import sys

import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("rich")

from commands import fails, lamina  # noqa: E402
from lamina.cli._arguments import build_parser  # noqa: E402
from lamina.cli._train import train_options  # noqa: E402
from lamina.tabular._presets import PRESETS  # noqa: E402
from lamina.tabular._recipe import Recipe  # noqa: E402

TRAIN = ["train", "table.csv", "--target", "y"]


def usage_error(*arguments):
    """What is wrong with the options, without the line that names the help."""
    code, out, err = lamina(*arguments)
    assert (code, out) == (2, "")
    sentence, see = err.splitlines()
    name = "lamina train" if arguments[0] == "train" else "lamina"
    assert sentence.startswith(name)
    assert see.startswith(f"see '{name}")
    assert see.endswith(" --help'")
    return sentence


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--epochs", "0"], "--epochs: expected a whole number of at least 1, got '0'"),
        (["--hidden", "8,x"], "--hidden: expected a whole number of at least 1, got 'x'"),
        (["--dropout", "1"], "--dropout: expected a number from 0 to below 1, got '1'"),
        (["--learning-rate", "nan"], "--learning-rate: expected a number above 0, got 'nan'"),
        (["--validation-fraction", "1"], "expected a number between 0 and 1, got '1'"),
        (
            ["--separator", "ab"],
            "--separator: expected one character or 'tab' or 'blanks', got 'ab'",
        ),
        (["--encoding", "base64"], "expected an encoding such as utf-8 or latin-1, got 'base64'"),
        (["--decimal", ";"], "--decimal: unknown value ';'; expected one of ., ,"),
        (["--task", "class"], "--task: unknown value 'class'; did you mean 'classification'?"),
        (["--optimizer", "rms"], "expected one of adam, adamw, sgd"),
        (["--activation", "rleu"], "unknown activation 'rleu'; did you mean 'relu'"),
        (["--activation", "step"], "unknown activation 'step'; expected one of identity, relu"),
        (["--test"], "--test: expected one argument"),
        (["more.csv"], "unexpected argument 'more.csv'"),
    ],
)
def test_a_wrong_value_is_told_before_any_file_is_read(options, sentence):
    assert sentence in usage_error(*TRAIN, *options)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("--lr", "--learning-rate"),
        ("--learning_rate", "--learning-rate"),
        ("--learning-rat", "--learning-rate"),
        ("--Epochs", "--epochs"),
        ("--epoch", "--epochs"),
        ("--hidden-layers", "--hidden"),
        ("--test-file", "--test"),
        ("--valid", "--validation or --validation-fraction"),
        ("--random-state", "--seed"),
        ("--sep", "--separator"),
        ("--sep=;", "--separator"),
        ("-target", "--target"),
        ("-output", "--output"),
        ("-ouput", None),
    ],
)
def test_an_unknown_option_names_the_one_that_was_meant(written, meant):
    if meant is None:  # a short option with its value behind it, as in -obest.lamina
        assert "No such file" in lamina(*TRAIN, written)[2]
        return
    name = written.partition("=")[0]
    sentence = f"unknown option {name}; did you mean {meant}?"
    assert sentence in usage_error("train", "table.csv", written, "3")


def test_a_value_that_looks_like_an_option_is_told_how_to_be_written():
    sentence = usage_error(*TRAIN, "--missing", "-n/a")
    assert "if it is the value of --missing, write --missing=-n/a" in sentence
    assert "No such file" in lamina(*TRAIN, "--missing", "-999")[2]


def test_the_missing_of_a_required_option_is_told_after_unknown_options():
    assert "required: TABLE, --target" in usage_error("train")
    assert "unknown option --targt; did you mean --target?" in usage_error("train", "--targt", "y")


def test_unknown_commands_and_options_before_the_command_are_told():
    assert "unknown command 'trian'; did you mean 'train'?" in usage_error("trian", "t.csv")
    assert "unknown command 'x'; expected one of train, predict" in usage_error("x")
    assert "unknown command 'trian'; did you mean 'train'?" in usage_error("help", "trian")
    assert "the options of a command follow its name" in usage_error("--target", "y", "train")


def test_the_help_is_shown_on_request_and_without_arguments():
    whole, train = lamina("--help"), lamina("train", "--help")
    assert whole[0] == train[0] == 0
    assert "exit codes: 0 done" in whole[1]
    assert "--learning-rate" in train[1]
    assert lamina() == whole
    assert lamina("help") == whole
    assert lamina("help", "train") == train


def test_the_module_runs_as_a_program_and_tells_its_version():
    run = subprocess.run(
        [sys.executable, "-m", "lamina.cli", "--version"], capture_output=True, text=True
    )
    assert run.returncode == 0
    assert run.stdout.startswith("lamina ")


def test_help_and_version_need_no_optional_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    for arguments in (["--version"], ["train", "--help"]):
        assert lamina(*arguments)[0] == 0
    assert (
        "polars is missing; the command line needs: pip install lamina[cli]"
        in (lamina("info", "m")[2])
    )


@pytest.mark.parametrize(("optimizer", "default"), [("adam", 0.0), ("adamw", 0.01), ("sgd", 0.01)])
def test_weight_decay_counts_with_every_optimizer(optimizer, default):
    for given, expected in (([], default), (["--weight-decay", "0.5"], 0.5)):
        arguments = build_parser("0").parse_args([*TRAIN, "--optimizer", optimizer, *given])
        (plain,) = PRESETS["plain"].recipes_for(100, "regression")
        made = Recipe.of(plain, train_options(arguments, ["y"]), rows=100).make_optimizer()
        assert made.to_spec()["weight_decay"] == expected


# Names of columns.


@pytest.fixture
def unread_rows(tmp_path, monkeypatch):
    """Tables whose rows cannot be read, and a model of their columns."""
    small = tmp_path / "small.csv"
    small.write_text("day,x,y\n" + "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(40)))
    options = ["--target", "y", "--ignore", "day", "--epochs", "1", "-o", tmp_path / "m"]
    assert lamina("train", small, *options)[0] == 0

    def read(*_):
        raise AssertionError("rows are read")

    monkeypatch.setattr("lamina.cli._read._text._TextReader.read", read)
    monkeypatch.setattr("lamina.cli._read._parquet._frame", read)
    pl.read_csv(small).write_parquet(tmp_path / "small.parquet")
    return tmp_path


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--target", "Y"], "there is no column 'Y'; did you mean 'y'?"),
        (["--target", "y", "--ignore", "z"], "--ignore: there is no column 'z'"),
        (["--target", "y", "--numeric", "y"], "--numeric: 'y' is the target"),
        (["--target", "y", "--ignore", "x", "--numeric", "x"], "named by two options"),
        (["--target", "y", "--parse-numbers", "z"], "--parse-numbers: there is no column 'z'"),
        (["--target", "y", "--date-format", "z=%Y"], "--date-format: there is no column 'z'"),
        (["--target", "y", "--time-column", "dya"], "--time-column: there is no column 'dya'"),
        (["--target", "y", "--time-column", "y"], "--time-column: 'y' is the target"),
    ],
)
def test_names_of_columns_are_checked_before_the_rows_are_read(
    unread_rows, kind, options, sentence
):
    assert sentence in fails("train", unread_rows / f"small.{kind}", *options)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_names_are_checked_before_rows_are_read_at_prediction_too(unread_rows, kind):
    table = unread_rows / f"small.{kind}"
    arguments = ["predict", unread_rows / "m", table]
    assert "--keep: there is no column 'z'" in fails(*arguments, "--keep", "z")
    other = unread_rows / f"other.{kind}"
    frame = pl.DataFrame({"X": [1], "y": ["a"]})
    (frame.write_csv if kind == "csv" else frame.write_parquet)(other)
    for command in ("predict", "evaluate"):
        sentence = fails(command, unread_rows / "m", other)
        assert f"{other}: the table has no column 'x', which the model reads" in sentence
