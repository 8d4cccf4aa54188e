"""The batches of an epoch."""

from collections.abc import Iterator

import numpy as np

from lamina import _core
from lamina._checks.numbers import COUNTABLE, check_whole, checked_seed
from lamina._checks.types import ArrayLike, NDArray


def batches(
    rows: int,
    batch_size: int = 32,
    *,
    seed: int = 0,
    epoch: int = 1,
    shuffle: bool = True,
    smallest: int = 1,
) -> Iterator[NDArray[np.int64]]:
    """Row numbers of the batches of one epoch, as `fit` takes them.

    `fit` shuffles by the network's seed and counts epochs from 1 through all its calls: the next
    one is `epoch=net.epochs_trained + 1`.

    Args:
        rows: of the data, at least 1. batch_size: rows of a batch; the last may be shorter.
        seed: in [0, 2^64). epoch: at least 1. shuffle: False: rows in their order.
        smallest: a last batch of fewer rows joins the one before; `fit` takes 2 for networks with a
            `BatchNorm` that is not frozen, else 1.

    Example:
        >>> import lamina as lm
        >>> [batch.tolist() for batch in lm.batches(5, 2, shuffle=False)]
        [[0, 1], [2, 3], [4]]
    """
    counts = {"rows": rows, "batch_size": batch_size, "epoch": epoch, "smallest": smallest}
    for name, value in counts.items():
        check_whole(value, name, "batches", below=COUNTABLE)
    seed = checked_seed(seed)
    order = _core.shuffled_rows(int(rows), seed, int(epoch)) if shuffle else np.arange(rows)
    starts = list(range(0, rows, batch_size))
    if len(starts) > 1 and rows - starts[-1] < smallest:
        starts.pop()
    ends = [*starts[1:], rows]
    return (order[first:last] for first, last in zip(starts, ends, strict=True))


def checked_order(order: ArrayLike, rows: int) -> NDArray[np.int64]:
    """What a user's function gave as the row numbers of an epoch; the core checks their values."""
    array = np.asarray(order)
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise TypeError(
            "fit: expected the function given as shuffle to return an array of whole row numbers "
            f"[{rows}], got {array.dtype} of shape {list(array.shape)}"
        )
    if array.dtype == np.uint64 and len(array):
        array = np.minimum(array, np.uint64(2**63 - 1))
    return np.ascontiguousarray(array, dtype=np.int64)
