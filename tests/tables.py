"""Columns of text for tests of tables."""

import numpy as np


def text(*values):
    """A text column as a reader of files gives it."""
    return np.array(values, dtype=object)


def repeat(values, rows):
    """A text column of so many rows that goes through `values` again and again."""
    return text(*(values[i % len(values)] for i in range(rows)))
