"""What training shows on a terminal: a real one, of a width that we choose."""

import io
import json
import os
import re
import struct
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import lamina as lm
from lamina import History
from lamina._training.progress import ProgressLine, draws_unicode, duration

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are Unix", allow_module_level=True)

import fcntl
import pty
import subprocess
import termios

FIT = """
import numpy as np
import lamina as lm
x = np.random.default_rng(0).normal(size=(50_000, 20)).astype(np.float32)
net = lm.Sequential([lm.Dense(64, "relu"), lm.Dense(2, "softmax")])
net.fit(x, (x[:, 0] > 0).astype(int), epochs=3, metrics=["accuracy"], validation_fraction=0.2)
"""
TERMINAL = {"TERM": "xterm", "LANG": "C.UTF-8", "LC_ALL": ""}


def shown(
    command: list[str],
    columns: int,
    stdout: Any = None,
    stderr: Any = None,
    variables: dict[str, str] | None = None,
) -> str:
    """What the command writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs if stdout is None else stdout,
        stderr=theirs if stderr is None else stderr,
        env={**os.environ, **TERMINAL, **(variables or {})},
    ) as process:
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so at the end.
                break
            if not part:
                break
            parts.append(part)
    os.close(ours)
    assert process.returncode == 0
    return b"".join(parts).decode()


def drawn_lines(text: str) -> list[str]:
    """The states of the line that keeps changing, without the blanks that wipe the one before."""
    parts = text.replace("\r\n", "\n").split("\r")[1:]
    return [part.split("\n")[0].rstrip() for part in parts]


@pytest.mark.parametrize("columns", [30, 80, 200])
def test_the_line_moves_within_epochs_and_never_wraps_or_cuts_a_figure(columns: int) -> None:
    text = shown([sys.executable, "-c", FIT], columns)
    assert "\x1b" not in text
    assert max(len(part.rstrip("\r\n")) for part in text.split("\r")) < columns
    lines = drawn_lines(text)
    assert lines[-1].startswith("█" * (20 if columns > 100 else 8) + " epoch 3/3")
    assert all(line.startswith(("█", "░")) for line in lines)
    figures = lines[-1].split("  ")[2:]
    names = [figure.split()[0] for figure in figures]
    order = ["val_loss", "best", "loss", "val_accuracy", "accuracy", "learning_rate"]
    assert names == order[: len(names)]
    assert len(names) == {30: 0, 80: 3, 200: 6}[columns]
    assert all(float(figure.split()[1]) > 0 for figure in figures)


class Epochs:
    """A terminal of 120 columns without a terminal, and a clock of ours."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
        self.time = 100.0
        self.stream = io.StringIO()
        monkeypatch.setattr("lamina._training.progress.time.monotonic", lambda: self.time)
        monkeypatch.setattr("lamina._training.progress._columns", lambda stream: 120)
        self.line = ProgressLine(stream=self.stream, **options)
        self.fit = SimpleNamespace(epochs=10, history=History(), stop_reason="", net=None)
        self.line.on_fit_begin(self.fit)  # type: ignore[arg-type]

    def end_epoch(self, seconds: float, **record: float) -> str:
        """The line after an epoch that takes so long."""
        self.time += seconds
        self.fit.history.append(record, seconds)
        self.line.on_epoch_end(self.fit.history.epochs - 1, record)
        return drawn_lines(self.stream.getvalue())[-1]


def test_the_line_tells_the_time_left_and_the_best_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    epochs = Epochs(monkeypatch)
    # Nine epochs are left after one of 20 s, eight after two of 25 s on average.
    assert "epoch 1/10  20 s, 3 min 00 s left  val_loss 0.5000" in epochs.end_epoch(
        20, val_loss=0.5
    )
    assert "epoch 2/10  50 s, 3 min 20 s left" in epochs.end_epoch(30, val_loss=0.75)
    assert "val_loss 1.000  best 0.5000 in epoch 1" in epochs.end_epoch(1, val_loss=1.0)
    epochs.line.on_fit_end(epochs.fit)  # type: ignore[arg-type]
    assert drawn_lines(epochs.stream.getvalue())[-1].count("left") == 0
    assert epochs.stream.getvalue().endswith("\n")


def test_the_line_follows_what_early_stopping_monitors(monkeypatch: pytest.MonkeyPatch) -> None:
    stopping = lm.EarlyStopping("val_accuracy", restore_best_weights=False)
    epochs = Epochs(monkeypatch, stopping=stopping)
    for epoch, accuracy in enumerate([0.5, 0.75, 0.625]):
        # What a fit leaves in it at the end of each epoch.
        if epoch < 2:
            stopping.best, stopping.best_epoch = accuracy, epoch
        line = epochs.end_epoch(2, val_loss=0.1 * epoch, val_accuracy=accuracy)
    assert "best 0.7500 in epoch 2" in line
    assert "6.0 s, up to 14 s left" in line


