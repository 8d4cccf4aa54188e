"""Dense neural networks for CPUs."""

from lamina._core import __version__

__all__ = ["__version__"]
