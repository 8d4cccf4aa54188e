"""Plots; matplotlib is imported when one is asked for."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lamina._learning_rate_range import LearningRateRange


def plot_learning_rates(found: "LearningRateRange", axes: Any) -> Any:
    """Losses over learning rates; see `LearningRateRange.plot`."""
    if axes is None:
        axes = new_axes()
    axes.plot(found.rates, found.losses, color="0.8", label="loss of each step")
    axes.plot(found.rates, found.smoothed, label="smoothed")
    axes.axvline(found.suggestion, linestyle="--", color="C1", label=f"{found.suggestion:.2g}")
    axes.set_xscale("log")
    # What blew up at the end would press the rest flat.
    low, high = (
        float(found.smoothed.min()),
        float(found.losses[: found.smoothed.argmin() + 1].max()),
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
