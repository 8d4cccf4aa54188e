"""What `lamina train` has trained is never thrown away: not for a figure, not for an interrupt."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("polars")
pytest.importorskip("rich")

import lamina as lm
from commands import QUICK, lamina, write
from lamina.cli import _interrupt
from lamina.tabular import TableModel, _scores

UNIX = pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
ENDLESS = ["--preset=plain", "--epochs=1000000", "--patience=1000000", "--hidden=16"]


@pytest.fixture
def table(tmp_path):
    """A table whose column x decides y, and nearly gives z."""
    rows = [f"{i % 97}.5,{'ab'[i % 97 > 48]},{3 * (i % 97) + i % 5}.5" for i in range(400)]
    return write(tmp_path / "t.csv", "x,y,z\n" + "\n".join(rows))


def arguments(table, target="y"):
    return ["train", table, "--target", target, "-o", table.parent / "m.lamina"]


def model_of(table):
    return TableModel.load(table.parent / "m.lamina")


# Figures.


@pytest.mark.parametrize("option", ["--validation", "--test"])
def test_rows_of_one_class_give_a_model_and_no_roc_auc(table, option):
    part = option.removeprefix("--")
    one = write(table.parent / "one.csv", "x,y,z\n" + "".join(f"{i}.5,a,1\n" for i in range(20)))
    code, out, err = lamina(*arguments(table), option, one, *QUICK)
    assert (code, err) == (0, "")
    (line,) = [line for line in out.splitlines() if "ROC AUC" in line]
    assert line.split().count("-") == 2  # the model's and the baseline's
    figures = model_of(table).training["results"][part]["model"]
    assert figures["roc_auc"] is None
    assert figures["accuracy"] > 0.9
    shown = json.loads(lamina(*arguments(table), option, one, "--json", *QUICK)[1])
    assert shown["results"][part]["model"]["roc_auc"] is None
    assert line in lamina("info", table.parent / "m.lamina")[1]


def test_a_rare_class_that_validation_lacks_gives_a_model(tmp_path):
    rows = [f"{i % 97},{'rare' if i < 2 else 'often'}" for i in range(300)]
    path = write(tmp_path / "t.csv", "x,y\n" + "\n".join(rows))
    assert lamina(*arguments(path), *QUICK)[0] == 0
    assert model_of(path).target.classes == ("often", "rare")


def test_a_validation_loss_beyond_float32_gives_the_model_of_the_last_epoch(table):
    far = write(table.parent / "far.csv", "x,z\n" + "".join(f"{i}.5,1e35\n" for i in range(20)))
    options = ["--ignore", "y", "--validation", far, "--epochs", "3", "--hidden", "4"]
    code, out, err = lamina(*arguments(table, "z"), *options, "--json")
    assert (code, err) == (0, "")
    shown = json.loads(out)
    assert shown["history"]["val_loss"] == [None] * 3
    assert shown["best_epoch"] == 3
    assert all(loss > 0 for loss in shown["history"]["loss"])
    assert model_of(table).training["history"] == shown["history"]


def test_a_constant_test_target_gives_a_model_and_its_errors(table):
    same = write(table.parent / "same.csv", "x,z\n" + "".join(f"{i}.5,7\n" for i in range(20)))
    options = ["--ignore", "y", "--test", same, *QUICK]
    code, out, _ = lamina(*arguments(table, "z"), *options, "--json")
    assert code == 0
    figures = json.loads(out)["results"]["test"]["model"]
    assert figures["r2"] == 0.0
    assert figures["rmse"] > 0.0


def test_a_metric_that_fails_costs_its_own_figure_alone(table, monkeypatch):
    def fail(*_, **__):
        raise ValueError("no figure today")

    monkeypatch.setitem(_scores._OF_PROBABILITIES, "log_loss", fail)
    code, out, _ = lamina(*arguments(table), *QUICK, "--json")
    assert code == 0
    figures = json.loads(out)["results"]["validation"]["model"]
    assert figures["log_loss"] is None
    assert figures["accuracy"] > 0.9


def test_rows_that_cannot_be_measured_are_told_after_the_model_is_saved(table, monkeypatch):
    measure = TableModel.outputs_of

    def fail(self, features):
        if len(features) == 400:
            raise MemoryError("300 GB")
        return measure(self, features)

    monkeypatch.setattr(TableModel, "outputs_of", fail)
    code, out, err = lamina(*arguments(table), "--test", table, *QUICK)
    assert code == 1
    assert "accuracy" in out
    place = table.parent / "m.lamina"
    assert err == (
        f"lamina: the test rows could not be measured: 300 GB; the model is saved in {place}\n"
    )
    assert list(model_of(table).training["results"]) == ["validation"]


# Files.


def test_a_model_that_cannot_be_saved_where_it_belongs_is_saved_elsewhere(table, monkeypatch):
    save = TableModel.save
    output = table.parent / "m.lamina"
    (table.parent / "here").mkdir()
    monkeypatch.chdir(table.parent / "here")
    write(table.parent / "here" / "m.lamina", "another file")

    def full(self, path):
        if path == output:
            raise OSError(28, "No space left on device", str(path))
        save(self, path)

    monkeypatch.setattr(TableModel, "save", full)
    code, _, err = lamina(*arguments(table), *QUICK)
    assert code == 1
    assert err == (f"lamina: {output}: No space left on device; the model is saved in 1-m.lamina\n")
    assert "results" in TableModel.load("1-m.lamina").training
    monkeypatch.setattr("lamina.cli._finish._other_places", lambda name: [output])
    assert f"{output}: No space left on device" in lamina(*arguments(table), *QUICK)[2]


@UNIX
@pytest.mark.parametrize("kind", ["a reader that has gone", "a full disk"])
def test_an_output_that_cannot_be_written_does_not_end_the_training(table, kind):
    command = [sys.executable, "-m", "lamina.cli", *map(str, arguments(table)), *QUICK]
    if kind == "a full disk":
        if not os.path.exists("/dev/full"):
            pytest.skip("no /dev/full")
        with open("/dev/full", "w") as full:
            run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE)
        sentence = b"lamina: standard output: No space left on device\n"
        assert (run.returncode, run.stderr) == (1, sentence)
    else:
        read, write_end = os.pipe()
        os.close(read)
        run = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE)
        os.close(write_end)
        assert (run.returncode, run.stderr) == (0, b"")
    assert model_of(table).training["results"]


@UNIX
def test_names_that_the_output_cannot_write_do_not_end_the_training(tmp_path):
    rows = [f"{i % 97},{'ab'[i % 97 > 48]}" for i in range(300)]
    path = write(tmp_path / "t.csv", "größe,y\n" + "\n".join(rows))
    command = [sys.executable, "-m", "lamina.cli", *map(str, arguments(path)), *QUICK]
    command[command.index("-o") + 1] = os.fsencode(tmp_path) + b"/\xff.lamina"
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    run = subprocess.run(command, capture_output=True, env=environment)
    assert (run.returncode, run.stderr) == (0, b"")
    assert b"gr\\xf6\\xdfe" in run.stdout
    assert b"model saved to " in run.stdout


# Interrupts and errors.


def interrupted_at(monkeypatch, epoch, error, then=None):
    """Raise an error in the training's callbacks, at the end of an epoch (from 1)."""

    def on_epoch_end(self, number, record):
        if number + 1 == epoch:
            raise error

    monkeypatch.setattr("lamina.cli._progress.ProgressLines.on_epoch_end", on_epoch_end)


