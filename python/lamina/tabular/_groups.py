"""Splits by group: the rows of a group, such as those of one patient, are never on both sides."""

from collections.abc import Collection

import numpy as np

from lamina.tabular._columns import Column, Floats, Indices, TableError, code_text

Parts = list[tuple[Indices, Indices]]


def group_numbers(column: Column, missing_values: Collection[str]) -> Indices:
    """The number of each row's group [rows], from 0 without gaps; -1 where it has none."""
    coded = code_text(column, missing_values)
    held, places = np.unique(coded.codes, return_inverse=True)
    missing = np.array([coded.distinct[code] is None for code in held.tolist()], dtype=bool)
    numbers = np.where(missing, -1, np.cumsum(~missing) - 1)
    found: Indices = numbers[places].astype(np.int64)
    return found


def hold_back_groups(
    name: str, groups: Indices, fraction: float, seed: int, classes: Indices | None = None
) -> tuple[Indices, Indices]:
    """Training and validation rows, in rising order; groups go to one side as a whole.

    In a random order, a group is held back where that brings the rows held back, of classes those
    of each, nearer to their share. Rows without a group are in neither part.

    Args:
        name: the column's name for errors. groups: of each row [rows], -1: none.
        fraction, seed, classes: as in `hold_back`.

    Raises:
        TableError: fewer than two groups.
    """
    counts = _count(name, groups, classes, least=2)
    order = np.random.RandomState(seed % 2**32).permutation(len(counts))
    wanted, held, chosen = fraction * counts.sum(axis=0), np.zeros(counts.shape[1]), list[int]()
    for group in order.tolist():
        if _distance(held + counts[group] - wanted) < _distance(held - wanted):
            held = held + counts[group]
            chosen.append(group)
    if not chosen:  # each is too large: the one that comes nearest
        nearest = [_distance(counts[group] - wanted) for group in order]
        chosen = [int(order[int(np.argmin(nearest))])]
    if len(chosen) == len(counts):
        chosen.pop()
    back = np.isin(groups, chosen)
    return np.flatnonzero(~back & (groups >= 0)), np.flatnonzero(back)


def cut_groups_in_folds(
    name: str, groups: Indices, folds: int, seed: int, classes: Indices | None = None
) -> Parts:
    """Training and validation rows of each fold, in rising order; each group validates once.

    The largest groups come first, each to the fold in which the rows, of classes those of each,
    are then spread most evenly.

    Args:
        name, groups, seed, classes: as in `hold_back_groups`. folds: at least 2.

    Raises:
        TableError: fewer groups than folds.
    """
    counts = _count(name, groups, classes, least=folds)
    shuffled = np.random.RandomState(seed % 2**32).permutation(len(counts))
    order = shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]
    weight = 1.0 / np.maximum(counts.sum(axis=0), 1.0) ** 2  # rare classes count as much
    held = np.zeros((folds, counts.shape[1]))
    fold_of = np.empty(len(counts), dtype=np.int64)
    for place, group in enumerate(order.tolist()):
        # What adding the group to a fold adds to the sum of squares over the folds.
        rises = ((2.0 * held + counts[group]) * counts[group] * weight).sum(axis=1)
        left = len(order) - place
        empty = held.sum(axis=1) == 0.0
        if left <= np.count_nonzero(empty):  # no fold may stay empty
            rises = np.where(empty, rises, np.inf)
        fold = int(np.argmin(rises))
        held[fold] += counts[group]
        fold_of[group] = fold
    of_rows = np.where(groups < 0, -1, fold_of[groups])
    grouped = of_rows >= 0
    return [
        (np.flatnonzero(grouped & (of_rows != fold)), np.flatnonzero(of_rows == fold))
        for fold in range(folds)
    ]


def _count(name: str, groups: Indices, classes: Indices | None, least: int) -> Floats:
    """Rows of each group, by class [groups, classes]."""
    there = groups >= 0
    number = int(groups.max(initial=-1)) + 1
    if number < least:
        raise TableError(
            f"column '{name}': expected at least {least} groups to divide, got {number}"
        )
    labels = np.zeros(len(groups), dtype=np.int64) if classes is None else classes
    kinds = int(labels.max(initial=0)) + 1
    cells = groups[there] * kinds + labels[there]
    table = np.bincount(cells, minlength=number * kinds).reshape(number, kinds)
    return table.astype(np.float64)


def _distance(difference: Floats) -> float:
    return float((difference**2).sum())
