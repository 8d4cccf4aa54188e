"""The program of a network of numbers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lamina._export._integers import IntegerRange
from lamina._export._layer_steps import LayerWriter
from lamina._export._program import (
    Math,
    Program,
    Tested,
    class_source,
    finish_program,
    selftest_constants,
    selftest_source,
)
from lamina._export._steps import gradient_code, predict_code
from lamina._export.sources import Network

# Float32's rounding errors, as they add up along a network; by integers a step of 8 bits counts.
TOLERANCES = {"float": 1e-5, "double": 1e-11}
TOLERANCE_OF_INTEGERS = 0.02


def network_program(
    network: Network,
    *,
    math: Math = "own",
    gradient: bool = False,
    ranges: Sequence[IntegerRange] | None = None,
    class_names: Sequence[str] = (),
    tested: Tested | None = None,
) -> Program:
    """The program.

    Args:
        ranges: for products of integers, what each Dense reads; None: products of its own numbers.
        tested: what the self-test compares; None: there is none.
    """
    writer = LayerWriter(network.inputs, network.parameters, network.dtype, ranges=ranges)
    writer.sums_codes = network.sums_codes
    writer.add_layers(network.layers)
    steps = writer.steps
    program = Program(
        [layer.title() for layer in network.layers],
        network.real,
        network.inputs,
        network.outputs,
        list(steps.constants),
        class_names=list(class_names),
        math=math,
        has_integers=ranges is not None,
        tolerance=TOLERANCES[network.real] if ranges is None else TOLERANCE_OF_INTEGERS,
    )
    doc = f"The {network.outputs} outputs y of a row x of {network.inputs} numbers."
    needed = {k: v for k, v in steps.sources.items() if gradient or not k.startswith("back_")}
    sources = [*needed.values(), predict_code("predict", steps, doc)]
    names = ["predict"]
    if class_names:
        sources.append(class_source(len(class_names), "Reals", network.outputs))
        names.append("class_of")
    if gradient:
        if "back_step" in steps.sources:
            raise ValueError("export: gradient is of no use: 'step' has no derivative but 0")
        doc = "v times the Jacobian: the gradient by x of the sum of outputs times v."
        sources.append(gradient_code("vector_jacobian_product", steps, doc))
        sources.append(_GRADIENT.format(outputs=network.outputs))
        names += ["gradient", "vector_jacobian_product"]
    if tested is not None:
        program.constants += selftest_constants(network.real, tested, program.tolerance)
        sources.append(selftest_source(network.inputs, network.outputs, len(tested.rows)))
        names.append("selftest")
    finish_program(program, sources, names)
    return program


_GRADIENT = '''\
def gradient(x: Reals, output: Int, slopes: Reals) -> None:
    """The gradient of one output, counted from 0, with respect to the inputs x."""
    v = reals({outputs})
    clear({outputs}, v)
    v[output] = 1
    vector_jacobian_product(x, v, slopes)
'''


def rows_of_selftest(inputs: int) -> NDArray[np.float32]:
    """Rows of numbers of about 1, the same for every network of so many inputs."""
    return np.random.default_rng(inputs).standard_normal((8, inputs)).astype(np.float32)