def test_an_interrupt_saves_the_best_weights_so_far(table, monkeypatch):
    options = ["--hidden", "16", "--learning-rate", "0.5", "--epochs", "20"]
    whole = json.loads(lamina(*arguments(table), *options, "--json")[1])
    losses = whole["history"]["val_loss"][:7]
    best = losses.index(min(losses)) + 1
    interrupted_at(monkeypatch, 7, KeyboardInterrupt())
    code, out, err = lamina(*arguments(table), *options)
    place = table.parent / "m.lamina"
    assert code == 130
    assert err == (
        f"lamina: interrupted in epoch 8; the best weights so far, of epoch {best}, are saved in "
        f"{place}\n"
    )
    assert f"best epoch {best} of 7 (interrupted)" in out
    training = model_of(table).training
    assert training["history"]["val_loss"] == losses
    figures = training["results"]["validation"]["model"]
    # The loss of training is in float32, the figure in float64.
    assert figures["log_loss"] == pytest.approx(min(losses), rel=1e-5)
    assert "(interrupted)" in lamina("info", place)[1]


def test_an_error_in_the_training_saves_the_best_weights_so_far(table, monkeypatch):
    interrupted_at(monkeypatch, 3, lm.NotFiniteError("fit: the loss is not finite"))
    sentence = "lamina: the training ended in epoch 4: fit: the loss is not finite; the "
    code, _, err = lamina(*arguments(table), *QUICK)
    assert code == 1
    assert err.startswith(sentence)
    assert model_of(table).training["epochs"] == 3


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("no")], ids=repr)
def test_what_ends_the_training_before_its_first_epoch_saves_nothing(table, monkeypatch, error):
    def fail(self, fit):
        raise error

    monkeypatch.setattr(lm.EarlyStopping, "on_fit_begin", fail)
    code, _, err = lamina(*arguments(table), *QUICK)
    if isinstance(error, KeyboardInterrupt):
        sentence = "interrupted before the end of the first epoch; nothing is saved"
        assert (code, err) == (130, f"lamina: {sentence}\n")
    else:
        assert (code, err) == (1, "lamina: no\n")
    assert not (table.parent / "m.lamina").exists()


