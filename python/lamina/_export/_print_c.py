"""Prints functions of the language as C99 that is C++ too."""

import ast
from collections.abc import Iterator, Mapping

import numpy as np

from lamina._export._kinds import ROOMS
from lamina._export._language import Function
from lamina._export._printer import BracePrinter, is_named

_TYPES = {
    "float": "float",
    "double": "double",
    "int": "int",
    "bool": "int",
    "text": "const char*",
    "void": "void",
    "byte": "signed char",
}


class CPrinter(BracePrinter):
    """C; every name begins with the prefix.

    Args:
        prefix: of names. fields: what the columns of a table are called.
    """

    def __init__(self, real: str, prefix: str, fields: Mapping[str, str]) -> None:
        super().__init__(real)
        self.prefix, self.fields = prefix, fields
        # Words that need a function, with their number types.
        self.used: set[tuple[str, str]] = set()

    def number(self, value: float, kind: str) -> str:
        if kind in ("bool", "int"):
            return str(int(value))
        return c_number(value, kind)

    def text(self, value: str) -> str:
        return c_text(value)

    def rounded(self, text: str, kind: str) -> str:
        return text

    def symbol(self, operator: ast.AST) -> str:
        return "/" if isinstance(operator, ast.FloorDiv) else super().symbol(operator)

    def comment(self, text: str) -> list[str]:
        return [f"/* {text} */"]

    def array(self, name: str) -> str:
        return f"{self.prefix}_{name}"

    def function_name(self, function: Function) -> str:
        other = "" if function.real == self.real else f"_{function.real}"
        return f"{self.prefix}_{function.name}{other}"

    def word(self, name: str, args: list[str], node: ast.Call) -> str:
        kind = self.kind(node)
        if name in ("real", "double", "byte"):
            to = {"real": _TYPES[self.function.real], "byte": "signed char"}.get(name, name)
            return f"({to}){self._cast(node.args[0])}"
        if name == "fnma":
            self.used.add(("fma", kind))
            return f"{self.prefix}_fma{self._suffix(kind)}(-{self._cast(node.args[0])}, " + (
                f"{args[1]}, {args[2]})"
            )
        if name in ("row_number", "row_date", "row_text"):
            return f"{args[0]}->{self.fields[ast.literal_eval(node.args[1])]}"
        if name == "character":
            return f"(int)(unsigned char){args[0]}[{args[1]}]"
        if name == "is_absent":
            return f"({args[0]} == 0)"
        if name == "missing":
            self.used.add((name, "double"))
            return f"{self.prefix}_missing()"
        if name in ("exponent", "upper_half", "magnitude", "integer"):
            kind = self.kind(node.args[0])
        if name == "root" or name.startswith("math_"):
            return f"{name.removeprefix('math_').replace('root', 'sqrt')}" + (
                f"{'f' if kind == 'float' else ''}({', '.join(args)})"
            )
        of_text = name in ("same_texts", "trimmed", "behind_blanks")
        suffix = "" if of_text else self._suffix(kind)
        if of_text:  # the others need it
            self.used.add(("behind_blanks", "double"))
        self.used.add((name, "double" if of_text else kind))
        return f"{self.prefix}_{name}{suffix}({', '.join(args)})"

    def _suffix(self, kind: str) -> str:
        return "" if kind == self.real else f"_{kind}"

    def _cast(self, node: ast.expr) -> str:
        return self._within(node, 18)

    # Statements

    def print_function(self, function: Function) -> list[str]:
        self.function, self._declared = function, set()
        parameters = ", ".join(self._parameter(name, kind) for name, kind in function.parameters)
        head = f"static inline {self._type(function.returns)} {self.function_name(function)}("
        outer = [
            f"{self.indent}{self._declaration(name, '0')}" for name in self.outer_locals(function)
        ]
        self._declared |= set(self.outer_locals(function))
        unread = [
            f"{self.indent}(void){name};"
            for name, _ in function.parameters
            if not any(is_named(node, name) for node in function.body)
        ]
        doc = self.comment(function.doc.splitlines()[0]) if function.doc else []
        return [
            *doc,
            *wrapped(f"{head}{parameters or 'void'}) {{", self.width),
            *unread,
            *outer,
            *self.block(function.body),
            "}",
        ]

    def _type(self, kind: str) -> str:
        return f"const {self.prefix}_row*" if kind == "row" else _TYPES[kind]

    def _parameter(self, name: str, kind: str) -> str:
        if kind == "text[]":
            return f"const char* const* {name}"
        if not kind.endswith("[]"):
            return f"{self._type(kind)} {name}"
        constant = "" if name in self.function.stores else "const "
        return f"{constant}{_TYPES[kind.removesuffix('[]')]}* {name}"

    def _declaration(self, name: str, value: str) -> str:
        return f"{self._type(self.function.locals[name])} {name} = {value};"

    def statement(self, node: ast.stmt) -> Iterator[str]:
        note = self.note(node)
        if note is not None:
            yield from note
            return
        match node:
            case ast.Assign(targets=[target], value=ast.Call() as call) if self.is_room(node):
                kind = self.kind(target).removesuffix("[]")
                assert ast.unparse(call.func) in ROOMS
                yield f"{_TYPES[kind]} {ast.unparse(target)}[{ast.unparse(call.args[0])}];"
            case (
                ast.Assign(targets=[target], value=value)
                | ast.AnnAssign(target=target, value=ast.expr() as value)
            ):
                yield from wrapped(self._assignment(target, value), self.width)
            case ast.AugAssign(target=target, op=operator, value=value):
                yield from wrapped(
                    f"{self.value(target)} {self.symbol(operator)}= {self.value(value)};",
                    self.width,
                )
            case ast.For(target=target, iter=ast.Call(args=limits), body=body):
                name, (first, last) = ast.unparse(target), ([None, *limits])[-2:]
                begin = "0" if first is None else self.value(first)
                assert last is not None
                count = f"int {name} = {begin}; {name} < {self.value(last)}; ++{name}"
                yield from [f"for ({count}) {{", *self.block(body), "}"]
            case ast.While(test=test, body=body):
                yield from [f"while ({self.value(test)}) {{", *self.block(body), "}"]
            case ast.If():
                yield from self._branches(node)
            case ast.Return(value=value):
                line = "return;" if value is None else f"return {self.value(value)};"
                yield from wrapped(line, self.width)
            case ast.Break() | ast.Continue():
                yield f"{ast.unparse(node)};"
            case ast.Expr(value=value):
                yield from wrapped(f"{self.value(value)};", self.width)

    def _assignment(self, target: ast.expr, value: ast.expr) -> str:
        name = ast.unparse(target)
        is_new = name in self.function.locals and name not in self._declared
        if isinstance(target, ast.Name) and is_new:
            self._declared.add(name)
            return self._declaration(name, self.value(value))
        text = self.value(value)
        is_byte = (
            isinstance(target, ast.Subscript) and self.kind(target.value) == "byte[]"
        ) and not text.startswith("(signed char)")
        return f"{self.value(target)} = {'(signed char)' if is_byte else ''}{text};"


