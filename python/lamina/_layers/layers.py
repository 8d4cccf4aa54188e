"""Layers: what a network is built from. Each is a description; the network holds the weights."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Literal, Self

from lamina._checks.spec import Spec, name_or_spec, what
from lamina._layers.column_encoding import ColumnEncoding
from lamina._layers.column_layers import Embedding, Periodic, PiecewiseLinear
from lamina._layers.layer import Layer
from lamina._layers.row_layers import (
    Affine,
    AlphaDropout,
    Clip,
    GaussianNoise,
    LayerNorm,
    Normalization,
    ParametricActivation,
    PReLU,
    RMSNorm,
    Scale,
    TargetScaling,
)


@dataclass(frozen=True, repr=False)
class Dense(Layer):
    """Fully connected layer: `f(x @ weight.T + bias)`, [rows, inputs] -> [rows, units].

    Args:
        units: number of outputs.
        activation: name, or dictionary with parameters such as
            `{"kind": "leaky_relu", "negative_slope": 0.1}`; `Activation` lists them.
        bias: add a learned offset to each output.
        initializer: first weights: "glorot_uniform", "glorot_normal" (Glorot & Bengio 2010),
            "he_uniform", "he_normal" (He et al. 2015), "lecun_uniform", "lecun_normal" (LeCun
            et al. 1998), "orthogonal" (Saxe et al. 2013), "normal" (of deviation 1, or
            `{"kind": "normal", "deviation": s}`), "zeros", or `{"kind": "constant", "value": v}`.
            None: "he_normal" before relu and its relatives, "lecun_normal" before selu,
            "he_uniform" before sin, else "glorot_uniform"; "normal" with parametrization "ntk".
        bias_initializer: first biases, by the same names.
        trainable: False keeps weights and bias as they are; a step goes back no further than to
            the first layer that learns.
        l1, l2: penalties on the weights, at least 0: the loss that training reports and lowers
            includes l1 sum |w| + l2 sum w^2, and `backward` adds their gradient; `evaluate` and
            "val_loss" measure the data alone. A frozen layer has none.
        max_norm: after each update every unit's incoming weights are scaled down to this
            Euclidean norm, where they exceed it (Srebro & Shraibman 2005); None: no limit.
        non_negative: after each update weights below 0 become 0.
        rate_factor: factor of the optimizer's learning rate for this layer, at least 0.
        decay_factor: factor of its weight decay.
        bias_rate_factor, bias_decay_factor: further factors for the biases alone.
        parametrization: "ntk": `f(x @ weight.T / sqrt(inputs) + bias)` (Jacot et al. 2018), so that
            weights of variance 1 keep the variance of x, and one learning rate suits layers of any
            width. Penalties, max_norm and decay see the weights without the factor. "standard":
            without.

    Raises:
        TypeError, ValueError: unknown name or a value out of range.

    Example:
        >>> import lamina as lm
        >>> lm.Dense(64, "relu").units
        64
    """

    kind: ClassVar[str] = "dense"
    units: int
    activation: str | Spec = "identity"
    bias: bool = True
    initializer: str | Spec | None = None
    bias_initializer: str | Spec = "zeros"
    trainable: bool = True
    _: KW_ONLY
    l1: float = 0.0
    l2: float = 0.0
    max_norm: float | None = None
    non_negative: bool = False
    rate_factor: float = 1.0
    decay_factor: float = 1.0
    bias_rate_factor: float = 1.0
    bias_decay_factor: float = 1.0
    parametrization: Literal["standard", "ntk"] = "standard"

    def to_spec(self) -> Spec:
        """The description as the core and model files have it."""
        spec = super().to_spec()
        for name in ("activation", "initializer", "bias_initializer"):
            if name in spec:
                spec[name] = name_or_spec(spec[name], name)
        return spec


@dataclass(frozen=True, repr=False)
class Activation(Layer):
    """An activation function as a layer of its own, [rows, n] -> [rows, n].

    By element z:

    - "identity" (or "linear"): z. "relu": max(z, 0) (Nair & Hinton 2010). "relu6": at most 6.
    - "leaky_relu": z, or negative_slope z below 0 (Maas et al. 2013); negative_slope 0.01.
    - "elu": z, or alpha (exp(z) - 1) below 0 (Clevert et al. 2016); alpha 1. "celu": with
      alpha (exp(z / alpha) - 1) (Barron 2017). "selu": scaled so that means and variances keep
      themselves (Klambauer et al. 2017), with "lecun_normal" weights.
    - "gelu": z Phi(z), and "gelu_tanh", its approximation (Hendrycks & Gimpel 2016). "silu" (or
      "swish"): z sigmoid(z) (Elfwing et al. 2018). "mish": z tanh(softplus(z)) (Misra 2019).
      "hard_swish" (or "hard_silu"): z min(max(z + 3, 0), 6) / 6 (Howard et al. 2019).
    - "sigmoid" (or "logistic"): 1 / (1 + exp(-z)). "log_sigmoid": its logarithm. "hard_sigmoid":
      min(max(z + 3, 0), 6) / 6. "softplus": log(1 + exp(z)) (Dugas et al. 2001).
    - "tanh". "hard_tanh": min(max(z, -1), 1). "softsign": z / (1 + |z|) (Bergstra et al. 2009).
    - "sin" (or "sine"): sin(frequency z) (Sitzmann et al. 2020); frequency 1. "gaussian":
      exp(-z^2).
    - "step" (or "heaviside"): 1 above 0, else 0; for prediction alone, since nothing is learned
      through it.
    - With learned slopes: the layer `PReLU`.

    Over a row: "softmax": exp(z_k) / sum_j exp(z_j) (Bridle 1990); its logarithm "log_softmax".

    Args:
        activation: name or dictionary, as in `Dense`.
    """

    kind: ClassVar[str] = "activation"
    activation: str | Spec

    def to_spec(self) -> Spec:
        """The description as the core and model files have it."""
        return {"kind": self.kind, "activation": name_or_spec(self.activation, "activation")}


@dataclass(frozen=True, repr=False)
class Dropout(Layer):
    """Sets each value to 0 with probability `rate` in training and scales the rest by 1/(1 - rate).

    Prediction leaves values as they are (Srivastava et al. 2014, inverted form). Which values are
    dropped depends on seed, step, layer, row and column alone, not on threads. With
    `fit(dropout_schedule=...)` the rate changes from step to step.

    Args:
        rate: probability in [0, 1), kept to 1/65536.
    """

    kind: ClassVar[str] = "dropout"
    rate: float


@dataclass(frozen=True, repr=False)
class BatchNorm(Layer):
    """Each column to mean 0 and variance 1 over the batch (Ioffe & Szegedy 2015), [rows, n].

    `weight * (x - mean) / sqrt(var + epsilon) + bias`. Training takes mean and (biased) variance
    of the batch, so its rows depend on each other; prediction takes "running_mean" and
    "running_var", which are saved with the weights and which every training step moves by
    `momentum` towards the batch's mean and unbiased variance. In a custom training loop
    `forward(training=True)` and `value_and_grad` remember the batch's statistics, and
    `optimizer.step` lets the running ones follow the last remembered. Sample weights do not
    count in them. `compile_predictor` folds the layer into a `Dense` beside it.

    A training batch needs at least 2 rows; in `fit`, a last batch of one row joins the one before.
    Weight decay leaves weight and bias alone unless the optimizer has `decay_biases=True`.

    Args:
        momentum: share of the new statistics in the running ones, in [0, 1].
        epsilon: added to the variance, at least 1e-12.
        scale: learn "weight" [n], 1 at first; else it is 1.
        shift: learn "bias" [n], 0 at first; else it is 0.
        trainable: False keeps weight, bias and running statistics as they are, and training
            normalises by the latter as prediction does, so that rows are independent.
        rate_factor: factor of the optimizer's learning rate, at least 0.
        decay_factor: factor of its weight decay, where that applies.

    Raises:
        TypeError, ValueError: a value out of range.

    Example:
        >>> import lamina as lm
        >>> layers = [lm.Dense(8, bias=False), lm.BatchNorm(), lm.Activation("relu"), lm.Dense(1)]
        >>> list(lm.Sequential(layers, inputs=4).parameters())[1:4]
        ['layers.1.weight', 'layers.1.bias', 'layers.1.running_mean']
    """

    kind: ClassVar[str] = "batch_norm"
    momentum: float = 0.1
    epsilon: float = 1e-5
    scale: bool = True
    shift: bool = True
    _: KW_ONLY
    trainable: bool = True
    rate_factor: float = 1.0
    decay_factor: float = 1.0


@dataclass(frozen=True, repr=False)
class Block(Layer):
    """Base of layers that hold other layers."""

    layers: Sequence[Layer]

    def __post_init__(self) -> None:
        name = type(self).__name__
        if isinstance(self.layers, Layer):
            raise TypeError(f"{name}: expected a list of layers, got {type(self.layers).__name__}")
        object.__setattr__(self, "layers", tuple(self.layers))
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"{name}: expected layers, got {what(layer)}")
        super().__post_init__()

    def to_spec(self) -> Spec:
        """The description as the core and model files have it."""
        return {**super().to_spec(), "layers": [layer.to_spec() for layer in self.layers]}

    @classmethod
    def from_options(cls, options: Spec) -> Self:
        """The layer with these options of its description."""
        return cls(**{**options, "layers": [layer_from_spec(spec) for spec in options["layers"]]})

    def title(self) -> str:
        """Name and main options, for summaries."""
        return f"{type(self).__name__}({len(self.layers)} layers)"


@dataclass(frozen=True, repr=False)
class Residual(Block):
    """A block with a skip: `inner(x) + skip(x)`, [rows, n] -> [rows, m] (He et al. 2016).

    The skip is x itself, or where the widths differ a learned projection `x @ weight.T`
    ("projection.weight" [m, n]). An activation after the sum is a layer of its own. Blocks may
    stand in blocks, at most 16 deep.

    Args:
        layers: the inner layers, at least one; the input's width goes into the first of them.
        projection: "auto": where the widths differ; True: always; False: never.
        trainable: False keeps the projection's weights as they are; the inner layers have options
            of their own.
        rate_factor, decay_factor: of the projection, as in `Dense`.

    Raises:
        ValueError: when a network is built from it: the widths differ and projection is False.

    Example:
        >>> import lamina as lm
        >>> block = lm.Residual([lm.Dense(8, "relu"), lm.Dense(4)])
        >>> net = lm.Sequential([block, lm.Activation("relu"), lm.Dense(1)], inputs=4)
        >>> list(net.parameters())[:2]
        ['layers.0.layers.0.weight', 'layers.0.layers.0.bias']
    """

    kind: ClassVar[str] = "residual"
    projection: Literal["auto"] | bool = "auto"
    _: KW_ONLY
    trainable: bool = True
    rate_factor: float = 1.0
    decay_factor: float = 1.0


@dataclass(frozen=True, repr=False)
class Ensemble(Block):
    """`k` networks that share most of their weights: TabM (Gorishniy et al. 2025).

    The members share `layers` but for the last, a `Dense` of which each has its own, and differ in
    factors: member j reads x times its row of "input_scales" [k, inputs]. All of them run as one
    product of rows * k rows. Training lowers the mean of the members' losses, never the loss of
    their mean; the outputs of `predict`, and what `evaluate` and metrics measure, are the mean of
    the members' outputs (of probabilities after softmax or sigmoid). An `Ensemble` is the last
    layer of a network. Members see the same batches, each with dropout of its own;
    `BatchNorm` takes its statistics over the rows of all members.

    Args:
        layers: those of one member, from the input to the outputs; the last one a `Dense`.
        k: the number of members, 1 to 1024.
        adapters: "first": the factors of the inputs alone (TabM-mini); "all": every other dense
            layer has factors of its inputs and outputs and a bias by member too,
            `s * (W @ (r * x)) + b`, with r and s 1 at first and b the same for all (TabM).
        first_scales: first factors of the inputs: "signs", 1 or -1; "normal", the paper's
            choice for inputs that are embeddings.
        chunks: widths of neighbouring inputs that share one first factor, such as those of one
            feature's embedding; they add up to the inputs. None: each input has its own.
        trainable: False keeps the factors as they are; the layers have options of their own.
        rate_factor, decay_factor: of the factors, as in `Dense`.

    Raises:
        TypeError, ValueError: a value out of range; when a network is built from it: another
            layer follows it (but `TargetScaling`), or it stands in a block.

    Example:
        >>> import lamina as lm
        >>> members = lm.Ensemble([lm.Dense(8, "relu"), lm.Dense(1)], k=4)
        >>> net = lm.Sequential([members], inputs=3)
        >>> list(net.parameters())[:2]
        ['layers.0.input_scales', 'layers.0.layers.0.weight']
    """

    kind: ClassVar[str] = "ensemble"
    k: int = 32
    adapters: Literal["first", "all"] = "first"
    _: KW_ONLY
    first_scales: Literal["signs", "normal"] = "signs"
    chunks: Sequence[int] | None = None
    trainable: bool = True
    rate_factor: float = 1.0
    decay_factor: float = 1.0

    def __post_init__(self) -> None:
        if self.chunks is not None:
            object.__setattr__(self, "chunks", tuple(self.chunks))
        super().__post_init__()

    def to_spec(self) -> Spec:
        """The description as the core and model files have it."""
        spec = super().to_spec()
        return {**spec, "chunks": list(spec["chunks"])} if "chunks" in spec else spec

    def title(self) -> str:
        """Name and main options, for summaries."""
        return f"Ensemble({len(self.layers)} layers, k={self.k})"


LAYERS: dict[str, type[Layer]] = {
    layer.kind: layer
    for layer in (
        *(Dense, Activation, Dropout, AlphaDropout, GaussianNoise, PReLU, BatchNorm, LayerNorm),
        *(ParametricActivation, RMSNorm, Scale, Normalization, Affine, Clip, ColumnEncoding),
        *(Embedding, PiecewiseLinear, Periodic, Residual, Ensemble, TargetScaling),
    )
}


def layer_from_spec(spec: Spec) -> Layer:
    """The layer that `spec` describes."""
    options: dict[str, Any] = {name: value for name, value in spec.items() if name != "kind"}
    return LAYERS[spec["kind"]].from_options(options)
