"""The batches of an epoch."""

from collections.abc import Iterator

import numpy as np

from lamina import _core
from lamina._checks.numbers import COUNTABLE, check_whole, checked_seed
from lamina._checks.types import NDArray


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
