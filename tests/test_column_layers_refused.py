"""What layers that embed numbers refuse, and in what words."""

from typing import Any

import numpy as np
import pytest

import lamina as lm
from lamina import _core

NAN = float("nan")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: lm.PiecewiseLinear({}, 2), ValueError, "at least one column"),
        (lambda: lm.PiecewiseLinear([0.0, 1.0], 2), TypeError, "expected columns as a dictionary"),
        (lambda: lm.PiecewiseLinear({0: [1.0]}, 2), ValueError, "column 0: expected at least two"),
        (lambda: lm.PiecewiseLinear({0: [1.0, 1.0]}, 2), ValueError, "column 0: expected rising"),
        (lambda: lm.PiecewiseLinear({0: [2.0, 1.0]}, 2), ValueError, "got 1.0 after 2.0"),
        (lambda: lm.PiecewiseLinear({0: [0.0, NAN]}, 2), ValueError, "finite number for 'edges'"),
        (lambda: lm.PiecewiseLinear({0: "ab"}, 2), TypeError, "column 0: expected edges as a list"),
        (lambda: lm.PiecewiseLinear({0: [[0.0]]}, 2), ValueError, "as a list, got 2 axes"),
        (lambda: lm.PiecewiseLinear({0: [0.0, 1e16]}, 2), ValueError, "between -1e15 and 1e15"),
        (
            lambda: lm.PiecewiseLinear({0: np.arange(514.0)}, 2),
            ValueError,
            "expected at most 513 'edges', got 514",
        ),
        (
            lambda: lm.PiecewiseLinear({0: [0.0, 1.0]}, 2, "C"),  # type: ignore[arg-type]
            ValueError,
            "expected 'version' to be 'A' or 'B', got 'C'",
        ),
        (
            lambda: lm.PiecewiseLinear({0: [0.0, 1.0]}, 2, "B", "relu"),
            ValueError,
            "no activation with version 'B'",
        ),
        (
            lambda: lm.PiecewiseLinear({0: [0.0, 1.0]}, 2, "A", "tanh"),
            ValueError,
            "'identity' or 'relu', got 'tanh'; put another as a layer",
        ),
        (lambda: lm.PiecewiseLinear({9: [0.0, 1.0]}, 2), ValueError, "expected columns below 3"),
        (lambda: lm.Periodic([]), ValueError, "expected at least one column, got none"),
        (lambda: lm.Periodic(3), TypeError, "expected columns as a list"),
        (lambda: lm.Periodic([1, 1]), ValueError, "expected rising 'columns', got 1 after 1"),
        (lambda: lm.Periodic([-1]), ValueError, "for 'columns', got -1"),
        (lambda: lm.Periodic([0], "sine"), ValueError, "expected 'form' to be 'plr' or 'pbld'"),
        (
            lambda: lm.Periodic([0], units=1),
            ValueError,
            "'units' of at least 2 for the form 'pbld'",
        ),
        (lambda: lm.Periodic([0], units=129), ValueError, "'units' between 1 and 128, got 129"),
        (lambda: lm.Periodic([0], frequencies=0), ValueError, "'frequencies' between 1 and 128"),
        (lambda: lm.Periodic([0], sigma=0.0), ValueError, "expected 'sigma' above 0, got 0"),
        (
            lambda: lm.Periodic([0], activation="gelu"),
            ValueError,
            "'identity' or 'relu', got 'gelu'",
        ),
        (lambda: lm.Periodic([3]), ValueError, "expected columns below 3, .* got 3"),
    ],
)
def test_wrong_options_are_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        lm.Sequential([make()], inputs=3)


@pytest.mark.parametrize(
    "options",
    [
        '"columns": [1, 2], "edges": [[0, 1]], "units": 2',
        '"columns": [1], "edges": [0, 1], "units": 2',
        '"columns": [1], "edges": [[0, "a"]], "units": 2',
        '"columns": [1], "edges": [[0, 1]], "units": 2, "version": 3',
    ],
)
def test_wrong_descriptions_are_refused(options: str) -> None:
    with pytest.raises(ValueError, match="PiecewiseLinear"):
        _core.check_layer(f'{{"kind": "piecewise_linear", {options}}}')
