"""`lamina.tabular.Preprocessor` as a scikit-learn transformer."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from lamina._sequential import Sequential
from lamina._table_estimators._tables import check_rows, numeric_names, read_columns
from lamina.tabular._columns import row_count
from lamina.tabular._preprocessor import Preprocessor


class TableEncoder(TransformerMixin, BaseEstimator):
    """Encodes a table of any kind as float32 features [rows, features] for any estimator.

    Numbers become their scaled values and, with `numbers="piecewise"`, their places among edges at
    quantiles (Gorishniy et al. 2022, arXiv 2203.05556); categories one 1 among 0s; dates days and
    their places in year, week and day. A column that had missing values gets a feature that says
    so. Missing values and unseen categories are legal later.

    Args:
        numbers: "piecewise", "standard" or "robust". bins, max_categories: as in `Preprocessor`.
        categorical: columns to read as categories, whatever they hold.

    Attributes:
        preprocessor_: the fitted `Preprocessor`.
        n_features_in_, feature_names_in_: columns of X, and their names where X has names.

    Example:
        >>> from lamina.tabular import TableEncoder
        >>> table = {"age": [31, 40, 52, 40], "colour": ["red", "blue", None, "red"]}
        >>> encoder = TableEncoder(numbers="standard").fit(table)
        >>> encoder.transform(table).shape, encoder.get_feature_names_out().tolist()[:1]
        ((4, 4), ['age'])
    """

    def __init__(
        self,
        *,
        numbers: str = "piecewise",
        bins: int = 48,
        max_categories: int = 100,
        categorical: Sequence[str] = (),
    ) -> None:
        self.numbers = numbers
        self.bins = bins
        self.max_categories = max_categories
        self.categorical = categorical

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the encoding of the rows of X; y is not read."""
        columns = read_columns(self, X, reset=True)
        check_rows(self, row_count(columns), 2)
        kinds = dict.fromkeys(numeric_names(columns), "number")
        kinds |= dict.fromkeys(self.categorical, "category")
        self.preprocessor_ = Preprocessor(
            numbers=self.numbers,
            bins=self.bins,
            max_categories=self.max_categories,
            kinds=kinds,
        ).fit(columns)
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """The features [rows, features] of each row."""
        check_is_fitted(self)
        encoded, _ = self.preprocessor_.encode(read_columns(self, X, reset=False))
        network = Sequential([self.preprocessor_.layer()], inputs=encoded.shape[1])
        return np.asarray(network.predict(encoded), dtype=np.float32).reshape(len(encoded), -1)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """The name of each feature, such as `age`, `colour=red` and `age is missing`.

        Args:
            input_features: None, or the names of the columns of X.
        """
        check_is_fitted(self)
        if input_features is not None:
            known = getattr(self, "feature_names_in_", None)
            if known is not None and not np.array_equal(known, np.asarray(input_features)):
                raise ValueError("input_features is not equal to feature_names_in_")
            if len(input_features) != self.n_features_in_:
                raise ValueError(
                    "input_features should have length equal to number of features "
                    f"({self.n_features_in_}), got {len(input_features)}"
                )
        return np.asarray(self.preprocessor_.feature_names, dtype=object)
