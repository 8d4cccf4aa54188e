"""What training shows on a terminal: a real one, of a width that we choose."""

import os
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

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


def shown(command: list[str], columns: int, stdout: Any = None) -> str:
    """What the command writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm"}
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs if stdout is None else stdout,
        stderr=theirs,
        env=environment,
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
    """The states of the line that keeps changing."""
    return [part.split("\r\n")[0] for part in text.split("\r\x1b[2K")[1:]]


@pytest.mark.parametrize("columns", [30, 80, 200])
def test_the_line_moves_within_epochs_and_never_wraps_or_cuts_a_figure(columns: int) -> None:
    lines = drawn_lines(shown([sys.executable, "-c", FIT], columns))
    assert max(map(len, lines)) < columns
    assert lines[-1].startswith("█" * 20 + " epoch")
    assert all(line.startswith(("█", "░")) for line in lines)
    figures = lines[-1].split("  ")[2:]
    assert all(len(figure.split()) == 2 for figure in figures)
    names = [figure.split()[0] for figure in figures]
    order = ["loss", "val_loss", "val_accuracy", "accuracy", "learning_rate"]
    assert names == order[: len(names)]
    assert len(names) == {30: 0, 80: 2, 200: 5}[columns]


@pytest.mark.parametrize("to_file", [False, True], ids=["terminal", "output to a file"])
def test_the_command_shows_the_same_line_and_writes_plain_lines_to_a_file(
    to_file: bool, tmp_path: Path
) -> None:
    pytest.importorskip("polars")
    table = tmp_path / "t.csv"
    table.write_text("x,y\n" + "".join(f"{i % 97}.5,{'ab'[i % 97 > 48]}\n" for i in range(2000)))
    options = ["--target", "y", "-o", str(tmp_path / "m"), "--epochs", "3"]
    command = [sys.executable, "-m", "lamina.cli", "train", str(table), *options]
    with (tmp_path / "log").open("wb") as log:
        text = shown(command, 80, log if to_file else None)
    assert drawn_lines(text)[-1].startswith("█" * 20 + " epoch 3/3")
    assert ("model saved to" in text) is not to_file
    written = (tmp_path / "log").read_text()
    assert ("epoch 1/3  loss" in written) is to_file
    assert "\x1b" not in written
