"""Estimators from fitted ones of scikit-learn and from networks, and networks from estimators."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from lamina._layers.layers import Dense
from lamina._sequential import Sequential

# What the outputs of a network are, by the kind of its last activation.
_OUTPUTS = {"softmax": "softmax", "sigmoid": "logistic", "identity": "identity"}


def take_over(kind: type, fitted: Any) -> Any:
    """An estimator with the parameters and all that a fit of scikit-learn's left.

    Raises:
        TypeError: not scikit-learn's estimator of that name. NotFittedError: it is not fitted.
    """
    theirs = getattr(neural_network, kind.__name__)
    if not isinstance(fitted, theirs):
        raise TypeError(
            f"from_sklearn: expected sklearn.neural_network.{kind.__name__}, got "
            f"{type(fitted).__module__}.{type(fitted).__name__}"
        )
    check_is_fitted(fitted)
    own = kind(**fitted.get_params(deep=False))
    own._set_unfitted()
    kept = ("_label_binarizer", "_no_improvement_count")
    for name, value in vars(fitted).items():
        if name in kept or (name.endswith("_") and not name.startswith("_")):
            setattr(own, name, copy.deepcopy(value))
    return own


def network_of(estimator: Any) -> Sequential:
    """A copy of a fitted estimator's network, with the names of its features."""
    check_is_fitted(estimator)
    net: Sequential = estimator._link().net.copy()
    if hasattr(estimator, "feature_names_in_"):
        net._feature_names = tuple(estimator.feature_names_in_)
    return net


def estimator_of(kind: type, net: Sequential, classes: Any, options: dict[str, Any]) -> Any:
    """An estimator with the layers and weights of a network.

    Raises:
        TypeError: no network. ValueError: layers that an estimator does not have, or classes that
            are not those of its outputs.
    """
    if not isinstance(net, Sequential):
        raise TypeError(f"from_sequential: expected a Sequential, got {type(net).__name__}")
    if net.inputs is None:
        raise ValueError("from_sequential: expected a network whose inputs are known")
    last = _last(net.layers)
    widths = [layer.units for layer in net.layers]  # type: ignore[attr-defined]
    activations = tuple(layer.activation for layer in net.layers[:-1])  # type: ignore[attr-defined]
    same = all(activation == activations[0] for activation in activations)
    if activations:
        options = {"activation": activations[0] if same else activations, **options}
    own = kind(hidden_layer_sizes=tuple(widths[:-1]), **options)
    own._set_unfitted()
    values = net.parameters()
    places = range(len(widths))
    own.coefs_ = [np.ascontiguousarray(values[f"layers.{i}.weight"].T) for i in places]
    own.intercepts_ = [values[f"layers.{i}.bias"] for i in places]
    own.n_features_in_, own.n_outputs_, own.n_layers_ = net.inputs, widths[-1], len(widths) + 1
    own.out_activation_ = last
    if net.feature_names and all(isinstance(name, str) for name in net.feature_names):
        own.feature_names_in_ = np.array(net.feature_names, dtype=object)
    own._take_classes(classes)
    return own


def _last(layers: Sequence[Any]) -> str:
    """The output activation, by scikit-learn's name."""
    for layer in layers:
        if not isinstance(layer, Dense) or not layer.bias:
            raise ValueError(
                f"from_sequential: expected Dense layers with biases alone, got {layer!r}"
            )
    last = layers[-1].activation
    if last not in _OUTPUTS:
        raise ValueError(
            f"from_sequential: expected a last activation of {', '.join(_OUTPUTS)}, got {last!r}"
        )
    return _OUTPUTS[last]


def binarizer_of(classes: Any, outputs: int, last: str) -> LabelBinarizer:
    """What turns labels into targets, for classes in the order of the outputs.

    Raises:
        ValueError: the classes are not in order, or not as many as the outputs mean.
    """
    labels = np.asarray(classes)
    if last == "logistic" and outputs > 1:
        if labels.shape != (outputs,) or (labels != np.arange(outputs)).any():
            raise ValueError(
                f"from_sequential: expected classes=range({outputs}) for as many labels a row, got "
                f"{classes!r}"
            )
        return LabelBinarizer().fit(np.array([[0] * outputs, [1] * outputs]))
    wanted = 2 if outputs == 1 else outputs
    if labels.ndim != 1 or len(labels) != wanted or list(np.unique(labels)) != list(labels):
        raise ValueError(
            f"from_sequential: expected {wanted} classes in ascending order, got {classes!r}"
        )
    return LabelBinarizer().fit(labels)
