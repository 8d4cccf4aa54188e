"""TableModel.fit: trains on a table as `lamina train` does, with the same options and results."""

import inspect
import json
import warnings
from dataclasses import fields

import numpy as np
import pytest

pytest.importorskip("pandas")
pytest.importorskip("polars")
pytest.importorskip("rich")
pytest.importorskip("narwhals")

import lamina as lm
from commands import lamina, make_table
from lamina.cli._arguments import build_parser
from lamina.tabular import TableError, TableModel, TableWarning, TrainOptions, finite

# What the command line takes beside the options of a training: files, how texts are written.
OF_THE_COMMAND = {
    *("help", "table", "validation", "test", "output", "threads", "json", "traceback"),
    *("importance", "folds", "predictions"),
    *("separator", "quote", "comment", "skip", "encoding", "no_header", "columns"),
}
QUICK = {"preset": "plain", "hidden": [16], "epochs": 5, "verbose": False}


@pytest.fixture(scope="module")
def frame():
    """600 rows; `paid` is a class, `amount` a number."""
    return make_table(600, 0).to_pandas()


def fitted(table, target, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)
        return TableModel.fit(table, target=target, **QUICK | options)


def test_options_and_defaults_are_those_of_the_command_line():
    parser = build_parser("0").commands["train"]
    typed = {action.dest: action.default for action in parser._actions}
    typed = {name: typed[name] for name in typed.keys() - OF_THE_COMMAND - {"target"}}
    written = inspect.signature(TableModel.fit).parameters
    own = {"table", "target", "validation", "callbacks", "verbose"}
    assert written.keys() - own == typed.keys()
    assert typed.keys() == {field.name for field in fields(TrainOptions)} - {"target"}
    for name, default in typed.items():
        assert plain(default) == plain(written[name].default), name
        assert plain(default) == plain(getattr(TrainOptions("y"), name)), name


def plain(default):
    """A default whose kind does not count: what is empty, and lists."""
    if default in ([], (), {}):
        return None
    return list(default) if isinstance(default, tuple) else default


@pytest.mark.parametrize(
    ("target", "options", "typed"),
    [
        ("paid", {}, []),
        (
            "amount",
            {"numbers": "robust", "ignore": ["noise"]},
            ["--numbers=robust", "--ignore=noise"],
        ),
        ("grade", {"seed": 3, "optimizer": "sgd"}, ["--seed=3", "--optimizer=sgd"]),
        ("paid", {"split": "last", "missing": ["low"]}, ["--split=last", "--missing=low"]),
    ],
)
def test_a_frame_and_its_file_on_the_command_line_give_one_model(
    tmp_path, frame, target, options, typed
):
    frame.to_csv(tmp_path / "t.csv", index=False)
    code, _, err = lamina(
        *("train", tmp_path / "t.csv", "--target", target, "-o", tmp_path / "m.lamina"),
        *("--hidden", "16", "--epochs", "5", *typed),
    )
    assert code == 0, err
    told = TableModel.load(tmp_path / "m.lamina")
    fitted(frame, target, **options).save(tmp_path / "own.lamina")
    own = TableModel.load(tmp_path / "own.lamina")
    for one, other in (
        (own.network.parameters(), told.network.parameters()),
        (own.preprocessor.to_record()[1], told.preprocessor.to_record()[1]),
        (own.target.to_record()[1], told.target.to_record()[1]),
    ):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name], equal_nan=True) for name in one)
    assert own.preprocessor.to_record()[0] == told.preprocessor.to_record()[0]
    assert own.target.to_record()[0] == told.target.to_record()[0]
    differing = {"table", "seconds"}
    assert own.training.keys() == told.training.keys()
    for name in own.training.keys() - differing:
        assert own.training[name] == told.training[name], name
    assert np.array_equal(own.outputs(frame), told.outputs(frame))


