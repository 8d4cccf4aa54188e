"""The command `lamina` run in this process, for tests."""

import contextlib
import io

import numpy as np

from lamina.cli import main

QUICK = ["--preset", "plain", "--hidden", "16", "--epochs", "30", "--learning-rate", "0.01"]


def lamina(*arguments):
    """Run a command in this process: exit code, standard output, standard error.

    It trains one network, where nothing else is asked for: most tests are of other things.
    """
    if "train" in arguments[:1] and "--preset" not in arguments:
        arguments = (*arguments, "--preset", "plain")
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as usage:
            code = usage.code
    return code, out.getvalue(), err.getvalue()


def fails(*arguments, code=1):
    """The one sentence with which a command gives up."""
    found, out, err = lamina(*arguments)
    assert (found, out) == (code, "")
    assert err.startswith("lamina: ")
    assert err.count("\n") == 1
    return err


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def make_table(rows, seed):
    """Income-like rows: `grade` and `hours` decide `paid`; `amount` is a number to predict."""
    rng = np.random.default_rng(seed)
    grade = rng.choice(["low", "middle", "high"], rows)
    hours = rng.uniform(0, 60, rows).round(1)
    score = (grade == "high") * 2.0 - (grade == "low") * 2.0 + (hours - 30) / 10
    import polars as pl

    return pl.DataFrame(
        {
            "grade": np.where(rng.random(rows) < 0.05, "?", grade),
            "hours": hours,
            "noise": rng.normal(size=rows).round(3),
            "paid": np.where(score + 0.3 * rng.normal(size=rows) > 0, "yes", "no"),
            "amount": (1000 + 50 * score).round(2),
        }
    )


def train_models(folder):
    """Tables, and a model of each kind trained by the command, `paid` and `amount`."""
    make_table(600, 0).write_csv(folder / "train.csv")
    make_table(300, 1).write_csv(folder / "test.csv")
    for target, other in (("paid", "amount"), ("amount", "paid")):
        arguments = [folder / "train.csv", "--target", target, "--ignore", other, "--json"]
        output = ["-o", folder / f"{target}.lamina", "--test", folder / "test.csv"]
        code, out, _ = lamina("train", *arguments, *output, *QUICK)
        assert code == 0
        (folder / f"{target}.json").write_text(out)
    return folder
