"""Prints functions of the language as Python that needs its standard library alone."""

import ast
from collections.abc import Iterator

import numpy as np

from lamina._export._language import Function
from lamina._export._printer import Printer, swapped_words

_ROOM = {"reals": "0.0", "doubles": "0.0", "integers": "0", "bytes_of": "0"}
# Products are most of the work: whole rows at once are several times as fast as numbers one by one.
FAST_PRODUCT = '''\
def _add_product(rows, inputs, outputs, x, weight, y):
    """Adds x times weight[inputs, outputs] to y; inputs of 0, as of one-hot codes, cost nothing."""
    for r in range(rows):
        total = y[r * outputs : (r + 1) * outputs]
        for i in range(inputs):
            value = x[r * inputs + i]
            if value != 0:
                row = weight[i * outputs : (i + 1) * outputs]
                total = array("CODE", [value * w + t for w, t in zip(row, total)])
        y[r * outputs : (r + 1) * outputs] = total
'''
WORDS = {
    "_f": '''\
def _f(x):
    """A number as float32 has it: each operation rounds so, as in the model."""
    return c_float(x).value
''',
    "_floor": '''\
def _floor(x):
    """The greatest whole number that is not above."""
    return float(math.floor(x)) if math.isfinite(x) else x
''',
    "_integer": '''\
def _integer(x):
    """The number without its fraction; 0 where there is none."""
    return int(x) if math.isfinite(x) else 0
''',
    "_power_of_two": '''\
def _power_of_two(n):
    """2^n, and 0 below the smallest normal number."""
    return 0.0 if n <= LEAST else math.ldexp(1.0, n)
''',
    "_upper_half": '''\
def _upper_half(x):
    """The number without the lower half of its fraction, so that its square is exact."""
    bits = struct.unpack("INTEGER", struct.pack("NUMBER", x))[0]
    return struct.unpack("NUMBER", struct.pack("INTEGER", bits & MASK))[0]
''',
    "_character": '''\
def _character(text, place):
    """The code of a character; 0 behind the last one."""
    return ord(text[place]) if place < len(text) else 0
''',
}


class PythonPrinter(Printer):
    """Python; names of the model's own functions begin with an underscore.

    Args:
        public: functions that users call.
    """

    indent = "    "
    negation, both, either = "not ", "and", "or"

    def __init__(self, real: str, public: frozenset[str]) -> None:
        super().__init__(real)
        self.public = public
        self.used: set[str] = set()

    def number(self, value: float, kind: str) -> str:
        if kind == "bool":
            return str(bool(value))
        if kind == "float":
            value = float(np.float32(value))
        return str(int(value)) if kind == "int" else repr(float(value))

    def text(self, value: str) -> str:
        return ascii(value)

    def choice(self, test: str, yes: str, no: str) -> str:
        return f"{yes} if {test} else {no}"

    def rounded(self, text: str, kind: str) -> str:
        return self._helper("_f", text) if kind == "float" else text

    def comment(self, text: str) -> list[str]:
        return [f"# {text}"]

    def array(self, name: str) -> str:
        return f"_{name}"

    def function_name(self, function: Function) -> str:
        other = "" if function.real == self.real else f"_{function.real}"
        return f"{'' if function.name in self.public else '_'}{function.name}{other}"

    def _helper(self, name: str, *args: str) -> str:
        self.used.add(name)
        return f"{name}({', '.join(args)})"

    def word(self, name: str, args: list[str], node: ast.Call) -> str:
        kind = self.kind(node)
        match name:
            case "fma":
                return self._sum(f"{self._product(node)} + {self._within(node.args[2], 15)}", kind)
            case "fnma":
                return self._sum(f"{self._within(node.args[2], 15)} - {self._product(node)}", kind)
            case "root":
                return self.rounded(f"math.sqrt({args[0]})", kind)
            case "real" | "double":
                if self.kind(node.args[0]) == "int":
                    return f"float({args[0]})"
                narrows = kind == "float" and self.kind(node.args[0]) == "double"
                return self._helper("_f", args[0]) if narrows else self._within(node.args[0], 20)
            case "behind_blanks":
                return args[1]
            case "byte":
                return self._within(node.args[0], 20)
            case "magnitude":
                return f"abs({args[0]})"
            case "exponent":
                return f"(math.frexp({args[0]})[1] - 1)"
            case "missing":
                return "math.nan"
            case "is_absent":
                return f"({args[0]} is None)"
            case "same_texts":
                return f"({args[0]} == {args[1]})"
            case "row_number" | "row_date" | "row_text" | "trimmed":
                return self._helper(f"_{name}", *args)
        if name in _ROOM:
            return f"[{_ROOM[name]}] * {args[0]}"
        return self._helper(f"_{name}", *args)

    def _product(self, node: ast.Call) -> str:
        return " * ".join(self._within(node.args[place], 17) for place in (0, 1))

    def _sum(self, text: str, kind: str) -> str:
        return self.rounded(text, kind) if kind == "float" else f"({text})"

    # Statements

    def print_function(self, function: Function) -> list[str]:
        self.function = function
        names = ", ".join(self.local(name) for name, _ in function.parameters)
        doc = [f'{self.indent}"""{function.doc}"""'] if function.doc else []
        if function.name == "add_product" and function.real == self.real:
            code = "f" if self.real == "float" else "d"
            return FAST_PRODUCT.replace("CODE", code).splitlines()
        return [
            f"def {self.function_name(function)}({names}):",
            *doc,
            *(self.block(function.body) or [f"{self.indent}pass"]),
        ]

    def statement(self, node: ast.stmt) -> Iterator[str]:
        note = self.note(node)
        if note is not None:
            yield from note
            return
        match node:
            case (
                ast.Assign(targets=[target], value=value)
                | ast.AnnAssign(target=target, value=ast.expr() as value)
            ):
                yield f"{self.value(target)} = {self.value(value)}"
            case ast.AugAssign(target=target, op=operator, value=value):
                yield f"{self.value(target)} {self.symbol(operator)}= {self.value(value)}"
            case ast.For(target=target, iter=ast.Call(args=limits), body=body):
                counts = ", ".join(self.value(limit) for limit in limits)
                yield from [f"for {ast.unparse(target)} in range({counts}):", *self.block(body)]
            case ast.While(test=test, body=body):
                yield from [f"while {self.value(test)}:", *self.block(body)]
            case ast.If():
                yield from self._branches(node, "if")
            case ast.Return(value=value):
                yield "return" if value is None else f"return {self.value(value)}"
            case ast.Break() | ast.Continue():
                yield ast.unparse(node)
            case ast.Expr(value=value):
                yield self.value(value)

    def _branches(self, node: ast.If, word: str) -> Iterator[str]:
        yield from [f"{word} {self.value(node.test)}:", *self.block(node.body)]
        if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            yield from self._branches(node.orelse[0], "elif")
        elif node.orelse:
            yield from ["else:", *self.block(node.orelse)]


def python_words(used: set[str], real: str) -> list[str]:
    """The functions that printed code calls."""
    single = real == "float"
    swaps = {
        "LEAST": "-127" if single else "-1023",
        "INTEGER": "<I" if single else "<Q",
        "NUMBER": "<f" if single else "<d",
        "MASK": "0xFFFFF000" if single else "0xFFFFFFFFF8000000",
    }
    return swapped_words(WORDS, used, swaps)