def c_number(value: float, kind: str) -> str:
    """The shortest constant that reads back as the number, of type float or double."""
    return f"{np.float32(value)!s}f" if kind == "float" else repr(float(value))


def c_text(value: str) -> str:
    """A constant of ASCII characters alone; others as the bytes of UTF-8."""
    plain = {ord('"'): '\\"', ord("\\"): "\\\\", ord("?"): "\\?", ord("\n"): "\\n"}
    return (
        '"'
        + "".join(
            plain.get(code) or (chr(code) if 32 <= code < 127 else f"\\{code:03o}")
            for code in value.encode()
        )
        + '"'
    )


# What a long line may be cut behind, up to its last character.
_CUT_BEHIND = (", ", " && ", " || ", "? ", ": ")


def wrapped(line: str, width: int) -> list[str]:
    """A line cut behind commas and operators where it is too long."""
    indent = "    "
    lines: list[str] = []
    while len(line) > width:
        # A cut within the indent would not make the rest shorter.
        least = len(indent) if lines else 0
        found = [(line.rfind(mark, least, width), mark) for mark in _CUT_BEHIND]
        cuts = [place + len(mark) - 1 for place, mark in found if place >= 0]
        if not cuts or line[: max(cuts)].count('"') % 2:
            break
        lines.append(line[: max(cuts)].rstrip())
        line = indent + line[max(cuts) :].lstrip()
    return [*lines, line]
