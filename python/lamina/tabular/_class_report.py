"""How a model of classes errs: which classes it takes for which, and the figures of each."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.metrics import confusion_matrix, f1, precision, recall
from lamina.tabular._columns import Floats, Indices
from lamina.tabular._target import ClassTarget


@dataclass(frozen=True, eq=False)
class ClassReport:
    """Decisions by class, over rows whose class is known.

    Attributes:
        classes: their names.
        matrix: rows of each class (first axis) by the class that was predicted (second axis), as
            int64; where rows have weights, these in sum, as float64.
        precision: share of right ones among the rows predicted as the class; NaN: none was.
        recall: share of right ones among the rows of the class; NaN: there are none.
        f1: harmonic mean of both; NaN where the class has no rows and was never predicted.
    """

    classes: tuple[str, ...]
    matrix: NDArray[Any]
    precision: Floats
    recall: Floats
    f1: Floats

    @staticmethod
    def of(
        target: ClassTarget,
        encoded: Indices,
        outputs: Floats,
        threshold: float | None = None,
        weights: Floats | None = None,
    ) -> "ClassReport":
        """The report on outputs [rows, outputs] beside the class indices and weights [rows]."""
        given: dict[str, Any] = {"threshold": threshold, "sample_weight": weights}
        counted: Any = np.int64 if weights is None else np.float64
        matrix = np.asarray(confusion_matrix(encoded, outputs, **given), counted)
        true, predicted = matrix.sum(axis=1), matrix.sum(axis=0)
        arrays = [
            np.where(defined > 0, metric(encoded, outputs, average=None, **given), np.nan)
            for metric, defined in ((precision, predicted), (recall, true), (f1, true + predicted))
        ]
        return ClassReport(target.classes, matrix, *arrays)

    @property
    def rows(self) -> list[float]:
        """Rows of each class, or their weights in sum."""
        counts: list[float] = self.matrix.sum(axis=1).tolist()
        return counts

    def confusions(self) -> list[tuple[str, str, float]]:
        """The true class, the predicted one and the rows of each kind of error, most first."""
        wrong = self.matrix - np.diag(self.matrix.diagonal())
        order = np.argsort(-wrong, axis=None, kind="stable")[: np.count_nonzero(wrong)]
        places = zip(*np.unravel_index(order, wrong.shape), strict=True)
        return [(self.classes[i], self.classes[j], wrong[i, j].item()) for i, j in places]

    def to_record(self) -> dict[str, Any]:
        """As JSON: `classes`, `confusion_matrix`, and `by_class` from class to its figures."""
        figures = zip(self.rows, self.precision, self.recall, self.f1, strict=True)
        return {
            "classes": list(self.classes),
            "confusion_matrix": self.matrix.tolist(),
            "by_class": {
                name: {"rows": n, "precision": float(p), "recall": float(r), "f1": float(f)}
                for name, (n, p, r, f) in zip(self.classes, figures, strict=True)
            },
        }
