"""Columns of text, and features of encoded rows, for tests of tables."""

import numpy as np

import lamina as lm


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