def test_a_shorter_line_wipes_the_longer_one_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    epochs = Epochs(monkeypatch)
    epochs.end_epoch(100, loss=0.001234)
    epochs.end_epoch(1, loss=12.0)
    first, second = epochs.stream.getvalue().split("\r")[1:]
    assert len(second) == len(first)
    assert second.rstrip().endswith("loss 12.00")
    assert second.rstrip() != second


def test_a_warning_gets_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", lambda w, *_: print(w, file=epochs.stream))
        epochs = Epochs(monkeypatch)
        epochs.end_epoch(1, loss=0.5)
        warnings.warn("look here", stacklevel=1)
        epochs.end_epoch(1, loss=0.5)
        epochs.line.on_fit_end(epochs.fit)  # type: ignore[arg-type]
        warnings.warn("and here", stacklevel=1)
    first, told, last, again, nothing = epochs.stream.getvalue().split("\n")
    assert (told, again, nothing) == ("look here", "and here", "")
    assert "epoch 1/10" in first
    assert "epoch 2/10" in last


def test_warnings_are_recorded_while_the_line_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    before = warnings.showwarning
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        epochs = Epochs(monkeypatch)
        warnings.warn("look here", stacklevel=1)
        epochs.line.on_fit_end(epochs.fit)  # type: ignore[arg-type]
    assert [str(warning.message) for warning in recorded] == ["look here"]
    assert warnings.showwarning is before


