"""A CSV of a given size with columns of every kind and missing cells everywhere."""

from pathlib import Path

import numpy as np
import polars as pl

_ROWS = 200_000
_MISSING = 0.05
_CITIES = [f"{name}{kind}" for name in ("Nord", "Alt", "Neu", "Ober") for kind in ("dorf", "au")]
_WORDS = (
    "returned broken late box order unhappy customer refund screen battery cable good cheap fast "
    "slow heavy light small large blue green red new used spare part missing manual warranty"
).split()


def write_large_table(path: Path, size: int, seed: int = 0) -> int:
    """Write a CSV of at least `size` bytes; gives its number of rows."""
    random = np.random.default_rng(seed)
    rows = 0
    with path.open("wb") as file:
        while file.tell() < size:
            _some_rows(random).write_csv(file, include_header=rows == 0)
            rows += _ROWS
    return rows


def _some_rows(random: np.random.Generator) -> pl.DataFrame:
    """Rows whose target depends on some of the other columns."""
    width, height = random.gamma(3.0, 20.0, _ROWS), random.normal(0.0, 1.0, _ROWS)
    city = random.integers(0, len(_CITIES), _ROWS)
    score = height + 0.02 * width + 0.3 * (city % 3) + random.normal(0.0, 0.5, _ROWS)
    words = np.array(_WORDS)[random.integers(0, len(_WORDS), (4, _ROWS))]
    columns = {
        "width": np.round(width, 2),
        "height": np.round(height, 6),
        "temperature": np.round(random.normal(18.0, 8.0, _ROWS), 1),
        "pressure": random.normal(1013.0, 9.0, _ROWS),
        "share": np.round(random.uniform(0.0, 1.0, _ROWS), 4),
        "count": random.poisson(3.0, _ROWS),
        "cents": random.integers(0, 10_000_000, _ROWS),
        "city": np.array(_CITIES)[city],
        "grade": np.array(list("ABCDE"))[random.integers(0, 5, _ROWS)],
        "postcode": np.char.zfill(random.integers(1000, 99_999, _ROWS).astype(str), 5),
        "day": (np.datetime64("2015-01-01") + random.integers(0, 3650, _ROWS)).astype(str),
        "comment": np.array([", ".join((a, " ".join(rest))) for a, *rest in words.T]),
        "outcome": np.where(score > 1.5, "yes", "no"),
    }
    frame = pl.DataFrame(columns)
    present = {name: pl.Series(random.random(_ROWS) >= _MISSING) for name in columns}
    return frame.with_columns(
        pl.when(present[name]).then(pl.col(name)) for name in columns if name != "outcome"
    )
