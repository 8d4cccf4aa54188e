"""Writes steps one after the other, with the constants that they read."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina._checks.spec import Spec
from lamina._export._integers import IntegerRange
from lamina._export._steps import Step, Steps, Value, constant

Array = NDArray[Any]
# Activations with a parameter: its name, and its value where none is given.
PARAMETERS = {
    "leaky_relu": ("negative_slope", 0.01),
    "elu": ("alpha", 1.0),
    "celu": ("alpha", 1.0),
    "sin": ("frequency", 1.0),
}


class StepWriter:
    """Writes the steps of layers one after the other.

    Args:
        inputs: of the network. parameters: its arrays by name. dtype: "float32" or "float64".
        prefix: of the names of constants. ranges: for products of integers what each Dense reads,
            in their order; None: products of the network's numbers.
    """

    def __init__(
        self,
        inputs: int,
        parameters: Mapping[str, Array],
        dtype: str,
        prefix: str = "",
        ranges: Sequence[IntegerRange] | None = None,
    ) -> None:
        self.value = Value(inputs)
        self.steps = Steps(self.value)
        self.parameters, self.prefix = parameters, prefix
        self.type: Any = np.dtype(dtype).type
        self.real = "float" if dtype == "float32" else "double"
        self.ranges = None if ranges is None else iter(ranges)
        self.title = ""

    def parameter(self, name: str) -> Array:
        """An array of the network."""
        return self.parameters[name]

    def constant(self, name: str, values: Any, kind: str = "", note: str = "") -> str:
        """Keep a constant array; gives its name."""
        whole = self.prefix + name.replace(".", "_")
        if not any(known.name == whole for known in self.steps.constants):
            self.steps.constants.append(constant(whole, kind or self.real, values, note))
        return whole

    def number(self, value: float) -> str:
        """A number in the network's type."""
        return repr(float(self.type(value)))

    def add(
        self,
        target: Value,
        lines: list[str],
        back: list[str],
        *,
        in_place: bool = False,
        other: Value | None = None,
        codes: int = 0,
    ) -> None:
        """Add a step from the present value to a target, which is the present one then."""
        step = Step(self.title, self.value, target, lines, back, in_place, other, codes)
        self.steps.each.append(step)
        self.value = target

    def change(self, lines: list[str], back: list[str]) -> None:
        """Add a step in place."""
        self.add(Value(self.value.columns, self.value.rows), lines, back, in_place=True)

    def need(self, name: str, template: str, activation: str, parameter: float | None) -> None:
        """Keep a function that runs an activation over an array."""
        words = {"name": activation, "parameter": "", "argument": ""}
        if parameter is not None:
            words |= {"parameter": "parameter: Real, ", "argument": ", parameter"}
        self.steps.sources[name] = template.format(**words)

    def add_activation(self, activation: str | Spec) -> None:
        """An activation, in place."""
        name, parameter = name_and_parameter(activation)
        rows, columns, count = self.value.rows, self.value.columns, self.value.size
        if name == "identity":
            return
        if name in ("softmax", "log_softmax"):
            size = f"{rows}, {columns}"
            self.change([f"{name}({size}, {{y}})"], [f"back_{name}({size}, {{y}}, {{dy}}, {{dx}})"])
            return
        more = "" if parameter is None else f"{self.number(parameter)}, "
        self.need(f"apply_{name}", _APPLY, name, parameter)
        self.need(f"back_{name}", _BACK, name, parameter)
        lines = [f"apply_{name}({count}, {more}{{y}})"]
        self.change(lines, [f"back_{name}({count}, {more}{{x}}, {{dy}}, {{dx}})"])

    def add_affine(
        self, name: str, factors: Array, offset: str | None, rows: int, values: Any = None
    ) -> None:
        """y * factor + offset by column of `rows` rows."""
        columns = self.value.size // rows
        scale = self.constant(name, factors)
        back = [f"back_scale_columns({rows}, {columns}, {scale}, {{dy}}, {{dx}})"]
        if offset is None:
            self.change([f"scale_columns({rows}, {columns}, {scale}, {{y}})"], back)
            return
        shift = self.constant(offset, self.parameter(offset) if values is None else values)
        lines = [f"scale_columns_and_shift({rows}, {columns}, {scale}, {shift}, {{y}})"]
        self.change(lines, back)


_APPLY = '''\
def apply_{name}(count: Int, {parameter}y: Reals) -> None:
    """The activation {name}."""
    for i in range(count):
        y[i] = {name}(y[i]{argument})
'''
_BACK = '''\
def back_{name}(count: Int, {parameter}x: Reals, dy: Reals, dx: Reals) -> None:
    """Of the activation {name}."""
    for i in range(count):
        dx[i] = fma(dy[i], slope_of_{name}(x[i]{argument}), dx[i])
'''


def name_and_parameter(activation: str | Spec) -> tuple[str, float | None]:
    """An activation's name, and its parameter where it has one."""
    spec = {"kind": activation} if isinstance(activation, str) else activation
    name = str(spec["kind"])
    if name not in PARAMETERS:
        return name, None
    key, usual = PARAMETERS[name]
    return name, float(spec.get(key, usual))
