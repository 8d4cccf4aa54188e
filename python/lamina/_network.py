"""Sequential: a stack of layers with its weights."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lamina import _arrays, _core
from lamina._arrays import Dtype
from lamina._callbacks import Callback
from lamina._fit import Fit, FitOptions, Verbose, weighted, with_class_weights
from lamina._history import History
from lamina._layers import Layer, layer_from_spec
from lamina._losses import Loss, core_loss, default_loss
from lamina._metrics import METRICS
from lamina._optimizers import Optimizer, make_optimizer
from lamina._spec import Spec, to_json

Array = NDArray[Any]
MetricLike = str | Callable[..., float]
CoreNetwork = Any  # _core.NetworkFloat32 | _core.NetworkFloat64, whose methods differ in dtype alone


class Sequential:
    """A network of layers, each feeding the next; [rows, inputs] -> [rows, outputs].

    Weights may be trained by one thread at a time; `predict` and `evaluate` may run from any
    number of threads, also meanwhile: during `fit` they use the weights at the end of the last epoch.

    Args:
        layers: the layers, input side first.
        inputs: input features; None: taken from the first batch.
        seed: of the first weights, shuffling and dropout, in [0, 2^64).
        dtype: "float32" or "float64", of weights and arithmetic.

    Raises:
        ValueError: an option of a layer is unknown or out of range (at once where `inputs` is
            given, else at the first batch).

    Example:
        >>> import lamina as lm
        >>> net = lm.Sequential([lm.Dense(8, "tanh"), lm.Dense(1)], inputs=2)
        >>> net.predict([[0.0, 1.0]]).shape
        (1, 1)
    """

    def __init__(
        self,
        layers: Iterable[Layer],
        *,
        inputs: int | None = None,
        seed: int = 0,
        dtype: Dtype = "float32",
    ) -> None:
        self.layers: tuple[Layer, ...] = tuple(layers)
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"Sequential: expected layers, got {type(layer).__name__}")
        if not self.layers:
            raise ValueError("Sequential: expected at least one layer, got none")
        if dtype not in ("float32", "float64"):
            raise ValueError(f"Sequential: expected dtype float32 or float64, got {dtype!r}")
        self.dtype: Dtype = dtype
        self.seed = checked_seed(seed)
        self.epochs_trained = 0
        self._forward_steps = 0
        self._core: CoreNetwork | None = None
        if inputs is not None:
            self._build(inputs)

    # Structure and weights

    @property
    def inputs(self) -> int | None:
        """Input features; None until they are known."""
        return None if self._core is None else self._core.inputs

    @property
    def outputs(self) -> int | None:
        """Outputs; None until the input features are known."""
        return None if self._core is None else self._core.outputs

    def to_spec(self) -> Spec:
        """The architecture, as model files have it."""
        spec: Spec = json.loads(self._core_network().spec())
        return spec

    def parameters(self) -> dict[str, Array]:
        """Copies of all weights by name: "layers.0.weight" [out, in], "layers.0.bias" [out], ..."""
        core = self._core_network()
        return {name: core.get_parameter(i) for i, name in enumerate(core.parameter_names)}

    def set_parameters(self, parameters: Mapping[str, ArrayLike]) -> None:
        """Set the named weights; others stay.

        Raises:
            ValueError: unknown name, wrong shape, NaN or infinity. Then nothing is changed.
        """
        core = self._core_network()
        names = core.parameter_names
        checked: list[tuple[int, Array]] = []
        for name, value in parameters.items():
            if name not in names:
                raise ValueError(
                    f"set_parameters: unknown name {name!r}; there are {', '.join(names)}"
                )
            index = names.index(name)
            array = _arrays.contiguous(value, dtype=self.dtype, where="set_parameters", name=name)
            expected = core.get_parameter(index).shape
            if array.shape != expected:
                raise ValueError(
                    f"set_parameters: {name} expected shape {expected}, got {array.shape}"
                )
            if not np.isfinite(array).all():
                raise ValueError(f"set_parameters: {name} expected finite numbers")
            checked.append((index, array))
        for index, array in checked:
            core.set_parameter(index, array)

    def reset(self, seed: int | None = None) -> None:
        """Draw the first weights anew, from `seed` or the network's own."""
        chosen = self.seed if seed is None else checked_seed(seed)
        self._core_network().initialize(chosen)
        self.seed = chosen
        self.epochs_trained = 0

    def copy(self) -> Self:
        """A network of its own with equal weights."""
        twin = type(self)(self.layers, inputs=self.inputs, seed=self.seed, dtype=self.dtype)
        twin.epochs_trained = self.epochs_trained
        if self._core is not None:
            twin.set_parameters(self.parameters())
        return twin

    def summary(self) -> None:
        """Print layers, widths and parameter counts."""
        print(self._summary_text())

    # Use

    def predict(self, X: ArrayLike) -> Array:
        """Outputs for rows X [rows, inputs]: [rows, outputs] in the network's dtype.

        X may be memory-mapped and larger than memory; a row's outputs do not depend on the others.

        Raises:
            TypeError, ValueError: X is not a finite table of numbers of the right width.
        """
        x = self._inputs(X, "predict")
        result: Array = self._core_network().predict(x, None)
        return result

    def evaluate(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        loss: str | Loss | None = None,
        metrics: Sequence[MetricLike] = (),
        sample_weight: ArrayLike | None = None,
    ) -> dict[str, float]:
        """Loss and metrics on rows X [rows, inputs] with targets y.

        Args:
            loss: None: "cross_entropy" after softmax, "binary_cross_entropy" after sigmoid, else
                "mean_squared_error".
            metrics: names ("accuracy", "rmse", "mae", "r2", "log_loss", "roc_auc") or functions
                `f(y, outputs)`.
            sample_weight: weight of each row [rows], at least 0.

        Returns:
            {"loss": ..., and each metric by its name}.
        """
        wanted = named_metrics(metrics)
        x, chosen, classes, values, weights = self._batch(X, y, loss, sample_weight, "evaluate")
        core = self._core_network()
        outputs = np.empty((len(x), core.outputs), self.dtype) if wanted else None
        value = core.evaluate(chosen, x, classes, values, weights, outputs, None)
        return {
            "loss": value,
            **{name: weighted(metric, y, outputs, weights) for name, metric in wanted.items()},
        }

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        loss: str | Loss | None = None,
        optimizer: str | Optimizer = "adam",
        epochs: int = 10,
        batch_size: int = 32,
        validation_data: tuple[ArrayLike, ...] | None = None,
        validation_fraction: float = 0.0,
        metrics: Sequence[MetricLike] = (),
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[int, float] | Literal["balanced"] | None = None,
        callbacks: Sequence[Callback | Any] = (),
        shuffle: bool = True,
        early_stopping: int | None = None,
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
            loss: a name or object; None as in `evaluate`.
            optimizer: a name (a fresh optimizer) or an object (keeps its state across calls).
            epochs: passes over the data, at least 1.
            batch_size: rows of one update, at least 1; the last batch may be shorter.
            validation_data: (X, y) or (X, y, sample_weight), evaluated after each epoch.
            validation_fraction: share of the rows held back for that instead, in [0, 1): random,
                by the seed; with class targets the same share of each class.
            metrics: as in `evaluate`; over the rows of the epoch as they are trained on ("accuracy")
                and on the validation data ("val_accuracy").
            sample_weight: weight of each row [rows]: a row of weight k counts like k rows.
            class_weight: weight of each class, multiplied into the rows' weights; "balanced":
                rows / (classes * rows of the class).
            callbacks: see `Callback`.
            shuffle: a new order of rows each epoch.
            early_stopping: stop after so many epochs without improvement of the validation loss
                (or the loss), with the best weights put back; see `EarlyStopping` for more.
            target_loss: stop when the training loss falls to this.
            verbose: "auto": a progress line where standard error is a terminal; True: a line an
                epoch; False: nothing.

        Returns:
            The history: `history["loss"]` and so on, one value an epoch.

        Raises:
            TypeError, ValueError: data or options do not fit; nothing has changed.
            NotFiniteError: a loss or weight became NaN or infinite; names epoch, step and layer. The
                weights are those of the last step whose loss was finite.
            KeyboardInterrupt: Ctrl-C; weights are those of the last whole step.
            RuntimeError: another thread is training this network.
        """
        options = FitOptions(epochs, batch_size, shuffle, early_stopping, target_loss, verbose)
        with self._unchanged_on_error():
            x, chosen, classes, values, weights = self._batch(X, y, loss, sample_weight, "fit")
            weights = with_class_weights(class_weight, weights, classes, values, self.dtype)
            fit = Fit(
                self, chosen, make_optimizer(optimizer), options, named_metrics(metrics), callbacks
            )
            fit.set_data(x, classes, values, weights)
            if validation_data is not None:
                if validation_fraction:
                    raise ValueError(
                        "fit: expected validation_data or validation_fraction, got both"
                    )
                fit.set_validation(*self._validation(validation_data, chosen))
            elif validation_fraction:
                fit.hold_back(validation_fraction)
        return fit.run()

    # Training by hand

    def forward(self, X: ArrayLike, *, training: bool = False) -> Array:
        """Outputs [rows, outputs] for one batch X [rows, inputs], remembered for `backward`.

        Args:
            training: True applies dropout, with another mask at every call.
        """
        x = self._inputs(X, "forward")
        self._forward_steps += training
        result: Array = self._core_network().forward(x, training, self.seed, self._forward_steps)
        return result

    def backward(
        self, output_gradient: ArrayLike, *, gradients: bool = True, input_gradient: bool = True
    ) -> Array | None:
        """Back-propagate dL/doutputs [rows, outputs] of the last `forward`.

        Args:
            gradients: compute those of the weights; see `gradients()`.
            input_gradient: compute and return dL/dX [rows, inputs]; else None is returned.

        Raises:
            RuntimeError: `forward` was not called before. ValueError: wrong shape.
        """
        array = _arrays.contiguous(
            output_gradient, dtype=self.dtype, where="backward", name="output_gradient"
        )
        result: Array | None = self._core_network().backward(array, gradients, input_gradient)
        return result

    def gradients(self) -> dict[str, Array]:
        """Gradients of the last `backward` or `value_and_grad`, named and shaped as `parameters()`."""
        core = self._core_network()
        arrays = core.gradients()
        if arrays is None:
            raise RuntimeError("gradients: expected a call of backward or value_and_grad before it")
        return dict(zip(core.parameter_names, arrays, strict=True))

    def value_and_grad(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        loss: str | Loss | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, dict[str, Array]]:
        """Loss of all rows as one batch (dropout active), and its gradients by parameter name."""
        x, chosen, classes, values, weights = self._batch(X, y, loss, sample_weight, "value_and_grad")
        self._forward_steps += 1
        value = self._core_network().value_and_gradient(
            chosen, x, classes, values, weights, self.seed, self._forward_steps
        )
        return value, self.gradients()

    def train_step(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        optimizer: Optimizer,
        loss: str | Loss | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """One update on all rows as one batch; returns the loss before it.

        Raises:
            NotFiniteError: as in `fit`.
        """
        x, chosen, classes, values, weights = self._batch(X, y, loss, sample_weight, "train_step")
        handle = optimizer.handle_for(self)
        value: float = self._core_network().train_step(
            chosen, handle, x, classes, values, weights, self.seed
        )
        return value

    def jacobian(self, X: ArrayLike) -> Array:
        """Derivative of each output by each input, [rows, outputs, inputs], as in prediction."""
        outputs = self.forward(X)
        columns = []
        for k in range(outputs.shape[1]):
            direction = np.zeros_like(outputs)
            direction[:, k] = 1.0
            columns.append(self.backward(direction, gradients=False))
        return np.stack(columns, axis=1)  # type: ignore[arg-type]

    # Files

    def save(self, path: str | Path) -> None:
        """Write architecture and weights to one safetensors file; see `lamina.load`.

        Written atomically: after a crash the old file or the new one is there, whole.

        Raises:
            OSError: the file cannot be written.
        """
        from lamina._model_file import save_model

        save_model(path, self)

    def __getstate__(self) -> dict[str, Any]:
        from lamina._model_file import model_bytes

        core = self._core
        state = {k: v for k, v in self.__dict__.items() if k != "_core"}
        return {**state, "_bytes": None if core is None else model_bytes(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        from lamina._model_file import network_from_bytes

        data = state.pop("_bytes")
        self.__dict__.update(state)
        self._core = None if data is None else network_from_bytes(data)._core

    def __repr__(self) -> str:
        return self._summary_text()

    # Helpers

    @classmethod
    def from_spec(cls, spec: Spec, *, seed: int = 0, dtype: Dtype = "float32") -> Self:
        """The network that `to_spec` described, with first weights from `seed`."""
        layers = [layer_from_spec(layer) for layer in spec["layers"]]
        return cls(layers, inputs=spec["inputs"], seed=seed, dtype=dtype)

    def _build(self, inputs: int) -> None:
        spec = {"inputs": inputs, "layers": [layer.to_spec() for layer in self.layers]}
        kind = _core.NetworkFloat32 if self.dtype == "float32" else _core.NetworkFloat64
        self._core = kind(to_json(spec), self.seed)

    def _core_network(self) -> CoreNetwork:
        if self._core is None:
            raise RuntimeError(
                "Sequential: the number of input features is not known yet; give inputs=, or call "
                "fit or predict first"
            )
        return self._core

    def _inputs(self, X: ArrayLike, where: str) -> Array:
        columns = None if self._core is None else self._core.inputs
        array = _arrays.inputs(X, columns=columns, dtype=self.dtype, where=where)
        if self._core is None:
            self._build(array.shape[1])
        return array

    def _loss(self, loss: str | Loss | None) -> _core.Loss:
        return core_loss(
            default_loss(self._core_network().output_activation()) if loss is None else loss
        )

    def _targets(
        self, y: ArrayLike, loss: _core.Loss, rows: int, where: str
    ) -> tuple[Array | None, Array | None]:
        return _arrays.targets(
            y, loss=loss, rows=rows, outputs=self._core_network().outputs, dtype=self.dtype, where=where
        )

    def _batch(
        self, X: ArrayLike, y: ArrayLike, loss: str | Loss | None, weight: ArrayLike | None, where: str
    ) -> tuple[Array, _core.Loss, Array | None, Array | None, Array | None]:
        with self._unchanged_on_error():
            x = self._inputs(X, where)
            chosen = self._loss(loss)
            classes, values = self._targets(y, chosen, len(x), where)
            weights = _arrays.sample_weights(weight, rows=len(x), dtype=self.dtype, where=where)
        return x, chosen, classes, values, weights

    @contextmanager
    def _unchanged_on_error(self) -> Iterator[None]:
        """Where data are refused, the number of inputs taken from them is forgotten again."""
        before = self._core
        try:
            yield
        except BaseException:
            self._core = before
            raise

    def _validation(
        self, data: tuple[ArrayLike, ...], loss: _core.Loss
    ) -> tuple[Array, Array | None, Array | None, Array | None]:
        if not 2 <= len(data) <= 3:
            raise ValueError(
                f"fit: expected validation_data as (X, y) or (X, y, sample_weight), got {len(data)} parts"
            )
        where = "fit, validation_data"
        x = self._inputs(data[0], where)
        classes, values = self._targets(data[1], loss, len(x), where)
        weight = data[2] if len(data) == 3 else None
        return (
            x,
            classes,
            values,
            _arrays.sample_weights(weight, rows=len(x), dtype=self.dtype, where=where),
        )

    def _summary_text(self) -> str:
        if self._core is None:
            return f"Sequential({list(self.layers)}, inputs not known yet)"
        widths, names = self._core.layer_widths, self._core.parameter_names
        sizes = {name: array.size for name, array in self.parameters().items()}
        lines = [f"{'layer':<34}{'outputs':>10}{'parameters':>14}"]
        for index, layer in enumerate(self.layers):
            own = sum(sizes[name] for name in names if name.startswith(f"layers.{index}."))
            options = [v for k, v in vars(layer).items() if k in ("units", "activation", "rate")]
            title = f"{type(layer).__name__}({', '.join(str(option) for option in options)})"
            lines.append(f"{title:<34}{widths[index + 1]:>10,}{own:>14,}")
        total = sum(sizes.values())
        lines.append(f"{widths[0]:,} inputs, {total:,} parameters, {self.dtype}")
        return "\n".join(lines)


def checked_seed(seed: int) -> int:
    """A seed that the core takes; TypeError or ValueError for others."""
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool):
        raise TypeError(f"seed: expected a whole number, got {seed!r}")
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed: expected a number from 0 to 2^64 - 1, got {seed}")
    return int(seed)


def named_metrics(metrics: Sequence[MetricLike]) -> dict[str, Callable[..., float]]:
    """Metric functions by name; ValueError for unknown names."""
    if isinstance(metrics, str):
        raise TypeError(f"metrics: expected a list, got the text {metrics!r}; write [{metrics!r}]")
    named: dict[str, Callable[..., float]] = {}
    for metric in metrics:
        if callable(metric):
            named[getattr(metric, "__name__", type(metric).__name__)] = metric
        elif metric in METRICS:
            named[metric] = METRICS[metric]
        elif metric != "loss":
            known = ", ".join(METRICS)
            raise ValueError(f"metrics: unknown name {metric!r}; expected some of {known}")
    return named
