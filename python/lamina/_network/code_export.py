"""Networks as source code; methods of `Sequential`."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from lamina._checks.types import ArrayLike, PathLike
from lamina._export.options import CodeOptions, Exported
from lamina._export.sources import Network
from lamina._network.checked_data import checked_inputs
from lamina._network.stack import Array, Stack

Dtype = Literal["float32", "float64", "int8"]


def export_c(
    net: Stack,
    path: PathLike,
    *,
    prefix: str = "model",
    dtype: Dtype | None = None,
    math: Literal["own", "libm"] = "own",
    gradient: bool = False,
    calibration: ArrayLike | None = None,
    class_names: Sequence[str] = (),
) -> Exported:
    """Write the network as one header of C99, which is C++ too; see docs/export.md.

    All in it is static, it needs no heap and no other file, and `PREFIX_predict(x, y)` gives the
    outputs of a row: in float32 those of `predict` to the last bit, or within a few units of it
    where the network has tanh, gelu, softmax or normalisations of rows. `PREFIX_selftest()` is 0
    where stored rows come out right.

    Args:
        path: of the file, such as "model.h".
        prefix: of all names in it: letters, digits and underscores.
        dtype: None: the network's own. "float32": of a network of float64. "int8": weights as
            integers of 8 bits, a quarter of the size, whose products are sums of integers of 32
            bits; all but dense layers stays in the network's own numbers.
        math: "own": exponentials and the like as lamina computes them, without any library; "libm":
            by <math.h>, which may be smaller or faster on a device.
        gradient: add `PREFIX_gradient(x, output, slopes)`, the gradient of one output with respect
            to x, and `PREFIX_vector_jacobian_product(x, v, slopes)`.
        calibration: rows [rows, inputs] for dtype "int8", like those of training; of more than 256
            so many are taken.
        class_names: names of the outputs, `PREFIX_class_names`; `PREFIX_class_of(y)` chooses one.

    Returns:
        The file's path, and the bytes of constants and of stack that a prediction takes.

    Raises:
        ValueError: options that do not go together. OSError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> import lamina as lm
        >>> net = lm.Sequential([lm.Dense(8, "relu"), lm.Dense(1)], inputs=2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     exported = net.export_c(f"{folder}/model.h")
        >>> exported.constants, exported.stack
        (132, 32)
    """
    options = CodeOptions("c", prefix, dtype, math, gradient)
    return _export(net, path, options, calibration, class_names)


def export_python(
    net: Stack,
    path: PathLike,
    *,
    dtype: Dtype | None = None,
    gradient: bool = False,
    calibration: ArrayLike | None = None,
    class_names: Sequence[str] = (),
) -> Exported:
    """Write the network as one Python module that needs the standard library alone.

    `predict(x)` gives the outputs of one row as a list; options are those of `export_c`.
    """
    options = CodeOptions("python", dtype=dtype, gradient=gradient)
    return _export(net, path, options, calibration, class_names)


def export_javascript(
    net: Stack,
    path: PathLike,
    *,
    prefix: str = "model",
    dtype: Dtype | None = None,
    gradient: bool = False,
    calibration: ArrayLike | None = None,
    class_names: Sequence[str] = (),
) -> Exported:
    """Write the network as one JavaScript file for Node.js and browsers.

    A file named .mjs is an ES module; any other works by `import` and `require` of Node.js, and as
    a script, which sets the variable `prefix`. `predict(x)` gives the outputs of one row; options
    are those of `export_c`.
    """
    options = CodeOptions("js", prefix, dtype, gradient=gradient)
    return _export(net, path, options, calibration, class_names)


def exported_network(net: Stack) -> Network:
    """The network as exports read it."""
    core = net._core_network()
    return Network(
        net.layers, net.parameters(), core.inputs, core.outputs, net.dtype, core.sums_codes
    )


def _export(
    net: Stack,
    path: PathLike,
    options: CodeOptions,
    calibration: ArrayLike | None,
    class_names: Sequence[str],
) -> Exported:
    from lamina._export.exports import export_network

    options.check(has_calibration=calibration is not None)
    network = exported_network(net)
    rows = None if calibration is None else checked_inputs(net, calibration, "export")

    def predict(rows: Array) -> Array:
        outputs: Array = net._core_network().predict(np.ascontiguousarray(rows, dtype=net.dtype))
        return outputs

    return export_network(
        path, network, predict, options, calibration=rows, class_names=class_names
    )
