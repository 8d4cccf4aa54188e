"""Sequential: a stack of layers with its weights."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from lamina import _core
from lamina._checks import arrays
from lamina._checks.numbers import check_flag
from lamina._checks.types import ArrayLike, PathLike
from lamina._losses.losses import Loss, OwnLoss
from lamina._losses.scoring import MetricLike, Scorer, output_kind
from lamina._network.derivatives import Derivatives
from lamina._network.stack import Array
from lamina._optimizers.full_batch import FullBatchOptimizer
from lamina._optimizers.momentum import checked_optimizer, make_optimizer
from lamina._optimizers.optimizer import Optimizer
from lamina._optimizers.weight_average import WeightAverage
from lamina._training.callbacks import Callback, EarlyStopping
from lamina._training.custom_loss import is_own_loss, own_value, own_value_and_grad
from lamina._training.fit import FitOptions, Verbose, check_validation, make_fit
from lamina._training.fit_data import Examples
from lamina._training.history import History
from lamina._training.training_warnings import warn_of_labels, warn_untrained


class Sequential(Derivatives):
    """A network of layers, each feeding the next; [rows, inputs] -> [rows, outputs].

    One thread at a time may train a network. `predict` and `evaluate` may be called from any number
    of threads, also during training: within `fit` they use the weights at the last epoch's end.

    Args:
        layers: the layers, input side first.
        inputs: input features; None: taken from the first batch.
        seed: of the first weights, shuffling and dropout, in [0, 2^64).
        dtype: "float32" or "float64" (or numpy's type), of weights and arithmetic.
        scale_targets: scale the targets to mean 0 and variance 1 while training, by a last layer
            `TargetScaling`: for quantities whose values are not about 1. Losses (history,
            `evaluate`, target_loss) are then those of scaled targets, metrics and outputs in the
            targets' own units. For losses of quantities, not of classes, counts or directions; a
            function of your own sees outputs and targets in their own units.

    Attributes:
        history: `History` of the last fit, or of the running one, also where it was interrupted or
            failed; None before the first. Copies, pickles and files have none.

    Raises:
        TypeError, ValueError: layers or options that cannot be. Widths that do not fit each other
            are found as soon as `inputs` is known.

    Example:
        >>> import lamina as lm
        >>> net = lm.Sequential([lm.Dense(8, "tanh"), lm.Dense(1)], inputs=2)
        >>> net.predict([[0.0, 1.0]]).shape
        (1, 1)
    """

    history: History | None = None

    # Use

    def predict(self, X: ArrayLike) -> Array:
        """Outputs for rows X [rows, inputs]: [rows, outputs] in the network's dtype.

        X may be memory-mapped and larger than memory, or have no rows; a row's outputs do not
        depend on the others. The columns of a frame must be those of `feature_names`. Classes are
        `net.predict(X).argmax(axis=1)`, or after "sigmoid" `net.predict(X)[:, 0] > 0.5`.

        Raises:
            TypeError, ValueError: X is not a finite table of numbers of the right width.
        """
        x = self._inputs(X, "predict", least_rows=0)
        if self._is_fresh:
            warn_untrained(self)
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
    ) -> dict[str, Any]:
        """Loss, without penalties, and metrics on rows X [rows, inputs] with targets y.

        Args:
            loss: None: "cross_entropy" after softmax, "binary_cross_entropy" after sigmoid, else
                "mean_squared_error". A function of your own gets all rows at once.
            metrics: names and functions of `lamina.metrics`, or functions `f(y, outputs)` of your
                own that give a number: y as the loss has it, class indices [rows] or values
                [rows, columns] whatever its shape was, and outputs [rows, outputs]. One with a
                parameter `sample_weight` is given the weights [rows], or None.
            sample_weight: weight of each row [rows], at least 0; of the loss and lamina's metrics.

        lamina's metrics read the outputs as the loss has them: softmax as one class a row, several
        sigmoids as many labels at once, hinge losses' as chosen above 0; the means of
        `GaussianNegativeLogLikelihood`, and the exponentials of logarithms (`Poisson`, `Gamma`,
        `Tweedie`), in the target's units. One whose outputs are not finite is NaN.

        Returns:
            {"loss": ..., and each metric by its name}; "confusion_matrix" is an array.

        Raises:
            TypeError, ValueError: data do not fit, or a metric does not go with the loss.
        """
        scorer = Scorer(metrics, arrays=True)
        x, chosen, classes, values, weights = self._batch(
            X, y, loss, sample_weight, "evaluate", own=True
        )
        core, data = self._core_network(), Examples(x, classes, values, weights)
        scorer.prepare(output_kind(chosen, core.output_activation(), core.outputs), data.targets)
        if isinstance(chosen, _core.Loss):
            outputs = np.empty((len(x), core.outputs), self.dtype) if scorer else None
            value = core.evaluate(chosen, x, classes, values, weights, outputs, None)
        else:
            outputs = core.predict(x, None)
            value, _ = own_value(chosen, outputs, values)
        figures = {} if outputs is None else scorer.score(data.targets, outputs, weights)
        return {"loss": value, **figures}

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
            X: numbers of any real type and layout, or a frame of pandas, polars or pyarrow (the
                latter two with `lamina[frames]`), whose names are remembered in `feature_names`.
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
                by the seed; where rows have a class the same share of each, but for one row each.
            metrics: as in `evaluate`; over the rows of the epoch as they are trained on
                ("accuracy") and on the validation data ("val_accuracy").
            sample_weight: weight of each row [rows]: a row of weight k counts like k rows, in
                training, in lamina's metrics, and where it is held back for validation.
            class_weight: weight of each class, 1 where left out, multiplied into the rows' weights
                in training, and so in "loss"; metrics and validation take the sample weights alone.
                A row of probabilities has the mean of the weights by them. "balanced": rows /
                (classes * rows of the class), of the rows that are trained on. For one class a row,
                as in cross-entropy, or one output with a binary or hinge loss.
            callbacks: see `Callback`.
            shuffle: a new order of rows each epoch, unless False.
            accumulate: batches whose mean gradient makes one update, at least 1, 1 unless given:
                up to rounding the update of one batch of all their rows, in less memory.
            average: a `WeightAverage`; validation, callbacks and the final network use the average.
            early_stopping: stop after this many epochs without improvement of the validation loss
                (or the loss) and restore the best weights; or an `EarlyStopping` for more.
            target_loss: stop when the training loss falls to this.
            verbose: "auto": a progress line where standard error is a terminal (but for
                TERM=dumb), and in notebooks; True: a line an epoch; False: nothing.

        Returns:
            The history, also as `net.history`: `history["loss"]` (with the layers' penalties, if
            any), `history["learning_rate"]` (of the last step) and so on, one value an epoch.

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
            method = make_optimizer(optimizer)
            if isinstance(method, FullBatchOptimizer):
                method.check_options(**batches)
            fit = make_fit(self, chosen, method, options, Scorer(metrics), callbacks)
            data = Examples(x, classes, values, weights)
            check_validation(validation_data, validation_fraction)
            if validation_data is not None:
                fit.set_data(data, self._validation(validation_data, chosen, x))
            else:
                fit.set_data(data)
            if validation_fraction:
                fit.hold_back(validation_fraction)
            fit.set_class_weights(class_weight)
            fit.prepare()
            if loss is None:
                warn_of_labels(chosen, values, self._core_network().output_activation())
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
        array = arrays.contiguous(
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
        from lamina._network.model_file import save_model

        save_model(path, self)
