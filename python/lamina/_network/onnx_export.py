"""A network as a file of ONNX."""

from collections.abc import Sequence
from typing import Any, Literal

from lamina._checks.packages import missing_package
from lamina._checks.types import PathLike
from lamina._network.stack import Stack


def export_onnx(
    self: Stack,
    path: PathLike | None = None,
    *,
    input_name: str = "input",
    output_name: str = "output",
    input_dtype: Literal["float32", "float64"] | None = None,
    class_names: Sequence[str] | None = None,
) -> Any:
    """Write the network, as `predict` computes it, as a model of ONNX; see docs/onnx.md.

    The graph has one input [rows, inputs] and one output [rows, outputs] for any number of rows,
    and operators of opset 17, with which runtimes since 2022 work. Dropouts and noise are left
    out. The metadata holds "lamina_version", "classes" and "feature_names" where they are known.
    Needs the extra `onnx`.

    Args:
        path: of the file, which is replaced as a whole; None: only return the model.
        input_name, output_name: names of input and output.
        input_dtype: dtype of the input; None: the network's. "float64" keeps all digits of
            time stamps for a first `Normalization`.
        class_names: names of the outputs' classes; of one output those of its 0 and its 1.

    Returns:
        The model, an `onnx.ModelProto`.

    Raises:
        ImportError: the package onnx is not installed. OSError: the file cannot be written.
        TypeError, ValueError: names that cannot be, or a network of more than 2 GiB.

    Example:
        >>> import lamina as lm
        >>> net = lm.Sequential([lm.Dense(8, "relu"), lm.Dense(3, "softmax")], inputs=4)
        >>> [node.op_type for node in net.export_onnx().graph.node]
        ['Gemm', 'Relu', 'Gemm', 'Softmax', 'Identity']
    """
    try:
        from lamina._onnx.files import write_model
        from lamina._onnx.network import network_model
    except ImportError:
        raise missing_package("export_onnx", "onnx") from None
    model = network_model(
        self.to_spec(),
        self.parameters(),
        self.dtype,
        input_name=input_name,
        output_name=output_name,
        input_dtype=input_dtype,
        class_names=class_names,
        feature_names=self.feature_names,
    )
    if path is not None:
        write_model(model, path)
    return model
