"""Plots; matplotlib is imported when one is asked for."""

from typing import Any

import numpy as np

from lamina._checks.types import NDArray

Floats = NDArray[np.float64]


def plot_learning_rates(
    rates: Floats, losses: Floats, smoothed: Floats, suggestion: float, axes: Any
) -> Any:
    """Losses over learning rates; see `LearningRateRange.plot`."""
    if axes is None:
        axes = new_axes()
    axes.plot(rates, losses, color="0.8", label="loss of each step")
    axes.plot(rates, smoothed, label="smoothed")
    axes.axvline(suggestion, linestyle="--", color="C1", label=f"{suggestion:.2g}")
    axes.set_xscale("log")
    # What blew up at the end would press the rest flat.
    low, high = (
        float(smoothed.min()),
        float(losses[: smoothed.argmin() + 1].max()),
    )
    margin = 0.1 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    axes.legend()
    return axes


def new_axes() -> Any:
    """Axes of a new figure; ImportError where matplotlib is not installed."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError("plot: matplotlib is not installed; pip install 'lamina[plot]'") from None
    return pyplot.subplots()[1]
