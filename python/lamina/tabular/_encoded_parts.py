"""Parts of tables as compact matrices."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lamina.tabular._preprocessor import Preprocessor
from lamina.tabular._remedies import table_named
from lamina.tabular._rows import Rows


def encode_parts(
    parts: Mapping[str, Rows], preprocessor: Preprocessor
) -> dict[str, NDArray[np.float32]]:
    """The compact matrices of parts of tables, views of one where parts share a table.

    A table's columns are let go one by one, so that its values are not held twice.
    """
    inputs: dict[str, NDArray[np.float32]] = {}
    for columns in {id(part.columns): part.columns for part in parts.values()}.values():
        sharing = {name: part for name, part in parts.items() if part.columns is columns}
        rows = np.concatenate([part.numbers for part in sharing.values()])
        with table_named(next(iter(sharing.values())).table):
            matrix, _ = preprocessor.encode(columns, rows=rows, release=True)
        ends = np.cumsum([len(part.numbers) for part in sharing.values()])
        inputs |= dict(zip(sharing, np.split(matrix, ends[:-1]), strict=True))
    return inputs
