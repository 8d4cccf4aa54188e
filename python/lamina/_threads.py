"""The number of threads that the core uses."""

from lamina import _core
from lamina._checks.numbers import check_flag, check_whole


def set_num_threads(count: int, *, exact: bool = False) -> None:
    """Use at most `count` threads (1 to 1024) from the next call on.

    How many of them a training step or a prediction takes is found by trying, at its first calls
    and now and then again: work of a few microseconds stays on one thread, and so does work that
    the others make slower, as where they share a core or other programs use the processors.
    Results do not depend on it.

    Args:
        count: more than there are CPUs are allowed, and seldom faster.
        exact: exactly `count` threads wherever work can be divided among so many, without trying.
            For measurements, and for real cores that nothing else uses.

    Raises:
        TypeError: not a whole number, or `exact` not a truth value. ValueError: outside that range.
    """
    check_whole(count, "count", "set_num_threads", below=1025)
    check_flag(exact, "exact", "set_num_threads")
    _core.set_num_threads(int(count), bool(exact))
