"""Columns of text, features of encoded rows, and a small table to train on, for tests of tables."""

import warnings

import numpy as np

import lamina as lm
from lamina.tabular import TableModel, TableWarning

# One small network, quickly trained.
OPTIONS = {"preset": "plain", "hidden": [32], "epochs": 15, "learning_rate": 0.01, "verbose": False}


def text(*values):
    """A text column as a reader of files gives it."""
    return np.array(values, dtype=object)


def repeat(values, rows):
    """A text column of so many rows that goes through `values` again and again."""
    return text(*(values[i % len(values)] for i in range(rows)))


def features(preprocessor, table):
    """What the network's first layer makes of a table, [rows, width]."""
    inputs = preprocessor.transform(table)
    return lm.Sequential([preprocessor.layer()], inputs=inputs.shape[1]).predict(inputs)


def make(rows, seed=0):
    """Rows of `x`, on which three columns of numbers and a class depend; `a` has uneven noise."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, rows)
    a = 10.0 + 5.0 * x + (1.1 + x) * rng.normal(size=rows)
    b = 1000.0 * x**2 + 50.0 * rng.normal(size=rows)
    kind = np.select([a > 12, a < 7], ["high", "low"], "middle")
    return {"x": x, "a": a, "b": b, "kind": kind}


def fit(table, target, **options):
    """A model of one or several of these columns, without its warnings."""
    named = [target] if isinstance(target, str) else target
    ignore = [name for name in ("a", "b", "kind") if name not in named]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)
        return TableModel.fit(table, target=target, **{"ignore": ignore} | OPTIONS | options)


def mixed_table(rows=60):
    """A table with columns of every kind, some cells missing, and the name of its target."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=rows)
    amount = rng.uniform(1.0, 50.0, rows).astype(np.float32)
    amount[::9] = np.nan
    days = np.datetime64("2024-01-01", "s") + rng.integers(0, 10**8, rows).astype("timedelta64[s]")
    days[5] = np.datetime64("NaT", "D")
    prices = [f"${value:,.2f}" for value in rng.uniform(500, 5000, rows)]
    table = {
        "x": x,
        "amount": amount,
        "count": rng.integers(0, 50, rows),
        "paid": rng.random(rows) < 0.5,
        "colour": text(*rng.choice(["red", "green", "blue", None], rows)),
        "price": text(*prices),
        "day": days,
        "label": text(*np.where(x + 0.01 * np.nan_to_num(amount) > 0.2, "high", "low")),
    }
    return table, "label"
