"""Layers: what a network is built from. Each is a description; the network holds the weights."""

from dataclasses import dataclass
from typing import Any, ClassVar

from lamina._spec import Spec, name_or_spec


@dataclass(frozen=True)
class Layer:
    """Base of all layers; equal descriptions build equal layers."""

    kind: ClassVar[str]

    def to_spec(self) -> Spec:
        """The description as the core and model files have it."""
        raise NotImplementedError


@dataclass(frozen=True)
class Dense(Layer):
    """Fully connected layer: `f(x @ weight.T + bias)`, [rows, inputs] -> [rows, units].

    Args:
        units: number of outputs.
        activation: name, or dictionary with parameters such as
            `{"kind": "leaky_relu", "negative_slope": 0.1}`. An unknown name lists all there are.
        bias: add a learned offset to each output.
        initializer: first weights: "glorot_uniform", "glorot_normal" (Glorot & Bengio 2010),
            "he_uniform", "he_normal" (He et al. 2015), "lecun_uniform", "lecun_normal" (LeCun
            et al. 1998), "orthogonal" (Saxe et al. 2013), "zeros", or
            `{"kind": "constant", "value": v}`. None: "he_normal" before relu and its smooth
            relatives, else "glorot_uniform".
        bias_initializer: first biases, by the same names.
        trainable: False keeps weights and bias as they are.

    Raises:
        ValueError: when a network is built from it: unknown name or a value out of range.

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

    def to_spec(self) -> Spec:
        """The description as the core and model files have it."""
        spec: Spec = {
            "kind": self.kind,
            "units": self.units,
            "activation": name_or_spec(self.activation, "activation"),
            "bias": self.bias,
            "bias_initializer": name_or_spec(self.bias_initializer, "bias_initializer"),
        }
        if self.initializer is not None:
            spec["initializer"] = name_or_spec(self.initializer, "initializer")
        if not self.trainable:
            spec["trainable"] = False
        return spec


@dataclass(frozen=True)
class Activation(Layer):
    """An activation function as a layer of its own, [rows, n] -> [rows, n].

    Args:
        activation: name or dictionary, as in `Dense`.
    """

    kind: ClassVar[str] = "activation"
    activation: str | Spec

    def to_spec(self) -> Spec:
        """The description as the core and model files have it."""
        return {"kind": self.kind, "activation": name_or_spec(self.activation, "activation")}


@dataclass(frozen=True)
class Dropout(Layer):
    """Sets each value to 0 with probability `rate` in training and scales the rest by 1/(1 - rate).

    Prediction leaves values as they are (Srivastava et al. 2014, inverted form). Which values are
    dropped depends on seed, step, layer, row and column alone, not on threads.

    Args:
        rate: probability in [0, 1), kept to 1/65536.
    """

    kind: ClassVar[str] = "dropout"
    rate: float

    def to_spec(self) -> Spec:
        """The description as the core and model files have it."""
        return {"kind": self.kind, "rate": self.rate}


LAYERS: dict[str, type[Layer]] = {layer.kind: layer for layer in (Dense, Activation, Dropout)}


def layer_from_spec(spec: Spec) -> Layer:
    """The layer that `spec` describes."""
    options: dict[str, Any] = {name: value for name, value in spec.items() if name != "kind"}
    return LAYERS[spec["kind"]](**options)
