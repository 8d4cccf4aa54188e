"""What the printers of C, JavaScript and Python have in common: expressions and blocks."""

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

from lamina._export._kinds import ROOMS
from lamina._export._language import Function

_FLAT = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return)
_ATOM, _UNARY, _COMPARED, _AND, _OR, _CHOICE = 20, 18, 8, 6, 5, 2
_PRECEDENCE: dict[type[ast.AST], int] = {
    ast.Mult: 16,
    ast.Div: 16,
    ast.FloorDiv: 16,
    ast.Mod: 16,
    ast.Add: 14,
    ast.Sub: 14,
    # Below comparisons, so that they are in parentheses wherever readers might doubt.
    ast.LShift: 3,
    ast.RShift: 3,
    ast.BitAnd: 3,
    ast.BitOr: 3,
}
SYMBOLS: dict[type[ast.AST], str] = {
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Add: "+",
    ast.Sub: "-",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.USub: "-",
}


class Printer(ABC):
    """Prints functions of the language; a subclass knows how its own language spells them.

    Args:
        real: the network's number type, "float" or "double".
    """

    indent = "  "
    width = 100
    negation, both, either = "!", "&&", "||"

    def __init__(self, real: str) -> None:
        self.real = real
        self.function: Function

    # What a language spells in its own way

    @abstractmethod
    def number(self, value: float, kind: str) -> str:
        """A constant number."""

    @abstractmethod
    def word(self, name: str, args: list[str], node: ast.Call) -> str:
        """A word of the language applied to printed arguments."""

    @abstractmethod
    def function_name(self, function: Function) -> str:
        """What a function is called."""

    @abstractmethod
    def text(self, value: str) -> str:
        """A constant text."""

    @abstractmethod
    def choice(self, test: str, yes: str, no: str) -> str:
        """One of two values."""

    @abstractmethod
    def rounded(self, text: str, kind: str) -> str:
        """The result of one operation as a number of that kind."""

    @abstractmethod
    def comment(self, text: str) -> list[str]:
        """Lines of a comment."""

    @abstractmethod
    def print_function(self, function: Function) -> list[str]:
        """Lines of a whole function."""

    @abstractmethod
    def statement(self, node: ast.stmt) -> Iterator[str]:
        """Lines of a statement."""

    def array(self, name: str) -> str:
        """What a constant array is called."""
        return name

    # Expressions

    def value(self, node: ast.expr) -> str:
        """An expression that stands by itself."""
        return self._print(node)[0]

    def kind(self, node: ast.AST) -> str:
        """The kind of an expression."""
        return self.function.kinds[node]

    def _within(self, node: ast.expr, least: int) -> str:
        text, precedence = self._print(node)
        return text if precedence >= least else f"({text})"

    def _print(self, node: ast.expr) -> tuple[str, int]:
        match node:
            case ast.Constant(value=bool() as value):
                return self.number(float(value), "bool"), _ATOM
            case ast.Constant(value=str() as value):
                return self.text(value), _ATOM
            case ast.Constant(value=int() | float() as value):
                return self.number(value, self.kind(node)), _ATOM if value >= 0 else _UNARY
            case ast.Name(id=name):
                known = name in self.function.locals or name in dict(self.function.parameters)
                return (
                    self.local(name) if known or self.is_counter(name) else self.array(name)
                ), _ATOM
            case ast.Subscript(value=array, slice=place):
                return f"{self._within(array, _ATOM)}[{self.value(place)}]", _ATOM
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f"{self.negation}{self._within(operand, _UNARY)}", _UNARY - 1
            case ast.UnaryOp(operand=operand):
                return f"-{self._within(operand, _UNARY + 1)}", _UNARY
            case ast.BinOp():
                return self._operation(node)
            case ast.Compare(left=left, ops=[operator], comparators=[right]):
                sides = [self._within(side, _COMPARED + 1) for side in (left, right)]
                return f"{sides[0]} {self.symbol(operator)} {sides[1]}", _COMPARED
            case ast.BoolOp(op=operator, values=values):
                joins = isinstance(operator, ast.And)
                parts = [self._within(value, _AND + 1) for value in values]
                word = self.both if joins else self.either
                return f" {word} ".join(parts), _AND if joins else _OR
            case ast.IfExp(test=test, body=body, orelse=orelse):
                condition, first = (self._within(part, _CHOICE + 1) for part in (test, body))
                return self.choice(condition, first, self.value(orelse)), _CHOICE
            case ast.Call():
                return self._call(node), _ATOM
        raise AssertionError(ast.dump(node))

    def is_counter(self, name: str) -> bool:
        """Whether a loop counts by that name."""
        return any(
            isinstance(inner, ast.For) and ast.unparse(inner.target) == name
            for statement in self.function.body
            for inner in ast.walk(statement)
        )

    def local(self, name: str) -> str:
        """What a variable is called."""
        return name

    def symbol(self, operator: ast.AST) -> str:
        """How an operator is written."""
        return SYMBOLS[type(operator)]

    def _operation(self, node: ast.BinOp) -> tuple[str, int]:
        precedence = _PRECEDENCE[type(node.op)]
        of_bits = precedence < _COMPARED
        left = self._within(node.left, _UNARY if of_bits else precedence)
        right = self._within(node.right, _UNARY if of_bits else precedence + 1)
        text = f"{left} {self.symbol(node.op)} {right}"
        rounded = self.rounded(text, self.kind(node))
        return rounded, precedence if rounded == text else _ATOM

    def _call(self, node: ast.Call) -> str:
        called = self.function.calls.get(node)
        arguments = [self.value(argument) for argument in node.args]
        if called is None:
            return self.word(ast.unparse(node.func), arguments, node)
        return f"{self.function_name(called)}({', '.join(arguments)})"

    # Blocks

    def block(self, body: list[ast.stmt]) -> list[str]:
        """Lines of statements, one step farther in."""
        lines = [line for node in body for line in self.statement(node)]
        return [self.indent + line if line else line for line in lines]

    def note(self, node: ast.stmt) -> list[str] | None:
        """A text as a statement is a comment."""
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return self.comment(str(node.value.value))
        return None

    def outer_locals(self, function: Function) -> list[str]:
        """Variables that are first set in an inner block and read outside of it."""
        flat = all(isinstance(node, _FLAT) for node in function.body)
        names = [] if flat else function.locals
        return [name for name in names if not _lives_in_one_block(function.body, name)]

    def is_room(self, node: ast.stmt) -> bool:
        """Whether a statement makes an array."""
        value = getattr(node, "value", None)
        return isinstance(value, ast.Call) and ast.unparse(value.func) in ROOMS

    def fits(self, text: str) -> bool:
        """Whether a line is short enough."""
        return len(text) <= self.width


