"""Products of 8-bit integers as steps, in the place of a network's own."""

from lamina._export._integers import IntegerRange, integer_weights
from lamina._export._step_writer import Array, StepWriter
from lamina._export._steps import Value

# Sums of so many products of 8 bits stay within 32 bits, with room for the bias.
MOST_INPUTS = 60_000


def integer_product(
    writer: StepWriter,
    reads: IntegerRange,
    path: str,
    weight: Array,
    bias: Array | None,
    gain: float,
) -> None:
    """Add a product of integers: weight [1 or members, outputs, inputs]."""
    members, outputs, inputs = weight.shape
    if inputs > MOST_INPUTS:
        raise ValueError(
            f"export: dtype 'int8' sums at most {MOST_INPUTS} products in 32 bits, but {path} has "
            f"{inputs} inputs"
        )
    rows = writer.value.rows
    whole = integer_weights(weight.reshape(-1, inputs), bias, gain, reads)
    note = f"[{members * outputs}, {inputs}], each row in steps of its own"
    codes = writer.constant(f"{path}.weight", whole.weight, "byte", note)
    # Not ".bias", which members' own offsets have.
    sums = writer.constant(f"{path}.sums", whole.bias, "int", "biases as sums of integers")
    scale = writer.constant(f"{path}.scale", whole.scale)
    own = int(members > 1)
    count = rows * inputs
    lines = [
        f"quantize({count}, {writer.number(1 / reads.step)}, {reads.zero}, {{x}}, codes)",
        f"product_of_integers({rows}, {inputs}, {outputs}, codes, {codes}, {own}, {sums}, "
        f"{scale}, {{y}})",
    ]
    writer.add(Value(outputs, rows), lines, [], codes=count)
