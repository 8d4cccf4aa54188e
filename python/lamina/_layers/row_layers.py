"""Layers that work on each row alone: normalisation, scaling, clipping, noise, learned slopes."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np

from lamina._checks.spec import Spec, name_or_spec
from lamina._checks.types import NDArray
from lamina._layers.layer import Layer

Numbers = float | Sequence[float] | NDArray[np.floating]


@dataclass(frozen=True, repr=False)
class _Learned(Layer):
    """What layers with learned rows share.

    Weight decay leaves their parameters alone unless the optimizer has `decay_biases=True`.
    """

    _: KW_ONLY
    trainable: bool = True
    rate_factor: float = 1.0
    decay_factor: float = 1.0


@dataclass(frozen=True, repr=False)
class PReLU(_Learned):
    """Parametric ReLU: z, or weight * z below 0, with learned slopes (He et al. 2015).

    [rows, n] -> [rows, n]; put it after a `Dense` without activation, with "he_normal" weights.
    Its parameter, the slopes, is "weight", [n] or [1].

    Args:
        initial_slope: first value of every slope, in [-1e6, 1e6].
        shared: one slope for all columns instead of one for each.
        trainable: False keeps the slopes as they are.
        rate_factor: factor of the optimizer's learning rate, at least 0.
        decay_factor: factor of its weight decay, where that applies.

    Example:
        >>> import lamina as lm
        >>> net = lm.Sequential([lm.PReLU(0.5)], inputs=2)
        >>> net.predict([[-2.0, 2.0]]).tolist()
        [[-1.0, 2.0]]
    """

    kind: ClassVar[str] = "prelu"
    initial_slope: float = 0.25
    shared: bool = False


@dataclass(frozen=True, repr=False)
class ParametricActivation(_Learned):
    """An activation with a learned weight a unit: z + (f(z) - z) * weight, [rows, n] -> [rows, n].

    A weight of 1 is the activation itself, 0 the identity (Holzmueller et al. 2024); put it after a
    `Dense` without activation. Its parameter is "weight" [n].

    Args:
        activation: any elementwise one but "step", as in `Activation`.
        initial_weight: first value of every weight, in [-1e6, 1e6].
        trainable, rate_factor, decay_factor: as in `PReLU`.

    Example:
        >>> import lamina as lm
        >>> net = lm.Sequential([lm.ParametricActivation("relu", 0.5)], inputs=2)
        >>> net.predict([[-2.0, 2.0]]).tolist()
        [[-1.0, 2.0]]
    """

    kind: ClassVar[str] = "parametric_activation"
    activation: str | Spec
    initial_weight: float = 1.0

    def to_spec(self) -> Spec:
        """The description as the core and model files have it."""
        activation = name_or_spec(self.activation, "activation")
        return {**super().to_spec(), "activation": activation}


@dataclass(frozen=True, repr=False)
class LayerNorm(_Learned):
    """Layer normalisation (Ba, Kiros & Hinton 2016): each row to mean 0 and variance 1.

    (x - mean) / sqrt(variance + epsilon) * weight + bias, mean and variance (divided by n) over
    the row's n columns; [rows, n] -> [rows, n], in training as in prediction.

    Args:
        epsilon: added to the variance, in [1e-12, 1].
        scale: learn "weight" [n], 1 at first; else it is 1.
        shift: learn "bias" [n], 0 at first; else it is 0.
        trainable, rate_factor, decay_factor: as in `PReLU`.
    """

    kind: ClassVar[str] = "layer_norm"
    epsilon: float = 1e-5
    scale: bool = True
    shift: bool = True


@dataclass(frozen=True, repr=False)
class RMSNorm(_Learned):
    """Root-mean-square normalisation (Zhang & Sennrich 2019).

    x / sqrt(mean of x^2 + epsilon) * weight, over each row; [rows, n] -> [rows, n].

    Args:
        epsilon: added to the mean of squares, in [1e-12, 1].
        scale: learn "weight" [n], 1 at first; else it is 1.
        trainable, rate_factor, decay_factor: as in `PReLU`.
    """

    kind: ClassVar[str] = "rms_norm"
    epsilon: float = 1e-6
    scale: bool = True


@dataclass(frozen=True, repr=False)
class Scale(_Learned):
    """A learned factor for each column: x * weight + bias, [rows, n] -> [rows, n].

    With a small first factor at the end of a residual block it is the layer scale of Touvron et
    al. (2021).

    Args:
        initial_scale: first value of every factor "weight" [n], in [-1e6, 1e6].
        shift: learn an offset "bias" [n] too, 0 at first.
        trainable, rate_factor, decay_factor: as in `PReLU`.
    """

    kind: ClassVar[str] = "scale"
    initial_scale: float = 1.0
    shift: bool = False


@dataclass(frozen=True, repr=False)
class Normalization(Layer):
    """Standardises each input feature: (x - mean) / deviation, [rows, n] -> [rows, n].

    Mean and deviation (the root of the variance) are parameters that training leaves alone; they
    are saved with the network. `net.adapt(X)` takes them from data. `fit` does so for a
    first layer that was never adapted, from its training rows (and their weights); until then
    the layer changes nothing. A constant feature has deviation 0 and is only centred. "rows" [1]
    tells from how many rows the figures were taken.

    As the first layer it subtracts in float64, before rows are rounded to the network's dtype: time
    stamps (1.7e9 s, or int64 in ns) and coordinates keep their differences, in batches as in single
    rows. For that the mean is the sum of two parameters, "mean" and "mean_low" [n].

    Example:
        >>> import lamina as lm
        >>> net = lm.Sequential([lm.Normalization()], inputs=1)
        >>> net.adapt([[1.0], [3.0]])
        >>> net.predict([[5.0]]).tolist()
        [[3.0]]
    """

    kind: ClassVar[str] = "normalization"


@dataclass(frozen=True, repr=False)
class TargetScaling(Layer):
    """The last layer of a network that scales its targets: x * scale + shift, in their units.

    `Sequential(..., scale_targets=True)` adds it. A loss compares x, what comes before this layer,
    with (target - shift) / scale, so that targets of any units train alike and a mean squared error
    of 1 is that of the constant guess. `predict`, metrics and derivatives of outputs are in the
    targets' own units.

    "scale" and "shift" [n] are parameters that training leaves alone: deviation and mean of each
    column of the targets, which `fit` takes from its training rows (and their weights) unless they
    are there already, as does `net.adapt(X, y)`. Constant targets have scale 1. Log variances of
    `GaussianNegativeLogLikelihood` have scale 1 and shift 2 log(deviation). "rows" [1] tells from
    how many rows the figures were taken.

    Args:
        clip: limit predictions to the range of each column of those targets, which are two more
            parameters, "low" and "high" [n]; log variances have none. Training and its losses, and
            "val_loss", see outputs without the limits; metrics see predictions.
    """

    kind: ClassVar[str] = "target_scaling"
    clip: bool = False


@dataclass(frozen=True, repr=False)
class Affine(Layer):
    """Fixed scaling: x * scale + offset, [rows, n] -> [rows, n].

    As a last layer it takes outputs of about 1 to the target's units: `Affine(y.std(), y.mean())`.
    As a first one it scales inputs row by row as they are read: with `Affine(1 / 255)` a network
    trains on images of bytes (uint8, also memory-mapped) without a float copy of them.

    Args:
        scale: a number, or one for each column, in [-1e30, 1e30].
        offset: the same.

    Raises:
        TypeError: not numbers. ValueError: out of range, or (when a network is built) another
            number of columns.

    Example:
        >>> import lamina as lm
        >>> net = lm.Sequential([lm.Affine(2.0, [0.0, 10.0])], inputs=2)
        >>> net.predict([[1.0, 1.0]]).tolist()
        [[2.0, 12.0]]
    """

    kind: ClassVar[str] = "affine"
    scale: Numbers = 1.0
    offset: Numbers = 0.0

    def __post_init__(self) -> None:
        for name in ("scale", "offset"):
            object.__setattr__(self, name, _plain_numbers(getattr(self, name), name))
        super().__post_init__()


@dataclass(frozen=True, repr=False)
class Clip(Layer):
    """Limits values: min(max(x, low), high), [rows, n] -> [rows, n].

    The gradient passes where low <= x <= high, and is 0 elsewhere.

    Args:
        low, high: the limits, low < high; None: none on that side, but not on both.
    """

    kind: ClassVar[str] = "clip"
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, repr=False)
class AlphaDropout(Layer):
    """Dropout for selu networks (Klambauer et al. 2017); keeps mean 0 and variance 1.

    In training each value becomes selu's limit a = -1.7581 with probability `rate`, and all then
    p x + q with p = (k + a^2 k (1 - k))^(-1/2), q = -p (1 - k) a, k = 1 - rate. Prediction leaves
    values as they are. What is dropped depends on seed, step, layer, row and column alone.

    Args:
        rate: probability in [0, 1), kept to 1/65536.
    """

    kind: ClassVar[str] = "alpha_dropout"
    rate: float


@dataclass(frozen=True, repr=False)
class GaussianNoise(Layer):
    """Adds normal noise of mean 0 in training (Bishop 1995); prediction leaves values as they are.

    The noise depends on seed, step, layer, row and column alone, not on threads.

    Args:
        deviation: standard deviation of the noise, in [0, 1e6].
    """

    kind: ClassVar[str] = "gaussian_noise"
    deviation: float


def _plain_numbers(value: Numbers, name: str) -> float | tuple[float, ...]:
    """A number or a flat tuple of numbers, which compare and hash."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(
            f"Affine: expected {name} as a number or a list of numbers, got {value!r}"
        ) from None
    if array.ndim > 1:
        raise ValueError(f"Affine: expected {name} as one number a column, got {array.ndim} axes")
    return float(array) if array.ndim == 0 else tuple(array.tolist())