def test_the_line_follows_the_width_of_a_terminal_that_is_resized(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    epochs = Epochs(monkeypatch)
    assert len(epochs.end_epoch(10, val_loss=0.5, loss=0.25)) > 60
    monkeypatch.setattr("lamina._training.progress._columns", lambda stream: 40)
    epochs.end_epoch(10, val_loss=0.5, loss=0.25)
    last = epochs.stream.getvalue().split("\r")[-1]
    assert "epoch 2/10" in last
    assert len(last) < 40


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_the_line_ends_where_training_is_interrupted_or_fails(error: type[BaseException]) -> None:
    class Fail(lm.Callback):
        def on_epoch_end(self, epoch: int, record: dict[str, float]) -> None:
            if epoch == 1:
                raise error

    stream = io.StringIO()
    net = lm.Sequential([lm.Dense(1)], inputs=1)
    callbacks = [ProgressLine(stream=stream), Fail()]
    with pytest.raises(error):
        net.fit([[1.0], [2.0]], [1.0, 2.0], epochs=9, verbose=False, callbacks=callbacks)
    last = stream.getvalue().split("\r")[-1]
    assert "epoch 2/9" in last
    assert "left" not in last
    assert last.splitlines()[1:] == (
        ["interrupted"] if error is KeyboardInterrupt else ["ZeroDivisionError"]
    )
    assert last.endswith("\n")


def test_a_fit_that_ends_before_its_first_epoch_leaves_no_empty_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    epochs = Epochs(monkeypatch)
    epochs.line.on_fit_end(epochs.fit)  # type: ignore[arg-type]
    assert epochs.stream.getvalue() == ""


def test_a_terminal_that_was_closed_does_not_end_the_training() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    line = ProgressLine(stream=Closed())
    net = lm.Sequential([lm.Dense(1)], inputs=1)
    history = net.fit([[1.0], [2.0]], [1.0, 2.0], epochs=2, verbose=False, callbacks=[line])
    assert history.epochs == 2


@pytest.mark.parametrize(
    ("variables", "encoding", "drawn"),
    [
        ({"LANG": "en_US.UTF-8"}, "utf-8", True),
        ({"LANG": "de_DE.ISO-8859-1"}, "iso-8859-1", False),
        ({"LANG": "en_US.UTF-8", "PYTHONIOENCODING": "ascii"}, "ascii", False),
        ({"LANG": "C"}, "utf-8", False),
        # Python itself sets LC_CTYPE where the locale is C (PEP 538).
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "utf-8", False),
        ({"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, "utf-8", False),
        ({}, "utf-8", False),
        ({"LANG": "C", "PYTHONIOENCODING": "utf-8"}, "utf-8", True),
        ({"LANG": "C", "PYTHONUTF8": "1"}, "utf-8", True),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, "utf-8", True),
    ],
    ids=str,
)
def test_blocks_are_drawn_where_stream_and_locale_have_them(
    variables: dict[str, str], encoding: str, drawn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_CTYPE", "LANG", "PYTHONIOENCODING", "PYTHONUTF8"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    assert draws_unicode(stream) is drawn


def test_a_dumb_terminal_gets_no_line_that_moves() -> None:
    assert shown([sys.executable, "-c", FIT], 80, variables={"TERM": "dumb"}) == ""


def test_a_notebook_shows_the_line_on_its_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = [[1.0], [2.0]], [1.0, 2.0]
    lm.Sequential([lm.Dense(1)], inputs=1).fit(x, y, epochs=2)
    assert capsys.readouterr() == ("", "")
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    lm.Sequential([lm.Dense(1)], inputs=1).fit(x, y, epochs=2)
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("\r")
    assert out.endswith("\n")
    assert "epoch 2/2" in out


@pytest.mark.parametrize("seconds", [0.0, 9.94, 9.96, 59.4, 59.6, 3599.4, 3599.6, 90000.0])
def test_times_are_written_as_people_say_them(seconds: float) -> None:
    expected = {0.0: "0.0 s", 9.94: "9.9 s", 9.96: "10 s", 59.4: "59 s", 59.6: "1 min 00 s"}
    expected |= {3599.4: "59 min 59 s", 3599.6: "1 h 00 min", 90000.0: "25 h 00 min"}
    assert duration(seconds) == expected[seconds]


# The command.


@pytest.fixture
def train(tmp_path: Path) -> list[str]:
    """A command that trains one network on a small table."""
    pytest.importorskip("polars")
    pytest.importorskip("rich")
    table = tmp_path / "t.csv"
    table.write_text("x,y\n" + "".join(f"{i % 97}.5,{'ab'[i % 97 > 48]}\n" for i in range(2000)))
    options = ["--target", "y", "-o", str(tmp_path / "m"), "--epochs", "3"]
    return [sys.executable, "-m", "lamina.cli", "train", str(table), "--preset", "plain", *options]


@pytest.mark.parametrize("to_file", [False, True], ids=["terminal", "output to a file"])
def test_the_command_shows_the_line_on_a_terminal_and_writes_plain_lines_to_a_file(
    train: list[str], to_file: bool, tmp_path: Path
) -> None:
    with (tmp_path / "log").open("wb") as log:
        text = shown(train, 80, log if to_file else None)
    assert drawn_lines(text)[-1].startswith("█" * 8 + " epoch 3/3")
    assert ("model saved to" in text) is not to_file
    assert "epoch 1/3  loss" not in text
    written = (tmp_path / "log").read_text()
    assert ("epoch 1/3  loss" in written) is to_file
    assert "\r" not in written
    assert "\x1b" not in written


def test_the_command_behind_a_pipe_writes_plain_lines_alone(train: list[str]) -> None:
    # What reads the pipe, such as tee, may write to the same terminal.
    read, write = os.pipe()
    with open(read, "rb") as pipe:
        text = shown(train, 80, write)
        os.close(write)
        written = pipe.read().decode()
    assert text == ""
    assert "epoch 1/3  loss" in written
    assert "model saved to" in written


def test_the_command_writes_a_plain_line_for_each_of_several_networks(train: list[str]) -> None:
    read, write = os.pipe()
    with open(read, "rb") as pipe:
        shown([*train, "--members", "3"], 80, write)
        os.close(write)
        written = pipe.read().decode()
    assert "2,000 rows, of which each network holds back 20% to validate" in written
    told = [line for line in written.splitlines() if line.startswith("network ")]
    assert [line.split("  ")[0] for line in told] == [f"network {i}/3" for i in (1, 2, 3)]
    assert all("best epoch" in line for line in told)


def test_the_command_writes_plain_lines_where_standard_error_is_a_file(
    train: list[str], tmp_path: Path
) -> None:
    with (tmp_path / "log").open("wb") as log:
        text = shown(train, 80, stderr=log)
    assert "epoch 1/3  loss" in text
    assert "█" not in text
    assert (tmp_path / "log").read_text() == ""


def test_the_command_shows_the_line_beside_json(train: list[str]) -> None:
    read, write = os.pipe()
    with open(read, "rb") as pipe:
        text = shown([*train, "--json"], 80, write)
        os.close(write)
        assert json.loads(pipe.read())["epochs"] == 3
    assert drawn_lines(text)[-1].startswith("█" * 8 + " epoch 3/3")


@pytest.mark.parametrize(
    "variables",
    [{"PYTHONIOENCODING": "ascii"}, {"LANG": "C", "NO_COLOR": "1"}, {"TERM": "dumb"}],
    ids=str,
)
def test_the_command_writes_what_the_terminal_can_show(
    train: list[str], variables: dict[str, str]
) -> None:
    text = shown(train, 80, variables=variables)
    if "TERM" in variables:
        assert "\x1b" not in text
        assert "\r" not in text.replace("\r\n", "\n")
        assert "epoch 1/3  loss" in text
    else:
        assert text.isascii()
        assert "\\u25" not in text
        assert drawn_lines(text)[-1].startswith("######## epoch 3/3")
    if "NO_COLOR" in variables:
        assert not re.search(r"\x1b\[[\d;]*(3[0-7]|38|48|9[0-7])[\d;]*m", text)
