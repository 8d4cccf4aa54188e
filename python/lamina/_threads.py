"""The number of threads that the core uses."""

from lamina import _core
from lamina._checks.numbers import check_whole


def set_num_threads(count: int) -> None:
    """Use `count` threads (1 to 1024) from the next call on.

    Results do not depend on it. More threads than CPUs are allowed, but slower.

    Raises:
        TypeError: not a whole number. ValueError: outside that range.
    """
    check_whole(count, "count", "set_num_threads", below=1025)
    _core.set_num_threads(int(count))
