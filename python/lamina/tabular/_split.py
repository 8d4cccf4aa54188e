"""Rows held back for validation: the same for a seed, with the classes in proportion."""

import numpy as np

from lamina.tabular._columns import Indices, TableError


def hold_back(
    rows: int, fraction: float, seed: int, classes: Indices | None = None
) -> tuple[Indices, Indices]:
    """Training and validation rows, each in rising order; together all of them.

    Args:
        rows: rows of the table.
        fraction: share to hold back, above 0 and below 1.
        seed: same seed, same rows.
        classes: class index of each row [rows]; each class then gives that share of its own
            rows, rounded, and keeps at least one for training.

    Raises:
        TableError: too few rows to leave one on each side.
    """
    generator = np.random.default_rng(seed)
    groups = [np.arange(rows)]
    if classes is not None:
        groups = [np.flatnonzero(classes == index) for index in np.unique(classes)]
    held: list[Indices] = []
    for group in groups:
        count = min(round(fraction * len(group)), len(group) - 1)
        held.append(generator.permutation(group)[:count])
    back = np.sort(np.concatenate(held)) if held else np.empty(0, dtype=np.int64)
    if len(back) == 0 or len(back) == rows:
        raise TableError(
            f"cannot hold back {fraction:g} of {rows} rows for validation; give more rows, "
            "or a validation table"
        )
    train = np.setdiff1d(np.arange(rows), back, assume_unique=True)
    return train.astype(np.int64), back.astype(np.int64)
