"""What users give a network to work on, checked against it: rows, targets, weights, losses."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lamina import _core
from lamina._checks import arrays, frames
from lamina._checks.stack_level import stack_level
from lamina._checks.types import ArrayLike
from lamina._layers.row_layers import Normalization, TargetScaling
from lamina._losses.losses import Loss, OwnLoss, core_loss, default_loss
from lamina._network.adapt import adapt
from lamina._network.stack import Array, Stack
from lamina._training.custom_loss import is_own_loss, own_targets
from lamina._training.fit_data import Examples


class CheckedData(Stack):
    """A stack of layers that takes arrays, frames and series of users."""

    def adapt(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        loss: str | Loss | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        """Take means and deviations of all `Normalization` layers from rows X [rows, inputs].

        A later one sees the outputs of the layers before it, as in prediction. Those inside of
        `Residual` blocks are left as they are.

        Args:
            y: targets, from which a last `TargetScaling` takes scale and shift; None: it stays.
            loss: as in `fit`; it says how many columns y has.
            sample_weight: weight of each row [rows]: a row of weight k counts like k rows.

        Raises:
            TypeError, ValueError: data do not fit, or no layer takes figures from them.
            RuntimeError: another thread is training. Then nothing is changed.
        """
        if y is not None and not isinstance(self.layers[-1], TargetScaling):
            raise ValueError("adapt: expected a network with scale_targets=True for y, got another")
        if y is None and not any(isinstance(layer, Normalization) for layer in self.layers):
            raise ValueError("adapt: expected a Normalization layer in the network, found none")
        with self._unchanged_on_error():
            x = self._inputs(X, "adapt", remembers=True)
            weights = arrays.sample_weights(sample_weight, rows=len(x), where="adapt")
            targets, chosen = None, None
            if y is not None:
                chosen = self._loss(loss)
                _, targets = self._targets(y, chosen, len(x), "adapt")
            adapt(self, x, targets, weights, chosen)

    def _inputs(
        self,
        X: ArrayLike,
        where: str,
        least_rows: int = 1,
        *,
        remembers: bool = False,
        precision: bool = True,
    ) -> Array:
        """X checked, and the network built for it; where asked, a frame's names are remembered."""
        names = None
        if type(X) not in arrays.NO_FRAMES:
            X, names = frames.columns_of(X, where)
            if names is not None and (self._feature_names or self._core is not None):
                frames.check_names(names, self._feature_names, where)
        array = arrays.inputs(
            X,
            columns=None if self._core is None else self._core.inputs,
            dtype=self.dtype,
            where=where,
            least_rows=least_rows,
            names=names,
            subtracts=self._subtracts,
            check_precision=precision,
            nan_allowed=self.layers[0].takes_missing,
        )
        if self._core is None:
            self._build(array.shape[1])
        if remembers and names is not None:
            self._feature_names = names
        return array

    @contextmanager
    def _unchanged_on_error(self) -> Iterator[None]:
        """Forget the number and names of inputs taken from data that are then refused."""
        before = self._core, self._feature_names
        try:
            yield
        except BaseException:
            self._core, self._feature_names = before
            raise

    def _loss(self, loss: str | Loss | OwnLoss | None) -> _core.Loss:
        last = self._core_network().output_activation()
        return core_loss(default_loss(last) if loss is None else loss)

    def _targets(
        self, y: ArrayLike, loss: _core.Loss | OwnLoss, rows: int, where: str
    ) -> tuple[Array | None, Array | None]:
        if not isinstance(loss, _core.Loss):
            return None, own_targets(y, rows, where)
        columns = self._core_network().target_columns(loss)
        return arrays.targets(
            y, loss=loss, rows=rows, columns=columns, dtype=self.dtype, where=where
        )

    def _batch(
        self,
        X: ArrayLike,
        y: ArrayLike,
        loss: str | Loss | OwnLoss | None,
        weight: ArrayLike | None,
        where: str,
        own: bool = False,
    ) -> tuple[Array, Any, Array | None, Array | None, Array | None]:
        with self._unchanged_on_error():
            x = self._inputs(X, where, remembers=where == "fit")
            chosen = loss if own and is_own_loss(loss, weight, where) else self._loss(loss)
            classes, values = self._targets(y, chosen, len(x), where)
            if type(X) not in arrays.NO_FRAMES:
                frames.warn_where_rows_differ(X, y, where, "y", stack_level())
            weights = self._weights(weight, chosen, len(x), where)
        return x, chosen, classes, values, weights

    def _validation(
        self, data: tuple[ArrayLike, ...], loss: _core.Loss | OwnLoss, trained: Array
    ) -> Examples:
        """What `fit` was given as validation_data, beside the rows it trains on."""
        if not 2 <= len(data) <= 3:
            raise ValueError(
                "fit: expected validation_data as (X, y) or (X, y, sample_weight), "
                f"got {len(data)} parts"
            )
        where = "fit, validation_data"
        # Once a call: not where it was said of the rows to train on.
        said = arrays.precision_problem(trained, self.dtype, "", "X", subtracts=self._subtracts)
        x = self._inputs(data[0], where, precision=said is None)
        classes, values = self._targets(data[1], loss, len(x), where)
        given = data[2] if len(data) == 3 else None
        is_own_loss(loss, given, where)
        weights = self._weights(given, loss, len(x), where)
        return Examples(x, classes, values, weights)

    def _weights(
        self, weight: ArrayLike | None, loss: _core.Loss | OwnLoss, rows: int, where: str
    ) -> Array | None:
        """Sample weights; those of a mean count relative to each other alone."""
        absolute: arrays.Dtype | None = "float64" if where == "value_and_grad" else None
        by_row = where in ("sample_gradients", "sample_gradient_norms")
        if by_row or (isinstance(loss, _core.Loss) and not loss.mean_over_rows):
            absolute = self.dtype
        return arrays.sample_weights(weight, rows=rows, where=where, absolute=absolute)
