"""A model as functions of the language and constant arrays, which the writers print."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamina._export._language import Function, Library, room_sizes
from lamina._export._steps import Constant, constant

Math = Literal["own", "libm"]
# The files `_code_NAME.py`.
_CODE = (
    *("formulas", "activations", "slopes", "layers", "columns"),
    *("backward", "tables", "integers"),
)
_BYTES = {"float": 4, "double": 8, "int": 4, "byte": 1}


class Column(NamedTuple):
    """A column of a table that a model reads: its kind is "number", "category" or "date"."""

    name: str
    kind: str
    note: str


class Answer(NamedTuple):
    """What a function of a row writes: its name, how many numbers, and what they are."""

    function: str
    numbers: int
    note: str


@dataclass
class Table:
    """What a model of a table reads and answers."""

    columns: list[Column]
    answers: list[Answer]
    # Rows of the self-test, of which one that misses everything comes last.
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Program:
    """What the writers print.

    Attributes:
        what: lines that say what the model is. real: "float" or "double", the type of its numbers.
        inputs, outputs: numbers of a row. functions: each behind those that it calls.
        public: names of those that users call. tolerance: how far the self-test's answers may be.
    """

    what: list[str]
    real: str
    inputs: int
    outputs: int
    constants: list[Constant] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    public: list[str] = field(default_factory=list)
    class_names: list[str] = field(default_factory=list)
    table: Table | None = None
    math: Math = "own"
    has_integers: bool = False
    tolerance: float = 1e-5
    version: str = ""

    @property
    def data_bytes(self) -> int:
        """Bytes of the constants, without those of the self-test."""
        return sum(each.bytes for each in self.constants if not each.name.startswith("selftest"))

    @property
    def stack_bytes(self) -> int:
        """Bytes of arrays that a prediction needs at once, at most."""
        needs: dict[int, int] = {}
        for function in self.functions:
            own = 0
            for name, size in room_sizes(function).items():
                own += size * _BYTES[function.locals[name].removesuffix("[]")]
            called = [needs[id(other)] for other in function.calls.values()]
            needs[id(function)] = own + max(called, default=0)
        public = [f for f in self.functions if f.name in self.public and f.name != "selftest"]
        return max((needs[id(function)] for function in public), default=0)


def finish_program(program: Program, sources: Sequence[str], names: Sequence[str]) -> None:
    """Read the sources, and take in the named functions with all that they call.

    Of the constants those stay that a function reads.
    """
    arrays = {each.name: f"{each.kind}[]" for each in program.constants}
    files = [*_CODE, *(["libm"] if program.math == "libm" else [])]
    library = Library(files, arrays, own_roots=program.math == "own")
    for source in sources:
        library.add(source)
    program.functions = library.needed(names, program.real)
    program.public = list(names)
    read = {
        node.id
        for function in program.functions
        for node in ast.walk(ast.Module(function.body, []))
        if isinstance(node, ast.Name)
    }
    program.constants = [each for each in program.constants if each.name in read]


def class_source(count: int, kind: str, outputs: int) -> str:
    """The function that chooses a class, given the outputs or the probabilities."""
    if outputs == 1:
        body = "    return 1 if y[0] > 0.5 else 0\n"
    else:
        body = (
            "    best = 0\n"
            f"    for i in range(1, {count}):\n"
            "        best = i if y[i] > y[best] else best\n"
            "    return best\n"
        )
    doc = "The number of the most probable class, given the outputs of a row."
    return f'def class_of(y: {kind}) -> Int:\n    """{doc}"""\n{body}'


def selftest_source(inputs: int, outputs: int, rows: int) -> str:
    """The function that predicts stored rows."""
    return f'''\
def selftest() -> Int:
    """Predicts stored rows: 0 where all are right, else the number of the first wrong one."""
    x = reals({inputs})
    y = reals({outputs})
    for r in range({rows}):
        copy_part({inputs}, selftest_inputs, r * {inputs}, x, 0)
        predict(x, y)
        for i in range({outputs}):
            if not magnitude(y[i] - selftest_outputs[r * {outputs} + i]) <= selftest_limits[i]:
                return r + 1
    return 0
'''


class Tested(NamedTuple):
    """What a self-test compares.

    Attributes:
        rows: [rows, inputs], or dictionaries by column. expected: the model's outputs of them.
        found: what the generated code gives on this machine.
    """

    rows: Any
    expected: NDArray[Any]
    found: NDArray[Any]

    def limits(self, tolerance: float) -> NDArray[Any]:
        """How far each output may be: a share of the greatest one.

        Where roundings make a difference here they may make one of that kind elsewhere too.
        """
        seen = np.abs(self.found - self.expected).max(axis=0)
        limits: NDArray[Any] = tolerance * np.abs(self.expected).max(axis=0) + 4 * seen
        limits[limits == 0] = np.finfo(np.float32).tiny
        return limits


def selftest_constants(real: str, tested: Tested, tolerance: float) -> list[Constant]:
    """Rows, their outputs, and how far each output may be."""
    return [
        constant("selftest_inputs", real, tested.rows),
        constant("selftest_outputs", real, tested.expected),
        constant("selftest_limits", real, tested.limits(tolerance)),
    ]
