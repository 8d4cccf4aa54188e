"""Sequential: a stack of layers with its weights."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from lamina import _core
from lamina._checks import arrays
from lamina._checks.numbers import check_flag, check_whole
from lamina._checks.types import ArrayLike, PathLike
from lamina._layers.row_layers import Normalization, TargetScaling
from lamina._losses.custom import custom_value
from lamina._losses.losses import CustomLoss, Loss
from lamina._losses.scoring import MetricLike, Scorer, output_kind
from lamina._network import code_export, derivatives, model_file, passes
from lamina._network.adapt import adapt, adapt_first
from lamina._network.checked_data import (
    checked_examples,
    checked_inputs,
    checked_loss,
    checked_rows,
    checked_targets,
    checked_validation,
    unchanged_on_error,
)
from lamina._network.model_file import StoredDtype
from lamina._network.onnx_export import export_onnx
from lamina._network.stack import Array, Stack
from lamina._optimizers.by_name import make_optimizer
from lamina._optimizers.full_batch import FullBatchOptimizer
from lamina._optimizers.optimizer import Optimizer
from lamina._optimizers.schedule import Schedule
from lamina._optimizers.weight_average import WeightAverage
from lamina._training import steps
from lamina._training.callbacks import Callback, EarlyStopping
from lamina._training.fit import FitOptions, RowOrder, Verbose, check_validation
from lamina._training.fit_class import fit_class
from lamina._training.history import History
from lamina._training.training_warnings import warn_of_labels, warn_untrained


class Sequential(Stack):
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
            custom loss sees outputs and targets in their own units.

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
        depend on the others. The columns of a frame must be those of `feature_names`; sparse
        matrices of scipy are read as in `fit`. Classes are
        `net.predict(X).argmax(axis=1)`, or after "sigmoid" `net.predict(X)[:, 0] > 0.5`.

        Raises:
            TypeError, ValueError: X is not a finite table of numbers of the right width.
        """
        if self._core is not None and not self._is_fresh:
            outputs: Array | None = self._core.try_predict(X)
            if outputs is not None:
                return outputs
        x = checked_rows(self, X, "predict", least_rows=0)
        if self._is_fresh:
            warn_untrained(self)
        result: Array = self._core_network().predict(x)
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
        loss: str | Loss | CustomLoss | None = None,
        metrics: Sequence[MetricLike] = (),
        sample_weight: ArrayLike | None = None,
    ) -> dict[str, Any]:
        """Loss, without penalties, and metrics on rows X [rows, inputs] with targets y.

        Args:
            loss: None: "cross_entropy" after softmax, "binary_cross_entropy" after sigmoid, else
                "mean_squared_error". A custom loss gets all rows at once.
            metrics: names and functions of `lamina.metrics`, or custom metrics: functions
                `f(y, outputs)` that give a number, with y as the loss has it, class indices [rows]
                or values [rows, columns] whatever its shape was, and outputs [rows, outputs]. One
                with a parameter `sample_weight` is given the weights [rows], or None.
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
        data, chosen = checked_examples(self, X, y, loss, sample_weight, "evaluate", custom=True)
        core = self._core_network()
        scorer.prepare(output_kind(chosen, core.output_activation(), core.outputs), data.targets)
        if isinstance(chosen, _core.Loss):
            outputs = np.empty((len(data.x), core.outputs), self.dtype) if scorer else None
            value = core.evaluate(chosen, data, outputs)
        else:
            outputs = core.predict(data.x)
            value, _ = custom_value(chosen, outputs, data.values)
        figures = {} if outputs is None else scorer.score(data.targets, outputs, data.weights)
        return {"loss": value, **figures}

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        loss: str | Loss | CustomLoss | None = None,
        optimizer: str | Optimizer | FullBatchOptimizer = "adam",
        epochs: int | None = None,
        batch_size: int | None = None,
        validation_data: tuple[ArrayLike, ...] | None = None,
        validation_fraction: float = 0.0,
        metrics: Sequence[MetricLike] = (),
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[int, float] | Literal["balanced"] | None = None,
        callbacks: Sequence[Callback | Any] = (),
        shuffle: bool | RowOrder | None = None,
        accumulate: int | None = None,
        average: WeightAverage | None = None,
        dropout_schedule: Schedule | None = None,
        early_stopping: int | EarlyStopping | None = None,
        target_loss: float | None = None,
        time_limit: float | None = None,
        verbose: Verbose = "auto",
    ) -> History:
        """Train on rows X [rows, inputs] with targets y.

        The same seed, data and calls give the same weights to the last bit, for any number of
        threads (on one instruction set).

        Args:
            X: numbers of any real type and layout, or a frame of pandas, polars or pyarrow (the
                latter two with `lamina[frames]`), whose names are remembered in `feature_names`.
                Or a sparse matrix or array of scipy, best in CSR format: a first `Dense` layer
                reads the stored elements alone, so that memory goes with them and the weights;
                for other first layers batches are made dense, one at a time. `SGD` without
                momentum and `Adagrad` then update the weights that a batch reads alone.
            y: class indices [rows] or probabilities [rows, outputs] for cross-entropy; else
                values [rows] or [rows, outputs].
            loss: a name or object; None as in `evaluate`. A custom loss as in
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
            shuffle: a new order of rows each epoch, unless False; or a function of the epoch (0 for
                the first of this call) that returns the row numbers in their order, each of the
                rows that are trained on once: `lambda epoch: rng.permutation(len(X))`.
            accumulate: batches whose mean gradient makes one update, at least 1, 1 unless given:
                up to rounding the update of one batch of all their rows, in less memory.
            average: a `WeightAverage`; validation, callbacks and the final network use the average.
            dropout_schedule: factors from 0 to 1 at each step, of the rates of `Dropout` and
                `AlphaDropout` and the deviations of `GaussianNoise`: `FlatCosineSchedule(1.0)` ends
                at 0. Steps by hand take the layers' own.
            early_stopping: stop after this many epochs without improvement of the validation loss
                (or the loss) and restore the best weights; or an `EarlyStopping` for more.
            target_loss: stop when the training loss falls to this.
            time_limit: stop after so many seconds, above 0; an epoch that is then broken off after
                a step has no record, but its steps count.
            verbose: "auto": a progress line where standard error is a terminal (but for
                TERM=dumb), and in notebooks; True: a line an epoch; False: nothing.

        Returns:
            The history, also as `net.history`: `history["loss"]` (with the layers' penalties, if
            any), `history["penalty"]` (their part of it, where a layer has one),
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
            "dropout_schedule": dropout_schedule,
        }
        stops = {
            "early_stopping": early_stopping,
            "target_loss": target_loss,
            "time_limit": time_limit,
        }
        options = FitOptions.of(verbose, **batches, **stops)
        with unchanged_on_error(self):
            data, chosen = checked_examples(self, X, y, loss, sample_weight, "fit", custom=True)
            method = make_optimizer(optimizer)
            if isinstance(method, FullBatchOptimizer):
                method.check_options(**batches)
            kind = fit_class(chosen, method)
            fit = kind(self, chosen, method, options, Scorer(metrics), callbacks)
            check_validation(validation_data, validation_fraction)
            validation = None
            if validation_data is not None:
                validation = checked_validation(self, validation_data, chosen, data.x)
            fit.set_data(data, validation)
            if validation_fraction:
                fit.hold_back(validation_fraction)
            fit.set_class_weights(class_weight)
            fit.prepare()
            if loss is None:
                warn_of_labels(chosen, data.values, self._core_network().output_activation())
        return fit.run()

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
        with unchanged_on_error(self):
            x = checked_inputs(self, X, "adapt", remembers=True)
            weights = arrays.sample_weights(sample_weight, rows=len(x), where="adapt")
            targets, chosen = None, None
            if y is not None:
                chosen = checked_loss(self, loss)
                _, targets = checked_targets(self, y, chosen, len(x), "adapt")
            adapt(self, x, targets, weights, chosen)

    def adapt_weights(self, X: ArrayLike, *, scale: bool = True, bias_rows: int = 5) -> None:
        """Fit the first weights to rows X [rows, inputs], before the first `fit`.

        Each `Dense` that learns, one after the other: every unit's weights are divided by the
        standard deviation of their product with what comes in, so that it has variance 1, and every
        bias becomes minus a random mean of that product over some rows, so that a unit bends among
        the data (RealMLP's "std" and "he+5", Holzmueller et al. 2024; Steinwart 2019). Units whose
        product does not vary, such as those of zero weights, stay as they are. Of many rows 4,096
        are taken, drawn by the network's seed, as are the means. A first `Normalization` that has
        no figures yet is adapted before.

        Args:
            scale: divide the weights.
            bias_rows: rows of each unit's mean, at least 0; 0 leaves biases as they are.

        Raises:
            TypeError, ValueError: X is not a finite table of numbers of the right width, or has no
                rows; an option is out of range.
            RuntimeError: another thread is training. Then nothing is changed.
        """
        check_flag(scale, "scale", "adapt_weights")
        check_whole(bias_rows, "bias_rows", "adapt_weights", least=0, below=2**20)
        with unchanged_on_error(self):
            x = checked_inputs(self, X, "adapt_weights", remembers=True)
            adapt_first(self, x)
            core = self._core_network()
            core.adapt_weights(x, scale=bool(scale), bias_rows=int(bias_rows), seed=self.seed)

    # Custom training loops; functions over a stack of layers are methods here

    forward = passes.forward
    backward = passes.backward
    gradients = passes.gradients
    value_and_grad = steps.value_and_grad
    train_step = steps.train_step

    # Derivatives

    activations = derivatives.activations
    jacobian = derivatives.jacobian
    parameter_jacobian = derivatives.parameter_jacobian
    jacobian_vector_product = derivatives.jacobian_vector_product
    vector_jacobian_product = derivatives.vector_jacobian_product
    sample_gradients = derivatives.sample_gradients
    sample_gradient_norms = derivatives.sample_gradient_norms
    hessian_vector_product = derivatives.hessian_vector_product

    # Files and copies

    export_c = code_export.export_c
    export_javascript = code_export.export_javascript
    export_onnx = export_onnx
    export_python = code_export.export_python

    def save(
        self, path: PathLike, *, dtype: StoredDtype | None = None, selftest: ArrayLike | None = None
    ) -> None:
        """Write architecture and weights to one safetensors file; after a crash it is old or new.

        Args:
            dtype: "float16" or "bfloat16", of a network of float32: weights of two or more
                dimensions are rounded to it in the file; `load` gives float32.
            selftest: rows [rows, inputs] that `load(path, selftest=True)` runs and compares.

        Raises:
            ValueError: a weight is beyond `dtype`, or rows do not fit. OSError: as `open` has it.
        """
        rows = model_file.selftest_rows(self, selftest)
        model_file.save_model(path, self, model_file.Extras(dtype=dtype, selftest=rows))

    @staticmethod
    def load(path: PathLike, *, mmap: bool = False, selftest: bool = False) -> "Sequential":
        """As `lamina.load`."""
        return model_file.load_network(path, Sequential, mmap=mmap, selftest=selftest)

    def __getstate__(self) -> dict[str, Any]:
        core = self._core
        # A history belongs to the network that was trained, not to copies.
        left_out = ("_core", "_last_loss", "history")
        state = {k: v for k, v in self.__dict__.items() if k not in left_out}
        return {**state, "_bytes": None if core is None else model_file.model_bytes(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        data = state.pop("_bytes")
        self.__dict__.update(state)
        twin = None if data is None else model_file.model_from_bytes(data, Sequential)
        self._core = None if twin is None else twin.network._core
