"""Prints functions of the language as JavaScript."""

import ast
from collections.abc import Iterator

import numpy as np

from lamina._export._language import Function
from lamina._export._printer import BracePrinter, swapped_words

_ROOM = {
    "reals": "",
    "doubles": "Float64Array",
    "integers": "Int32Array",
    "bytes_of": "Int8Array",
}
WORDS = {
    "numberBits": """\
// The bits of numbers.
const numberBits = new DataView(new ArrayBuffer(8));
""",
    "integer": """\
// The number without its fraction; 0 where there is none.
function integer(x) {
  return Number.isFinite(x) ? Math.trunc(x) : 0;
}
""",
    "powerOfTwo": """\
// 2^n, and 0 below the smallest normal number.
function powerOfTwo(n) {
  if (n <= LEAST) return 0;
  numberBits.setUint32(0, ((Math.min(n, MOST) + 1023) << 20) >>> 0);
  numberBits.setUint32(4, 0);
  return numberBits.getFloat64(0);
}
""",
    "exponent": """\
// n with 2^n <= x < 2^(n + 1).
function exponent(x) {
  numberBits.setFloat64(0, x);
  return ((numberBits.getUint32(0) >>> 20) & 2047) - 1023;
}
""",
    "upperHalf": """\
// The number without the lower half of its fraction, so that its square is exact.
function upperHalf(x) {
  numberBits.setNUMBER(0, x);
  numberBits.setUint32(LOW, (numberBits.getUint32(LOW) & MASK) >>> 0);
  return numberBits.getNUMBER(0);
}
""",
    "character": """\
// The code of a character; 0 behind the last one.
function character(text, place) {
  return place < text.length ? text.charCodeAt(place) : 0;
}
""",
}