def test_an_interrupt_while_the_model_is_measured_tells_that_it_is_saved(table, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(TableModel, "outputs_of", interrupt)
    code, _, err = lamina(*arguments(table), *QUICK)
    place = table.parent / "m.lamina"
    assert (code, err) == (130, f"lamina: interrupted; the model is saved in {place}\n")
    assert model_of(table).training["results"] == {}


def test_an_interrupt_while_the_model_is_saved_waits_and_tells_that_it_is(table, monkeypatch):
    save = TableModel.save

    def interrupted(self, path):
        save(self, path)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(TableModel, "save", interrupted)
    code, _, err = lamina(*arguments(table), *QUICK)
    place = table.parent / "m.lamina"
    assert (code, err) == (130, f"lamina: interrupted; the model is saved in {place}\n")
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler


def test_an_interrupt_before_the_best_weights_are_back_does_not_claim_them(table, monkeypatch):
    def interrupt(self, fit):
        raise KeyboardInterrupt

    monkeypatch.setattr(lm.EarlyStopping, "on_fit_end", interrupt)
    options = ["--hidden", "16", "--learning-rate", "0.5", "--epochs", "20"]
    code, _, err = lamina(*arguments(table), *options)
    assert code == 130
    assert "the weights of epoch 20 are saved in" in err
    assert model_of(table).training["best_epoch"] == 20


def test_an_interrupt_while_the_results_are_printed_tells_that_the_model_is_saved(
    table, monkeypatch
):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("lamina.cli._train._print_end", interrupt)
    code, _, err = lamina(*arguments(table), *QUICK)
    place = table.parent / "m.lamina"
    assert (code, err) == (130, f"lamina: interrupted; the model is saved in {place}\n")
    assert model_of(table).training["results"]


@UNIX
@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        ("SIGINT", 130, b"interrupted"),
        ("SIGTERM", 143, b"terminated"),
        ("SIGHUP", 129, b"terminated"),
    ],
)
def test_a_signal_ends_a_training_at_once_and_keeps_its_best_weights(table, number, code, word):
    command = [sys.executable, "-u", "-m", "lamina.cli", *map(str, arguments(table)), *ENDLESS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        for line in process.stdout:
            if line.startswith(b"epoch 1/"):
                break
        begin = time.monotonic()
        process.send_signal(getattr(signal, number))
        _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert err.startswith(b"lamina: " + word + b" in epoch ")
    assert err.endswith(f"are saved in {table.parent / 'm.lamina'}\n".encode())
    # Nothing is trained on; a shared machine may be slow to run what is left.
    assert time.monotonic() - begin < 5.0
    training = model_of(table).training
    assert training["epochs"] < 100000
    assert training["stop_reason"] == "interrupted"
    assert sorted(path.name for path in table.parent.iterdir()) == ["m.lamina", "t.csv"]


@UNIX
def test_a_second_termination_ends_the_program_and_others_keep_their_handlers():
    with _interrupt.termination_raised():
        with pytest.raises(_interrupt.Terminated):
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with _interrupt.termination_raised():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