def test_the_model_predicts_and_tells_how_it_was_trained(frame):
    model = fitted(frame, "paid", epochs=30)
    assert set(model.predict(frame)) == {"no", "yes"}
    shares = model.predict_proba(frame)
    assert shares.shape == (600, 2)
    assert np.array_equal(shares, model.predict_probabilities(frame))
    assert model.evaluate(frame)["model"]["accuracy"] > 0.9
    assert len(model.history["val_loss"]) == model.training["epochs"] == 30
    assert model.training["results"]["validation"]["model"]["accuracy"] > 0.85
    assert model.training["rows"] == {"training": 480, "validation": 120}
    assert model.training["table"] == "DataFrame"


def test_the_record_of_a_saved_model_is_what_the_fit_gave(tmp_path, frame):
    model = fitted(frame, "amount")
    model.save(tmp_path / "m.lamina")
    loaded = TableModel.load(tmp_path / "m.lamina")
    assert loaded.training == json.loads(json.dumps(finite(model.training)))
    assert loaded.history == model.history
    code, out, _ = lamina("info", tmp_path / "m.lamina")
    assert code == 0
    assert "regression of 'amount'" in out


def test_tables_of_all_kinds_give_one_model(frame):
    first = fitted(frame, "paid").outputs(frame)
    columns = {name: frame[name].to_numpy() for name in frame}
    rows = frame.to_dict("records")
    for table in (make_table(600, 0), columns, rows):
        assert np.array_equal(fitted(table, "paid").outputs(frame), first)


def test_a_table_stays_as_it_is(frame):
    columns = {name: frame[name].to_numpy().copy() for name in frame}
    before = {name: values.copy() for name, values in columns.items()}
    fitted(columns, "paid", validation=columns)
    assert list(columns) == list(before)
    assert all(np.array_equal(columns[name], before[name]) for name in before)


def test_rows_of_another_table_validate_where_it_is_given(frame):
    other = make_table(200, 1)
    model = fitted(frame, "paid", validation=other)
    assert model.training["rows"] == {"training": 600, "validation": 200}
    assert model.training["split"] == {"kind": "table"}
    found = model.training["results"]["validation"]
    assert found == model.evaluate(other)
    with pytest.raises(ValueError, match="expected no split beside validation"):
        fitted(frame, "paid", validation=other, split="last")
    with pytest.raises(TableError, match="validation: there is no target column 'paid'"):
        fitted(frame, "paid", validation={"x": [1.0, 2.0]})


def test_keys_are_left_out_and_giveaways_are_told(frame):
    table = frame.assign(id=np.arange(600), twice=2 * frame["amount"] + 1)
    with pytest.warns(TableWarning, match=r"'twice' alone explains .* ignore=\['twice'\]"):
        model = TableModel.fit(table, target="amount", **QUICK)
    assert "id" in model.preprocessor.ignored
    assert [found["column"] for found in model.training["giveaways"]] == ["twice"]
    with warnings.catch_warnings():
        warnings.simplefilter("error", TableWarning)
        TableModel.fit(table, target="amount", ignore=["twice"], **QUICK)


def test_dates_rows_without_a_target_and_stray_values_are_told(frame):
    days = np.datetime64("2024-01-01") + np.arange(600)
    with pytest.warns(TableWarning, match=r"'day' holds dates, a row each: .* split='time' takes"):
        TableModel.fit(frame.assign(day=days), target="amount", **QUICK)
    model = fitted(frame.assign(day=days), "amount", split="time")
    assert model.training["split"]["column"] == "day"
    gaps = frame.assign(amount=frame["amount"].where(np.arange(600) > 2))
    with pytest.warns(TableWarning, match=r"left out of the training table .*: 3 rows"):
        TableModel.fit(gaps, target="amount", **QUICK)
    far = frame.assign(amount=frame["amount"].where(np.arange(600) > 2, -999999.0))
    with pytest.warns(TableWarning, match=r"missing=\['-999999'\] counts it as missing"):
        TableModel.fit(far, target="amount", **QUICK)


