"""The layers of a table's network before its first dense one: what becomes of each feature."""

import math

import numpy as np
from numpy.typing import NDArray

from lamina._layers.column_layers import Embedding, Periodic, PiecewiseLinear
from lamina._layers.layer import Layer
from lamina._layers.row_layers import Affine
from lamina._sequential import Sequential
from lamina.tabular._encoders import NumberEncoder
from lamina.tabular._preprocessor import Preprocessor

# Rows whose quantiles are the edges of piecewise linear embeddings.
_MOST_ROWS = 1_000_000
_MOST_UNITS = 600


class FeatureLayers:
    """The layers from a preprocessor's compact rows to the inputs of the first dense layer.

    Attributes:
        layers: so far; the preprocessor's own is the first.
        widths: columns that each feature of the preprocessor has become by them.
    """

    def __init__(self, preprocessor: Preprocessor) -> None:
        self._preprocessor = preprocessor
        self.layers: list[Layer] = [preprocessor.layer()]
        self.widths = [1] * preprocessor.width

    def embed_categories(self, units: int | None) -> None:
        """Codes become vectors, of `embedding_units` each where `units` is None."""
        by_units: dict[int, dict[int, int]] = {}
        for feature, codes in self._preprocessor.embedded.items():
            by_units.setdefault(units or embedding_units(codes), {})[feature] = codes
        for wide, columns in sorted(by_units.items()):
            places = self._places()
            tables = {places[feature]: codes for feature, codes in columns.items()}
            # A vector of a size that follows from the column is as long as the 1 of a one-hot code.
            deviation = 1.0 if units else wide**-0.5
            self.layers.append(Embedding(tables, wide, deviation=deviation))
            for feature in columns:
                self.widths[feature] = wide

    def drop_places(self) -> float:
        """Features that tell a number's place among edges become 0.

        Returns:
            The factor of the others by which all together keep their variance for the next layer.
        """
        kept: list[bool] = []
        for encoder in self._preprocessor.encoders:
            steps = max(len(encoder.edges) - 1, 0) if isinstance(encoder, NumberEncoder) else 0
            own = len(encoder.feature_names) - 1 - steps
            kept += [True, *[False] * steps, *[True] * own]
        columns = np.repeat(kept, self.widths).tolist()
        self.layers.append(Affine(scale=[float(keep) for keep in columns]))
        return math.sqrt(len(columns) / sum(columns))

    def embed_in_waves(self, rate_factor: float) -> None:
        """Numbers become periodic embeddings of RealMLP's form."""
        places = self._places()
        if numbers := [places[feature] for feature in self._numbers()]:
            layer = Periodic(numbers, rate_factor=rate_factor)
            self._embed_numbers(layer, self._numbers(), 4)

    def embed_in_pieces(self, units: int, inputs: NDArray[np.float32]) -> None:
        """Numbers become piecewise linear embeddings, with edges at quantiles of the rows.

        Args:
            inputs: encoded training rows [rows, inputs].
        """
        places, edges = self._places(), self._quantiles(inputs)
        if edges:
            by_place = {places[feature]: found for feature, found in edges.items()}
            self._embed_numbers(PiecewiseLinear(by_place, units), list(edges), units)

    def _embed_numbers(self, layer: Layer, features: list[int], units: int) -> None:
        self.layers.append(layer)
        for feature in features:
            self.widths[feature] = units

    def _places(self) -> list[int]:
        """The first column of each feature."""
        places: list[int] = np.cumsum([0, *self.widths[:-1]]).tolist()
        return places

    def _numbers(self) -> list[int]:
        """Which features are the scaled values of columns of numbers."""
        encoders = self._preprocessor.encoders
        starts = np.cumsum([0, *(len(encoder.feature_names) for encoder in encoders)])
        pairs = zip(starts.tolist(), encoders, strict=False)
        return [start for start, encoder in pairs if isinstance(encoder, NumberEncoder)]

    def _quantiles(self, inputs: NDArray[np.float32]) -> dict[int, NDArray[np.float64]]:
        """By feature that is the scaled value of a number: the edges of at most 48 even bins."""
        network = Sequential(self.layers[:1], inputs=inputs.shape[1])
        edges: dict[int, NDArray[np.float64]] = {}
        features = np.asarray(network.predict(inputs[:_MOST_ROWS]), dtype=np.float64)
        for feature in self._numbers():
            found = np.unique(np.quantile(features[:, feature], np.linspace(0.0, 1.0, 49)))
            if len(found) > 1:
                edges[feature] = found
        return edges


def embedding_units(codes: int) -> int:
    """Units of a category's vector by the number of categories, fastai's rule of thumb."""
    return min(_MOST_UNITS, round(1.6 * math.pow(codes, 0.56)))
