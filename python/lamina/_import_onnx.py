"""Networks from models of ONNX."""

from typing import Any

import numpy as np

from lamina._checks.packages import missing_package
from lamina._checks.types import NDArray, PathLike
from lamina._network.assemble import assemble
from lamina._sequential import Sequential

Array = NDArray[Any]
# How far a network in float64 may be from the graph, some of whose functions the reference
# evaluator computes in float32 whatever they are given.
_BOUND = 1e-6


def import_onnx(model: PathLike | bytes | Any, *, output: str | None = None) -> Sequential:
    """A network from a model of ONNX, as PyTorch, Keras and scikit-learn export them.

    The graph's constants become layers with weights that can be trained further: products, their
    biases, activations however they are spelled, batch, layer and RMS normalisation, learned
    slopes, dropout, scalings of the inputs, residual sums. What a piece of the graph computes is
    found out from its values, and the network is compared with the graph on a few rows. Inputs of
    more than two axes are read as rows of all their numbers in C order. Scores of classes are
    kept, and labels and dictionaries made of them left out; one sigmoid with its complement is a
    softmax of two. Needs the extra `onnx`; see docs/onnx.md.

    Args:
        model: path of the file (weights beside it are read too), its bytes, or an
            `onnx.ModelProto`.
        output: the name of the output, where the model has several of numbers.

    Returns:
        A network in float32, of a float64 input in float64.

    Raises:
        ImportError: the package onnx is not installed. OSError: the file cannot be read.
        TypeError: no model. ValueError: a damaged or invalid one, several inputs, or a part that is
            no layer of lamina's, by its operator and node.

    Example:
        >>> import lamina as lm
        >>> net = lm.Sequential([lm.Dense(8, "gelu"), lm.Dense(3, "softmax")], inputs=4)
        >>> lm.import_onnx(net.export_onnx()).layers
        (Dense(units=8, activation='gelu'), Dense(units=3, activation='softmax'))
    """
    try:
        from lamina._onnx.importing import read_network
    except ImportError:
        raise missing_package("import_onnx", "onnx") from None
    try:
        read = read_network(model, output)
        net = assemble(Sequential, read.parts, read.inputs, "float64")
        _compare(net, read.rows, read.outputs)
        if read.dtype == "float64":
            return net
        return assemble(Sequential, read.parts, read.inputs, read.dtype)
    except ValueError as error:
        # Weights that are not finite, or an option that no layer takes, are told by the layers.
        if str(error).startswith("import_onnx: "):
            raise
        raise ValueError(f"import_onnx: {error}") from None


def _compare(net: Sequential, rows: Array, outputs: Array) -> None:
    """Refuse a network of other outputs [rows, outputs] than those of the graph."""
    got = net.predict(rows)
    there = np.isfinite(outputs)  # where the graph itself overflows nothing can be compared
    bound = _BOUND * (1.0 + np.abs(outputs[there]).max(initial=0.0))
    if got.shape != outputs.shape or not (np.abs(got - outputs)[there] <= bound).all():
        raise ValueError(
            "import_onnx: the layers that the graph was read as give other outputs than the graph; "
            "please report it with the model"
        )
