"""A network whose parameters are the mean of those of others."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lamina._checks.types import NDArray
from lamina._sequential import Sequential


def average_networks(
    networks: Sequence[Sequential], weights: Sequence[float] | None = None
) -> Sequential:
    """A new network whose every parameter is the mean of that of equal architectures.

    Of the points of one training run (Izmailov et al. 2018), or of runs that started from the same
    trained weights (Wortsman et al. 2022); independent runs average to nothing useful.

    Args:
        networks: at least one; options (seed, epochs trained) are the first one's.
        weights: weight of each, at least 0, not all 0; None: equal ones.

    Raises:
        ValueError: architectures or dtypes differ, or weights do not fit.
    """
    if not isinstance(networks, Iterable):
        raise TypeError(
            f"average_networks: expected a list of networks, got {type(networks).__name__}"
        )
    nets = list(networks)
    for net in nets:
        if not isinstance(net, Sequential):
            raise TypeError(f"average_networks: expected networks, got {type(net).__name__}")
    if not nets:
        raise ValueError("average_networks: expected at least one network, got none")
    shares = _shares(weights, len(nets))
    first = nets[0]
    for index, net in enumerate(nets[1:], start=1):
        if net.to_spec() != first.to_spec() or net.dtype != first.dtype:
            raise ValueError(
                f"average_networks: network {index} has other layers or another dtype than the "
                "first; expected equal ones"
            )
    result = first.copy()
    sums: dict[str, Any] = {}
    for share, net in zip(shares, nets, strict=True):
        for name, value in net.parameters().items():
            sums[name] = sums.get(name, 0.0) + share * value.astype(np.float64)
    result.set_parameters(sums)
    return result


def _shares(weights: Sequence[float] | None, count: int) -> NDArray[np.float64]:
    given = np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64)
    if given.shape != (count,):
        raise ValueError(
            f"average_networks: expected {count} weights, one a network, got shape {given.shape}"
        )
    if not np.isfinite(given).all() or (given < 0).any() or not given.any():
        raise ValueError(
            "average_networks: expected finite weights of at least 0 and not all 0, "
            f"got {given.tolist()}"
        )
    shares: NDArray[np.float64] = given / given.sum()
    return shares