class JavaScriptPrinter(BracePrinter):
    """JavaScript; names in camelCase."""

    def __init__(self, real: str) -> None:
        super().__init__(real)
        self.used: set[str] = set()
        # Functions that write into arrays, beside which stand ones of the same name for users.
        self.into: frozenset[str] = frozenset()

    def number(self, value: float, kind: str) -> str:
        if kind == "bool":
            return "true" if value else "false"
        value = float(np.float32(value)) if kind == "float" else value
        whole = float(value).is_integer() and abs(value) < 2**53
        return str(int(value)) if whole else repr(float(value))

    def text(self, value: str) -> str:
        return ascii_text(value)

    def rounded(self, text: str, kind: str) -> str:
        return f"fround({text})" if kind == "float" else text

    def symbol(self, operator: ast.AST) -> str:
        equal: dict[type[ast.AST], str] = {ast.Eq: "===", ast.NotEq: "!=="}
        return equal.get(type(operator)) or super().symbol(operator)

    def comment(self, text: str) -> list[str]:
        return [f"// {line}" for line in text.splitlines()]

    def array(self, name: str) -> str:
        return camel(name)

    def local(self, name: str) -> str:
        return camel(name)

    def function_name(self, function: Function) -> str:
        other = "" if function.real == self.real else f"_{function.real}"
        into = "_into" if function.name in self.into else ""
        return camel(function.name + other + into)

    def _helper(self, name: str, *args: str) -> str:
        self.used.add(name)
        if name in ("powerOfTwo", "exponent", "upperHalf"):
            self.used.add("numberBits")
        return f"{name}({', '.join(args)})"

    def word(self, name: str, args: list[str], node: ast.Call) -> str:
        kind = self.kind(node)
        match name:
            case "fma" | "fnma":
                product = f"{self._within(node.args[0], 17)} * {self._within(node.args[1], 17)}"
                third = self._within(node.args[2], 15)
                sum_ = f"{product} + {third}" if name == "fma" else f"{third} - {product}"
                return self.rounded(sum_, kind) if kind == "float" else f"({sum_})"
            case "root":
                return self.rounded(f"Math.sqrt({args[0]})", kind)
            case "real" | "double":
                narrows = kind == "float" and self.kind(node.args[0]) != "float"
                return f"fround({args[0]})" if narrows else self._within(node.args[0], 20)
            case "behind_blanks":
                return args[1]
            case "byte":
                return self._within(node.args[0], 20)
            case "floor":
                return f"Math.floor({args[0]})"
            case "magnitude":
                return f"Math.abs({args[0]})"
            case "missing":
                return "NaN"
            case "is_absent":
                return f"({args[0]} === null)"
            case "same_texts":
                return f"({args[0]} === {args[1]})"
        if name in _ROOM:
            kinds = {"float": "Float32Array", "double": "Float64Array"}
            return f"new {_ROOM[name] or kinds[self.real]}({args[0]})"
        return self._helper(camel(name), *args)

    # Statements

    def _operation(self, node: ast.BinOp) -> tuple[str, int]:
        if isinstance(node.op, ast.FloorDiv):
            sides = [self._within(side, 17) for side in (node.left, node.right)]
            return f"Math.floor({sides[0]} / {sides[1]})", 20
        return super()._operation(node)

    def print_function(self, function: Function) -> list[str]:
        self.function = function
        outer = [self.local(name) for name in self.outer_locals(function)]
        self._declared = set(self.outer_locals(function))
        names = ", ".join(self.local(name) for name, _ in function.parameters)
        return [
            *self.comment(function.doc.splitlines()[0] if function.doc else ""),
            f"function {self.function_name(function)}({names}) {{",
            *([f"{self.indent}let {', '.join(outer)};"] if outer else []),
            *self.block(function.body),
            "}",
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
                name, word = ast.unparse(target), ""
                if isinstance(target, ast.Name) and name in self.function.locals:
                    word = "" if name in self._declared else "let "
                    self._declared.add(name)
                yield f"{word}{self.value(target)} = {self.value(value)};"
            case ast.AugAssign(target=target, op=operator, value=value):
                yield f"{self.value(target)} {self.symbol(operator)}= {self.value(value)};"
            case ast.For(target=target, iter=ast.Call(args=limits), body=body):
                name = self.local(ast.unparse(target))
                first, last = (["0", *map(self.value, limits)])[-2:]
                count = f"let {name} = {first}; {name} < {last}; ++{name}"
                yield from [f"for ({count}) {{", *self.block(body), "}"]
            case ast.While(test=test, body=body):
                yield from [f"while ({self.value(test)}) {{", *self.block(body), "}"]
            case ast.If():
                yield from self._branches(node)
            case ast.Return(value=value):
                yield "return;" if value is None else f"return {self.value(value)};"
            case ast.Break() | ast.Continue():
                yield f"{ast.unparse(node)};"
            case ast.Expr(value=value):
                yield f"{self.value(value)};"


def camel(name: str) -> str:
    """row_number as rowNumber."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def ascii_text(value: str) -> str:
    """A constant of ASCII characters alone, in which a page sees no tag either."""
    escapes = {ord('"'): '\\"', ord("\\"): "\\\\", ord("\n"): "\\n", ord("<"): "\\u003c"}
    units = value.encode("utf-16-be", "surrogatepass")
    codes = [units[i] * 256 + units[i + 1] for i in range(0, len(units), 2)]
    return (
        '"'
        + "".join(escapes.get(c) or (chr(c) if 32 <= c < 127 else f"\\u{c:04x}") for c in codes)
        + '"'
    )


def javascript_words(used: set[str], real: str) -> list[str]:
    """The functions that printed code calls."""
    single = real == "float"
    swaps = {
        "LEAST": "-127" if single else "-1023",
        "MOST": "128" if single else "1024",
        "NUMBER": "Float32" if single else "Float64",
        "LOW": "0" if single else "4",
        "MASK": "0xfffff000" if single else "0xf8000000",
    }
    return swapped_words(WORDS, used, swaps)
