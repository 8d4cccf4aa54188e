"""Steps of a network, each from one value to another, and the functions that run them.

A step's lines are of the language of `_words.py`; {x} and {y} in them stand for its source and its
target, {o} for another value that it reads, and {dx}, {dy} and {do} for what reaches these from the
outputs.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

NAMES = "abcdefgh"
TYPES: dict[str, Any] = {
    "float": np.float32,
    "double": np.float64,
    "int": np.int64,
    "byte": np.int8,
}


class Constant(NamedTuple):
    """A constant array: numbers of "float", "double", "int" or "byte", or "text"."""

    name: str
    kind: str
    values: NDArray[Any] | list[str]
    note: str = ""

    @property
    def bytes(self) -> int:
        """Its size; of texts that of their characters."""
        if self.kind == "text":
            return sum(len(str(text).encode()) + 1 for text in self.values)
        each = {"float": 4, "double": 8, "int": 4, "byte": 1}[self.kind]
        return each * len(self.values)


@dataclass(eq=False)
class Value:
    """Numbers [rows, columns] between two steps; rows are those of an ensemble's members."""

    columns: int
    rows: int = 1

    @property
    def size(self) -> int:
        """How many numbers."""
        return self.rows * self.columns


@dataclass(eq=False)
class Step:
    """One step; `in_place`: it changes a copy of its source, or the source itself."""

    title: str
    source: Value
    target: Value
    lines: list[str]
    back: list[str]
    in_place: bool = False
    other: Value | None = None
    codes: int = 0  # integers of 8 bits that it needs room for


@dataclass
class Steps:
    """The steps of a network in their order, and the constants that they read."""

    inputs: Value
    each: list[Step] = field(default_factory=list)
    constants: list[Constant] = field(default_factory=list)
    # Functions of the language that the steps call beside those of the library, by name.
    sources: dict[str, str] = field(default_factory=dict)

    @property
    def output(self) -> Value:
        """The last value."""
        return self.each[-1].target if self.each else self.inputs


def predict_code(name: str, steps: Steps, doc: str) -> str:
    """A function of x and y that runs the steps, in as little room as they need."""
    chains, rooms = _chains(steps)
    lines, titles = _rooms(rooms), set[str]()
    codes = max((step.codes for step in steps.each), default=0)
    if codes:
        lines.append(f"codes = bytes_of({codes})")
    for step in steps.each:
        if step.title not in titles:
            lines.append(repr(step.title))
            titles.add(step.title)
        lines += _forward(step, chains)
    if chains[steps.output] != "y":
        lines.append(f"copy({steps.output.size}, {chains[steps.output]}, y)")
    return _function(name, "x: Reals, y: Reals", doc, lines)


def gradient_code(name: str, steps: Steps, doc: str) -> str:
    """A function of x, v [outputs] and gradient [inputs]: v times the Jacobian."""
    values = [steps.inputs, *(step.target for step in steps.each)]
    names = {value: f"value_{i}" for i, value in enumerate(values)} | {steps.inputs: "x"}
    deltas = {value: f"delta_{i}" for i, value in enumerate(values)} | {steps.inputs: "gradient"}
    rooms = {name: value.size for value, name in names.items() if name != "x"}
    rooms |= {name: value.size for value, name in deltas.items() if name != "gradient"}
    lines = _rooms(rooms)
    for step in steps.each:
        lines += _forward(step, names)
    for value in values:
        lines.append(f"clear({value.size}, {deltas[value]})")
    lines.append(f"back_add({steps.output.size}, v, {deltas[steps.output]})")
    for step in reversed(steps.each):
        lines += _filled(step, step.back, names, deltas)
    return _function(name, "x: Reals, v: Reals, gradient: Reals", doc, lines)


def room_of_function(source: str) -> int:
    """Elements of the arrays that a function of this source makes, each counted once."""
    total = 0
    for line in source.splitlines():
        _, _, call = line.partition(" = reals(")
        total += int(call.rstrip(")")) if call else 0
    return total


def _function(name: str, parameters: str, doc: str, lines: Iterable[str]) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f'def {name}({parameters}) -> None:\n    """{doc}"""\n{body}\n'


def _rooms(rooms: dict[str, int]) -> list[str]:
    return [f"{name} = reals({size})" for name, size in rooms.items()]


def _forward(step: Step, names: dict[Value, str]) -> list[str]:
    lines = list(step.lines)
    if step.in_place and names[step.source] != names[step.target]:
        lines.insert(0, f"copy({step.source.size}, {{x}}, {{y}})")
    return _filled(step, lines, names, {})


def _filled(
    step: Step, lines: list[str], names: dict[Value, str], deltas: dict[Value, str]
) -> list[str]:
    other = step.other
    words = {"x": names[step.source], "y": names[step.target]}
    words["o"] = "" if other is None else names[other]
    if deltas:
        words |= {"dx": deltas[step.source], "dy": deltas[step.target]}
        words["do"] = "" if other is None else deltas[other]
    return [line.format(**words) for line in lines]


def _chains(steps: Steps) -> tuple[dict[Value, str], dict[str, int]]:
    """The array of each value, and the sizes of arrays: values that are no longer read share them.

    Steps in place follow one another in one array; the last of them in `y`, the outputs.
    """
    last_read = {steps.output: len(steps.each)}
    for i, step in enumerate(steps.each):
        for value in (step.source, *([step.other] if step.other is not None else [])):
            last_read[value] = max(last_read.get(value, 0), i)
    chain_of: dict[Value, list[Value]] = {steps.inputs: [steps.inputs]}
    for i, step in enumerate(steps.each):
        joins = step.in_place and last_read[step.source] == i and step.source is not steps.inputs
        chain = chain_of[step.source] if joins else []
        chain.append(step.target)
        chain_of[step.target] = chain
    names: dict[Value, str] = {steps.inputs: "x"}
    sizes: dict[str, int] = {}
    free: list[str] = []
    final = chain_of[steps.output]
    for i, step in enumerate(steps.each):
        if step.target not in names:
            chain = chain_of[step.target]
            name = "y" if chain is final and steps.output is not steps.inputs else ""
            name = name or (free.pop() if free else f"room_{NAMES[len(sizes)]}")
            names |= dict.fromkeys(chain, name)
            if name != "y":
                sizes[name] = max(sizes.get(name, 0), step.target.size)
        for value in {step.source, step.other or step.source}:
            done = last_read[value] == i and names[value] not in ("x", "y")
            if done and names[value] != names[step.target]:
                free.append(names[value])
    return names, sizes


def constant(name: str, kind: str, values: Any, note: str = "") -> Constant:
    """A constant array of numbers.

    Raises:
        ValueError: a number is beyond its type.
    """
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(values, dtype=TYPES[kind]).ravel()
    if kind == "float" and not np.isfinite(array).all():
        raise ValueError(
            f"export: {name} would hold numbers beyond float32's 3.4e38; the model's weights, or "
            "the calibration rows, are too large"
        )
    return Constant(name, kind, array, note)
