"""Sequential: a stack of layers with its weights."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from lamina import _arrays, _core
from lamina._callbacks import Callback, EarlyStopping
from lamina._derivatives import Derivatives
from lamina._fit import FitOptions, Verbose, make_fit
from lamina._fit_data import Examples, MetricLike, named_metrics, weighted, with_class_weights
from lamina._full_batch import FullBatchOptimizer
from lamina._history import History
from lamina._losses import Loss, OwnLoss, core_loss, default_loss
from lamina._numbers import check_flag
from lamina._optimizer import Optimizer
from lamina._optimizers import checked_optimizer, make_optimizer
from lamina._own_loss import is_own_loss, own_targets, own_value, own_value_and_grad
from lamina._stack import Array
from lamina._types import ArrayLike, PathLike
from lamina._weight_average import WeightAverage


class Sequential(Derivatives):
    """A network of layers, each feeding the next; [rows, inputs] -> [rows, outputs].

    One thread at a time may train a network. `predict` and `evaluate` may be called from any number
    of threads, also during training: within `fit` they use the weights at the last epoch's end.

    Args:
        layers: the layers, input side first.
        inputs: input features; None: taken from the first batch.
        seed: of the first weights, shuffling and dropout, in [0, 2^64).
        dtype: "float32" or "float64" (or numpy's type), of weights and arithmetic.

    Raises:
        TypeError, ValueError: layers or options that cannot be. Widths that do not fit each other
            are found as soon as `inputs` is known.

    Example:
        >>> import lamina as lm
        >>> net = lm.Sequential([lm.Dense(8, "tanh"), lm.Dense(1)], inputs=2)
        >>> net.predict([[0.0, 1.0]]).shape
        (1, 1)
    """

    # Use

    def predict(self, X: ArrayLike) -> Array:
        """Outputs for rows X [rows, inputs]: [rows, outputs] in the network's dtype.

        X may be memory-mapped and larger than memory, or have no rows; a row's outputs do not
        depend on the others. Classes are `net.predict(X).argmax(axis=1)`, or after "sigmoid"
        `net.predict(X)[:, 0] > 0.5`.

        Raises:
            TypeError, ValueError: X is not a finite table of numbers of the right width.
        """
        x = self._inputs(X, "predict", least_rows=0)
        result: Array = self._core_network().predict(x, None)
        return result

    def compile_predictor(self) -> _core.Predictor:
        """An immutable copy of the network for low-latency predictions, of single rows and batches.

        Example:
            >>> import lamina as lm
            >>> predictor = lm.Sequential([lm.Dense(1)], inputs=2).compile_predictor()
            >>> predictor([0.0, 1.0]).shape, predictor([[0.0, 1.0]]).shape
            ((1,), (1, 1))
        """
        predictor: _core.Predictor = _core.compile_predictor(self._core_network())
        return predictor

    def evaluate(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        loss: str | Loss | OwnLoss | None = None,
        metrics: Sequence[MetricLike] = (),
        sample_weight: ArrayLike | None = None,
    ) -> dict[str, float]:
        """Loss, without penalties, and metrics on rows X [rows, inputs] with targets y.

        Args:
            loss: None: "cross_entropy" after softmax, "binary_cross_entropy" after sigmoid, else
                "mean_squared_error". A function of your own gets all rows at once.
            metrics: names ("accuracy", "rmse", "mae", "r2", "log_loss", "roc_auc") or functions
                `f(y, outputs)`.
            sample_weight: weight of each row [rows], at least 0.

        Returns:
            {"loss": ..., and each metric by its name}.
        """
        wanted = named_metrics(metrics)
        x, chosen, classes, values, weights = self._batch(
            X, y, loss, sample_weight, "evaluate", own=True
        )
        core = self._core_network()
        if isinstance(chosen, _core.Loss):
            outputs = np.empty((len(x), core.outputs), self.dtype) if wanted else None
            value = core.evaluate(chosen, x, classes, values, weights, outputs, None)
        else:
            outputs = core.predict(x, None)
            value, _ = own_value(chosen, outputs, values)
        return {
            "loss": value,
            **{name: weighted(metric, y, outputs, weights) for name, metric in wanted.items()},
        }

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        loss: str | Loss | OwnLoss | None = None,
        optimizer: str | Optimizer | FullBatchOptimizer = "adam",
        epochs: int | None = None,
        batch_size: int | None = None,
        validation_data: tuple[ArrayLike, ...] | None = None,
        validation_fraction: float = 0.0,
        metrics: Sequence[MetricLike] = (),
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[int, float] | Literal["balanced"] | None = None,
        callbacks: Sequence[Callback | Any] = (),
        shuffle: bool | None = None,
        accumulate: int | None = None,
        average: WeightAverage | None = None,
        early_stopping: int | EarlyStopping | None = None,
        target_loss: float | None = None,
        verbose: Verbose = "auto",
    ) -> History:
        """Train on rows X [rows, inputs] with targets y.

        The same seed, data and calls give the same weights to the last bit, for any number of
        threads (on one instruction set).

        Args:
            X: numbers of any real type and layout; converted while they are read.
            y: class indices [rows] or probabilities [rows, outputs] for cross-entropy; else
                values [rows] or [rows, outputs].
            loss: a name or object; None as in `evaluate`. A function of your own as in
                `value_and_grad`, the mean over its rows: then each step is taken in Python.
            optimizer: a name (a fresh optimizer) or an object (keeps its state across calls);
                `LBFGS` and `LevenbergMarquardt` take all rows at once, an iteration an epoch.
            epochs: passes over the data, at least 1; 10 unless given.
            batch_size: rows of one batch, at least 1 (2 with `BatchNorm`), 32 unless given; the
                last may be shorter.
            validation_data: (X, y) or (X, y, sample_weight), evaluated after each epoch.
            validation_fraction: share of the rows held back for that instead, in [0, 1): random,
                by the seed; with class targets the same share of each class.
            metrics: as in `evaluate`; over the rows of the epoch as they are trained on
                ("accuracy") and on the validation data ("val_accuracy").
            sample_weight: weight of each row [rows]: a row of weight k counts like k rows.
            class_weight: weight of each class, 1 where left out, multiplied into the rows'
                weights; a row of probabilities has the mean of the weights by them. "balanced":
                rows / (classes * rows of the class). For one class a row, as in cross-entropy, or
                one output with a binary or hinge loss.
            callbacks: see `Callback`.
            shuffle: a new order of rows each epoch, unless False.
            accumulate: batches whose mean gradient makes one update, at least 1, 1 unless given:
                up to rounding the update of one batch of all their rows, in less memory.
            average: a `WeightAverage`; validation, callbacks and the final network use the average.
            early_stopping: stop after this many epochs without improvement of the validation loss
                (or the loss) and restore the best weights; or an `EarlyStopping` for more.
            target_loss: stop when the training loss falls to this.
            verbose: "auto": a progress line where standard error is a terminal; True: a line an
                epoch; False: nothing.

        Returns:
            The history: `history["loss"]` (with the layers' penalties, if any),
            `history["learning_rate"]` (of the last step) and so on, one value an epoch.

        Raises:
            TypeError, ValueError: data or options do not fit; the network is unchanged.
            NotFiniteError: a loss, weight or running mean of the optimizer became NaN or infinite;
                names epoch, step and layer. The weights are those of the last step whose loss was
                finite. Optimizers whose update or state is not finite, and averages, start anew.
            KeyboardInterrupt: Ctrl-C; weights are those of the last whole step, or with
                early stopping of the best epoch.
            RuntimeError: another thread is training this network.
        """
        batches = {
            "epochs": epochs,
            "batch_size": batch_size,
            "shuffle": shuffle,
            "accumulate": accumulate,
            "average": average,
        }
        options = FitOptions.of(batches, early_stopping, target_loss, verbose)
        with self._unchanged_on_error():
            x, chosen, classes, values, weights = self._batch(
                X, y, loss, sample_weight, "fit", own=True
            )
            outputs = int(self._core_network().outputs)
            weights = with_class_weights(
                class_weight, Examples(x, classes, values, weights), chosen, outputs, self.dtype
            )
            method = make_optimizer(optimizer)
            if isinstance(method, FullBatchOptimizer):
                method.check_options(**batches)
            fit = make_fit(self, chosen, method, options, named_metrics(metrics), callbacks)
            fit.set_data(x, classes, values, weights)
            if validation_data is not None:
                if validation_fraction:
                    raise ValueError(
                        "fit: expected validation_data or validation_fraction, got both"
                    )
                fit.set_validation(*self._validation(validation_data, chosen))
            elif validation_fraction:
                fit.hold_back(validation_fraction)
            fit.prepare()
        return fit.run()

    # Training by hand

    def forward(self, X: ArrayLike, *, training: bool = False, step: int | None = None) -> Array:
        """Outputs [rows, outputs] for one batch X [rows, inputs], remembered for `backward`.

        Args:
            training: True applies dropout, with another mask at every call, and batch
                normalisation by the batch's own statistics.
            step: number of that mask, at least 0; None: the next one. `fit` takes
                `optimizer.steps`.
        """
        check_flag(training, "training", "forward")
        x = self._inputs(X, "forward")
        number = self._random_step(step) if training else self._forward_steps
        result: Array = self._core_network().forward(x, training, self.seed, number)
        return result

    def backward(
        self,
        output_gradient: ArrayLike,
        *,
        gradients: bool = True,
        input_gradient: bool = True,
        accumulate: bool = False,
    ) -> Array | None:
        """Back-propagate dL/doutputs [rows, outputs] through the last `forward`.

        Args:
            gradients: compute those of the weights; see `gradients()`.
            input_gradient: compute and return dL/dX [rows, inputs]; else None is returned.
            accumulate: add to the gradients of the calls before.

        Raises:
            RuntimeError: `forward` was not called before. ValueError: wrong shape.
        """
        flags = {
            "gradients": gradients,
            "input_gradient": input_gradient,
            "accumulate": accumulate,
        }
        for name, flag in flags.items():
            check_flag(flag, name, "backward")
        array = _arrays.contiguous(
            output_gradient, dtype=self.dtype, where="backward", name="output_gradient"
        )
        result: Array | None = self._core_network().backward(
            array, gradients, accumulate, input_gradient
        )
        return result

    def gradients(self) -> dict[str, Array]:
        """Gradients of the last `backward` or `value_and_grad`, named as in `parameters()`."""
        core = self._core_network()
        arrays = core.gradients() if core.parameter_names else []
        if arrays is None:
            raise RuntimeError("gradients: expected a call of backward or value_and_grad before it")
        return dict(zip(core.parameter_names, arrays, strict=True))

    def value_and_grad(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        loss: str | Loss | OwnLoss | None = None,
        sample_weight: ArrayLike | None = None,
        step: int | None = None,
        accumulate: bool = False,
    ) -> tuple[float, dict[str, Array]]:
        """Loss of all rows as one batch (in training mode), and its gradients by parameter name.

        Args:
            loss: as in `fit`, or a function of your own: (outputs [rows, outputs], y) ->
                (value, gradient of the value by the outputs [rows, outputs]). Penalties of the
                layers (`Dense(l1=..., l2=...)`) are added.
            step: as in `forward`; for k batches an update, `fit` takes `k * optimizer.steps` and so
                on.
            accumulate: the gradients become the mean, by rows and their weights, over this batch
                and those of the calls before (the sum, for losses that sum and functions of your
                own), as in `fit(accumulate=...)`; `optimizer.step(net)` then makes one update.

        Raises:
            RuntimeError: accumulate after `backward`.
        """
        check_flag(accumulate, "accumulate", "value_and_grad")
        if is_own_loss(loss, sample_weight, "value_and_grad"):
            value = own_value_and_grad(self, loss, X, y, step, accumulate=accumulate)
            return value, self.gradients()
        x, chosen, classes, values, weights = self._batch(
            X, y, loss, sample_weight, "value_and_grad"
        )
        value = self._core_network().value_and_gradient(
            chosen,
            x,
            classes,
            values,
            weights,
            self.seed,
            self._random_step(step),
            accumulate,
        )
        return value, self.gradients()

    def train_step(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        optimizer: Optimizer,
        loss: str | Loss | OwnLoss | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """One update on all rows as one batch; returns the loss before it.

        Args:
            loss: as in `value_and_grad`.

        Raises:
            NotFiniteError: as in `fit`.
        """
        optimizer = checked_optimizer(optimizer, "train_step")
        if is_own_loss(loss, sample_weight, "train_step"):
            value = own_value_and_grad(self, loss, X, y, optimizer.steps)
            optimizer.step(self)
            return value
        x, chosen, classes, values, weights = self._batch(X, y, loss, sample_weight, "train_step")
        handle = optimizer.handle_for_step(self)
        value = self._core_network().train_step(
            chosen, handle, x, classes, values, weights, self.seed
        )
        return float(value)

    # Files

    def save(self, path: PathLike) -> None:
        """Write architecture and weights to one safetensors file; see `lamina.load`.

        Written atomically: after a crash there is either the old file or the whole new one.

        Raises:
            OSError: the file cannot be written.
        """
        from lamina._model_file import save_model

        save_model(path, self)

    # Helpers

    def _loss(self, loss: str | Loss | OwnLoss | None) -> _core.Loss:
        last = self._core_network().output_activation()
        return core_loss(default_loss(last) if loss is None else loss)

    def _targets(
        self, y: ArrayLike, loss: _core.Loss | OwnLoss, rows: int, where: str
    ) -> tuple[Array | None, Array | None]:
        if not isinstance(loss, _core.Loss):
            return None, own_targets(y, rows, where)
        columns = self._core_network().target_columns(loss)
        return _arrays.targets(
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
            x = self._inputs(X, where)
            chosen = loss if own and is_own_loss(loss, weight, where) else self._loss(loss)
            classes, values = self._targets(y, chosen, len(x), where)
            weights = self._weights(weight, chosen, len(x), where)
        return x, chosen, classes, values, weights

    def _weights(
        self, weight: ArrayLike | None, loss: _core.Loss | OwnLoss, rows: int, where: str
    ) -> Array | None:
        """Sample weights; those of a mean count relative to each other alone."""
        absolute: _arrays.Dtype | None = "float64" if where == "value_and_grad" else None
        by_row = where in ("sample_gradients", "sample_gradient_norms")
        if by_row or (isinstance(loss, _core.Loss) and not loss.mean_over_rows):
            absolute = self.dtype
        return _arrays.sample_weights(weight, rows=rows, where=where, absolute=absolute)

    def _validation(
        self, data: tuple[ArrayLike, ...], loss: _core.Loss | OwnLoss
    ) -> tuple[Array, Array | None, Array | None, Array | None]:
        if not 2 <= len(data) <= 3:
            raise ValueError(
                "fit: expected validation_data as (X, y) or (X, y, sample_weight), "
                f"got {len(data)} parts"
            )
        where = "fit, validation_data"
        x = self._inputs(data[0], where)
        classes, values = self._targets(data[1], loss, len(x), where)
        given = data[2] if len(data) == 3 else None
        is_own_loss(loss, given, where)
        weights = self._weights(given, loss, len(x), where)
        return x, classes, values, weights
