"""Calls everything public with values that do not belong there, and says what went wrong.

Right is an exception in the library's own words, or a call that works. Run it alone for longer:
`python tests/wrong_values.py [rounds [seed]]`.
"""

import contextlib
import io
import random
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import lamina as lm
from public_calls import public_calls

# What pybind11 and CPython say where an argument was not checked.
_FOREIGN = (
    "incompatible function arguments",
    "incompatible constructor arguments",
    "Unable to cast",
    "Unable to convert",
    "pybind11",
    "_core.",
    "SystemError",
    "instance of type",
)
_EXPECTED = (TypeError, ValueError, RuntimeError, ImportError, OSError, OverflowError, MemoryError)


class Silent:
    """An object that can do nothing."""


def wrong_values() -> list[Any]:
    """Fresh values of many kinds."""
    return [*_numbers(), *_arrays(), *_others()]


def _numbers() -> list[Any]:
    return [
        None,
        True,
        0,
        -1,
        1,
        2,
        2**31,
        2**63,
        2**64,
        -(2**64),
        10**30,
        1.5,
        -1.5,
        0.0,
        1e-320,
        1e300,
        float("nan"),
        float("inf"),
        1j,
        np.int64(3),
        np.uint64(2**64 - 1),
        np.int8(-1),
        np.float16(2.0),
        np.float32("nan"),
        np.bool_(True),
    ]


def _arrays() -> list[Any]:
    return [
        np.array(3),
        np.array([]),
        np.zeros((3, 0)),
        np.zeros((0, 3)),
        np.ones((4, 3)),
        np.ones((4, 3), np.float16),
        np.ones((4, 3), ">f8"),
        np.ones((4, 3))[::-1, ::-1],
        np.full((4, 3), np.nan),
        np.full((4, 3), 1e300),
        np.ones((4, 3), complex),
        np.ones((2, 2, 2)),
        np.arange(4),
        np.array([0, 1, 2, 7]),
        np.array([0, 2**40, 1, 0]),
        np.array([-1, 0, 1, 0], np.int8),
        np.array(["a", "b", "c", "d"]),
        np.array([None, 1, "x", 2.0], object),
        np.array([1, 2, 3, 4], "M8[s]"),
        np.ma.masked_array([1.0, 2.0, 3.0, 4.0], [0, 1, 0, 0]),
    ]


def _others() -> list[Any]:
    return [
        "",
        "adam",
        "no such name",
        "\0",
        "a\0b",
        "\ud800",
        b"bytes",
        [],
        [1, 2],
        [[1.0, 2.0, 3.0]] * 4,
        [[1.0], [1.0, 2.0]],
        ["a", None],
        (),
        (1, 2, 3),
        {},
        {"kind": "dense"},
        {"a": 1},
        {1: 2},
        {"layers.0.weight": "x"},
        set(),
        object(),
        Silent(),
        Silent,
        int,
        len,
        lambda *_: None,
        range(4),
        slice(None),
        lm.Dense(2),
        lm.Adam(),
        lm.LBFGS(),
        lm.MeanSquaredError(),
        lm.WeightAverage(),
        lm.CosineSchedule(0.1),
        lm.Callback(),
        lm.Sequential([lm.Dense(2)], inputs=3),
        lm.Sequential([lm.Dense(2)]),
        iter([1, 2]),
        memoryview(b"abcd"),
    ]


def fault_of(function: Callable[..., Any], arguments: dict[str | int, Any]) -> str:
    """What is wrong with the way in which a call ends; empty where it is right."""
    positional = [arguments[0]] if 0 in arguments else []
    named = {name: value for name, value in arguments.items() if isinstance(name, str)}
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            function(*positional, **named)
    except (*_EXPECTED, lm.NotFiniteError) as error:
        message = f"{type(error).__name__}: {error}"
        found = [words for words in _FOREIGN if words in message]
        return f"{message[:300]!r}" if found else ""
    except Exception as error:  # any other kind is a fault
        return f"{type(error).__name__}: {str(error)[:200]!r}"
    return ""


def faults(rounds: int, seed: int) -> Iterator[str]:
    """Faults of calls with one wrong value each: all of them, or `rounds` at random."""
    generator, threads = random.Random(seed), lm.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        count = sum(len(call[2]) for call in public_calls(Path(folder)))
        size = count * len(wrong_values())
        chosen = set(range(size)) if rounds >= size else set(generator.sample(range(size), rounds))
        place = 0
        for name, function, arguments in public_calls(Path(folder)):
            for argument in arguments:
                for value in wrong_values():
                    if place in chosen:
                        if huge(name, argument, value):
                            place += 1
                            continue
                        with contextlib.chdir(folder):
                            fault = fault_of(function, {**arguments, argument: value})
                        if fault:
                            yield f"{name}({argument}={value!r:.60}): {fault}"
                    place += 1
        lm.set_num_threads(threads)


def huge(name: str, argument: Any, value: Any) -> bool:
    """Whether a value is legal and would take long."""
    number = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return number and value > 2**20 and argument in ("rows", "epochs", "steps", "units", "inputs")


if __name__ == "__main__":
    options = [int(value) for value in sys.argv[1:]]
    found = 0
    for line in faults(options[0] if options else 10**9, options[1] if len(options) > 1 else 0):
        found += 1
        print(line, flush=True)
    sys.exit(1 if found else 0)