def test_errors_name_the_options_of_python(frame):
    table = {name: frame[name].tolist() for name in frame}
    table["odd"] = [*map(float, range(598)), "n/k", "n/k"]
    with pytest.raises(TableError, match=r"'odd', row 599: .*missing=\['n/k'\]"):
        fitted(table, "paid", numeric=["odd"])
    with pytest.raises(TableError, match="numeric: there is no column 'hour'; did you mean 'hou"):
        fitted(frame, "paid", numeric=["hour"])
    with pytest.raises(TableError, match="categorical: column 'hours' is named by two options"):
        fitted(frame, "paid", numeric=["hours"], categorical=["hours"])
    with pytest.raises(TableError, match=r"split='time': no column holds dates; .* time_column"):
        fitted(frame, "paid", split="time")
    with pytest.raises(TableError, match="there is no column 'pay'"):
        fitted(frame, "pay")


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"epochs": 0}, ValueError, "expected epochs of at least 1, got 0"),
        ({"epochs": 1.5}, TypeError, "expected epochs as a whole number, got 1.5"),
        ({"hidden": "16"}, TypeError, "expected hidden as a list of numbers of units, got '16'"),
        ({"hidden": [0]}, ValueError, "expected units of hidden of at least 1, got 0"),
        ({"activation": "step"}, ValueError, "expected activation as the name of one"),
        ({"activation": "rel"}, ValueError, "unknown name 'rel'"),
        ({"dropout": 1.0}, ValueError, "expected dropout as a number of at least 0 and below 1"),
        ({"learning_rate": 0.0}, ValueError, "expected learning_rate as a number above 0, got 0"),
        ({"validation_fraction": 0}, ValueError, "validation_fraction as a number above 0 and"),
        ({"optimizer": "lion"}, ValueError, "expected optimizer to be one of 'adam', 'adamw'"),
        ({"split": "first"}, ValueError, "expected split to be one of 'random', 'time'"),
        ({"numeric": "hours"}, TypeError, "expected numeric as a list of names of columns"),
        ({"missing": None}, TypeError, "expected missing as a list of texts, got None"),
        ({"hidden": 8}, TypeError, "expected hidden as a list of numbers of units, got 8"),
        ({"date_format": {"hours": 3}}, TypeError, "expected date_format as a dictionary"),
        ({"validation": 0.2}, TableError, "validation: expected a table"),
        ({"callbacks": 3}, TypeError, "expected callbacks as a list, got 3"),
        ({"date_format": "%d"}, TypeError, "expected date_format as a dictionary"),
        ({"seed": -1}, ValueError, "seed: expected a number from 0"),
        ({"time_column": "hours", "split": "last"}, ValueError, "time_column goes with"),
    ],
)
def test_a_wrong_option_is_refused_in_one_sentence(frame, options, error, sentence):
    with pytest.raises(error, match=sentence):
        fitted(frame, "paid", **options)


def test_callbacks_follow_the_training_and_their_errors_come_through(frame):
    class Callback:
        seen = 0

        def on_epoch_end(self, epoch, record):
            self.seen += 1
            assert {"loss", "val_loss", "accuracy"} <= record.keys()

    callback = Callback()
    fitted(frame, "paid", callbacks=[callback])
    assert callback.seen == 5
    with pytest.raises(ZeroDivisionError):
        fitted(frame, "paid", callbacks=[Raising(3, ZeroDivisionError())])


class Raising:
    """A callback that raises at the end of an epoch (from 1), or in the first one's beginning."""

    def __init__(self, epoch, error):
        self.epoch, self.error = epoch, error

    def on_epoch_begin(self, epoch):
        if self.epoch == 0:
            raise self.error

    def on_epoch_end(self, epoch, record):
        if epoch + 1 == self.epoch:
            raise self.error


def test_an_interrupt_leaves_the_best_model_so_far_and_says_so(frame):
    with pytest.warns(lm.TrainingWarning, match="interrupted in epoch 4; .* weights of epoch 3"):
        model = fitted(frame, "paid", callbacks=[Raising(3, KeyboardInterrupt())])
    assert model.training["stop_reason"] == "interrupted"
    assert len(model.history["loss"]) == 3
    whole = fitted(frame, "paid", epochs=3)
    assert np.array_equal(model.outputs(frame), whole.outputs(frame))
    with pytest.raises(KeyboardInterrupt):
        fitted(frame, "paid", callbacks=[Raising(0, KeyboardInterrupt())])