class BracePrinter(Printer):
    """Prints a language with braces, whose variables live in the block that declares them."""

    def __init__(self, real: str) -> None:
        super().__init__(real)
        self._declared: set[str] = set()

    def choice(self, test: str, yes: str, no: str) -> str:
        return f"{test} ? {yes} : {no}"

    def _branches(self, node: ast.If) -> Iterator[str]:
        known = set(self._declared)
        yield f"if ({self.value(node.test)}) {{"
        yield from self.block(node.body)
        self._declared = set(known)
        if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            first, *rest = self._branches(node.orelse[0])
            yield from [f"}} else {first}", *rest]
            return
        if node.orelse:
            yield from ["} else {", *self.block(node.orelse)]
            self._declared = set(known)
        yield "}"


def swapped_words(words: Mapping[str, str], used: set[str], swaps: Mapping[str, str]) -> list[str]:
    """The texts of the words that are used, with marks in them replaced by values."""
    parts = []
    for name, text in words.items():
        if name in used:
            for mark, value in swaps.items():
                text = text.replace(mark, value)
            parts.append(text)
    return parts


def _lives_in_one_block(body: list[ast.stmt], name: str) -> bool:
    """Whether all that names a variable is in or below the block of its first assignment."""
    using = [node for node in body if is_named(node, name)]
    if any(_sets(node, name) for node in body):
        return _sets(using[0], name)
    if len(using) != 1:
        return False
    inner = [
        part for part in (getattr(using[0], "body", []), getattr(using[0], "orelse", [])) if part
    ]
    holding = [part for part in inner if any(is_named(node, name) for node in part)]
    test = getattr(using[0], "test", None) or getattr(using[0], "iter", None)
    if test is not None and is_named(test, name):
        return False
    return all(_lives_in_one_block(part, name) for part in holding)


def _sets(node: ast.stmt, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    simple = isinstance(node, ast.Assign | ast.AnnAssign)
    return simple and any(isinstance(t, ast.Name) and t.id == name for t in targets)


def is_named(node: ast.AST, name: str) -> bool:
    """Whether a name is anywhere in a statement or an expression."""
    return any(isinstance(inner, ast.Name) and inner.id == name for inner in ast.walk(node))
