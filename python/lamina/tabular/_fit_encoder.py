"""What a preprocessor learns of each column's training rows: its encoder."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lamina.tabular._columns import Column, code_text, read_dates, read_numbers
from lamina.tabular._encoders import CategoryEncoder, DateEncoder, Encoder, NumberEncoder
from lamina.tabular._inspect import ColumnSummary
from lamina.tabular._scaling import Scaling, choose_edges, date_days

_LIMIT = 3.0
_ROWS_PER_BIN = 16
# Rare categories of a column that are kept by name, to tell them from unseen ones.
_MOST_RARE = 10_000


@dataclass(frozen=True)
class EncoderFits:
    """The fits of all columns' encoders, with the options of `Preprocessor`."""

    numbers: str
    bins: int
    max_categories: int
    max_one_hot: int | None
    missing_values: Sequence[str]

    def fit(self, summary: ColumnSummary, column: Column) -> Encoder:
        """The encoder of a column of this kind, from its rows as its format has them."""
        if summary.kind == "category":
            return self._fit_category(summary, column)
        x = (
            date_days(read_dates(summary.name, column, self.missing_values))
            if summary.kind == "date"
            else read_numbers(summary.name, column, self.missing_values)
        )
        there = x[~np.isnan(x)]
        there = there if there.size else np.zeros(1)
        bounds, indicator = (float(there.min()), float(there.max())), summary.missing > 0
        if summary.kind == "date":
            return DateEncoder(summary.name, Scaling.standard(there, _LIMIT), indicator, bounds)
        if self.numbers == "robust":
            scaling = Scaling.robust(there, _LIMIT)
        else:
            scaling = Scaling.standard(there, _LIMIT if self.numbers == "piecewise" else 0.0)
        edges = np.empty(0)
        if self.numbers == "piecewise":
            edges = choose_edges(there, max(4, min(self.bins, len(there) // _ROWS_PER_BIN)))
        return NumberEncoder(summary.name, scaling, edges, indicator, bounds)

    def _fit_category(self, summary: ColumnSummary, column: Column) -> CategoryEncoder:
        """Keep the categories with enough rows to learn from, the most frequent ones first."""
        counts = code_text(column, self.missing_values).counts()
        enough = min(10, max(2, len(column) // 200))
        frequent = sorted(counts, key=lambda text: (-counts[text], text))
        embedded = self.max_one_hot is not None and len(counts) > self.max_one_hot
        most = None if embedded else self.max_categories
        kept = [text for text in frequent if counts[text] >= enough][:most]
        rare = sorted(set(counts) - set(kept))
        complete = len(rare) <= _MOST_RARE
        return CategoryEncoder(
            summary.name,
            tuple(sorted(kept)),
            bool(rare) or not kept,
            summary.missing > 0,
            tuple(rare) if complete else (),
            complete,
            embedded,
        )
