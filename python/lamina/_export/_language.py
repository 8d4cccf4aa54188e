"""Reads functions of the language of `_words.py` and finds the kind of every value in them.

A function whose values are of the kind `Real` is made for float or for double, as it is called.
"""

import ast
import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from lamina._export._kinds import KINDS, NUMBERS, ROOMS, WORDS


class LanguageError(Exception):
    """Code that is not of the language."""

    def __init__(self, function: str, node: ast.AST, what: str) -> None:
        super().__init__(f"{function}: {what}: {ast.unparse(node)}")


@dataclass
class Function:
    """One function for one number type.

    Attributes:
        name, real: which one it is. parameters: names and kinds. returns: kind of its value.
        body: statements. doc: what it does. kinds: of each expression. locals: names and kinds.
        stores: parameters whose elements it sets. calls: functions that it calls.
    """

    name: str
    real: str
    parameters: list[tuple[str, str]]
    returns: str
    body: list[ast.stmt]
    doc: str
    kinds: dict[ast.AST, str] = field(default_factory=dict)
    locals: dict[str, str] = field(default_factory=dict)
    stores: set[str] = field(default_factory=set)
    calls: dict[ast.AST, "Function"] = field(default_factory=dict)


class Library:
    """Functions by name, from files and from text; made for number types where asked for.

    Args:
        files: names of the files `_code_NAME.py`; later ones replace functions of earlier ones.
        arrays: kinds of the constant arrays that functions may name.
        own_roots: work out square roots by arithmetic.
    """

    def __init__(
        self, files: Iterable[str], arrays: dict[str, str], *, own_roots: bool = False
    ) -> None:
        self.arrays, self.own_roots = arrays, own_roots
        self._sources: dict[str, ast.FunctionDef] = {}
        self._constants: dict[str, ast.expr] = {}
        self._made: dict[tuple[str, str], Function] = {}
        for name in files:
            self._take(_tree_of(name))

    def add(self, source: str) -> None:
        """Read the functions and constants of a text."""
        self._take(ast.parse(source))

    def _take(self, tree: ast.Module) -> None:
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                self._sources[node.name] = node
            elif isinstance(node, ast.Assign):
                target, value = node.targets[0], node.value
                several = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                values = value.elts if several and isinstance(value, ast.Tuple) else [value]
                pairs = zip(names, values, strict=True)
                self._constants |= {ast.unparse(name): constant for name, constant in pairs}

    def make(self, name: str, real: str) -> Function:
        """A function for a number type."""
        key = (name, real)
        if key not in self._made:
            node = copy.deepcopy(self._sources[name])
            parameters = [(a.arg, self.kind_of(a.annotation, real)) for a in node.args.args]
            doc = ast.get_docstring(node) or ""
            body = node.body[1:] if doc else node.body
            returns = self.kind_of(node.returns, real)
            function = Function(name, real, parameters, returns, body, doc)
            self._made[key] = function
            _Reader(self, function).read()
        return self._made[key]

    def has(self, name: str) -> bool:
        """Whether there is a function of that name."""
        return name in self._sources

    def parameter_kinds(self, name: str) -> list[str]:
        """Kinds as they are written, "Real" for example."""
        return [ast.unparse(a.annotation) for a in self._sources[name].args.args if a.annotation]

    def constant(self, name: str, real: str) -> ast.expr | None:
        """The value of a constant for a number type."""
        value = self._constants.get(name)
        if isinstance(value, ast.Call):
            value = value.args[NUMBERS.index(real)]
        return copy.deepcopy(value)

    @staticmethod
    def kind_of(annotation: ast.expr | None, real: str) -> str:
        """The kind that an annotation means."""
        text = "None" if annotation is None else ast.unparse(annotation)
        return {"Real": real, "Reals": f"{real}[]"}.get(text) or KINDS[text]

    def needed(self, names: Iterable[str], real: str) -> list[Function]:
        """The named functions and all that they call, each behind those that it calls."""
        order: dict[int, Function] = {}

        def visit(function: Function) -> None:
            for called in function.calls.values():
                if id(called) not in order:
                    visit(called)
            order.setdefault(id(function), function)

        for name in names:
            visit(self.make(name, real))
        return list(order.values())


@cache
def _tree_of(name: str) -> ast.Module:
    """A file of the language; it is read, not imported."""
    path = Path(__file__).with_name(f"_code_{name}.py")
    return ast.parse(path.read_text(encoding="utf-8"))


class _Reader:
    """Finds the kinds in one function, and puts constants in the place of their names."""

    def __init__(self, library: Library, function: Function) -> None:
        self.library, self.function = library, function
        self.names = dict(function.parameters)

    def read(self) -> None:
        self.function.body = self._expand(self.function.body)
        self._block(self.function.body)

    def _expand(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """Polynomials as lines, one a power."""
        lines: list[ast.stmt] = []
        for statement in body:
            for name in ("body", "orelse"):
                if hasattr(statement, name):
                    setattr(statement, name, self._expand(getattr(statement, name)))
            value = getattr(statement, "value", None)
            if isinstance(value, ast.Call) and ast.unparse(value.func) == "polynomial":
                assert isinstance(statement, ast.Assign)
                lines += self._polynomial(ast.unparse(statement.targets[0]), value)
            else:
                lines.append(statement)
        return lines

    def _polynomial(self, target: str, call: ast.Call) -> list[ast.stmt]:
        table = self.library.constant(ast.unparse(call.args[0]), self.function.real)
        assert table is not None
        values = list(eval(ast.unparse(table), {}))
        x = ast.unparse(call.args[1])
        lines = [f"{target} = {values[-1]!r}"]
        lines += [f"{target} = fma({target}, {x}, {value!r})" for value in values[-2::-1]]
        return ast.parse("\n".join(lines)).body

    def _fail(self, node: ast.AST, what: str) -> LanguageError:
        return LanguageError(self.function.name, node, what)

    # Statements

    def _block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=[target], value=value):
                if isinstance(target, ast.Name):
                    node.value = self._value(value, self.names.get(target.id))
                    self._declare(target, self.function.kinds[node.value])
                else:
                    self._store(target)
                    node.value = self._value(value, self.function.kinds[target])
            case ast.AnnAssign(target=ast.Name() as target, value=ast.expr() as value):
                kind = self.library.kind_of(node.annotation, self.function.real)
                node.value = self._value(value, kind)
                self._declare(target, kind)
            case ast.AugAssign(target=target, value=value):
                if isinstance(target, ast.Subscript):
                    self._store(target)
                else:
                    self._value(target, None)
                node.value = self._value(value, self.function.kinds[target])
            case ast.For(target=ast.Name() as target, iter=ast.Call() as call):
                call.args = [self._value(argument, "int") for argument in call.args]
                self.names[target.id] = "int"
                self._block(node.body)
            case ast.While():
                node.test = self._value(node.test, "bool")
                self._block(node.body)
            case ast.If():
                node.test = self._value(node.test, "bool")
                self._block(node.body)
                self._block(node.orelse)
            case ast.Return(value=ast.expr() as value):
                node.value = self._value(value, self.function.returns)
            case ast.Expr(value=value):
                node.value = self._value(value, None)
            case ast.Return() | ast.Break() | ast.Continue():
                pass
            case _:
                raise self._fail(node, "no statement of the language")

    def _declare(self, target: ast.Name, kind: str) -> None:
        known = self.names.setdefault(target.id, kind)
        if known != kind:
            raise self._fail(target, f"is {known}, but gets {kind}")
        if target.id not in dict(self.function.parameters):
            self.function.locals[target.id] = kind
        self.function.kinds[target] = kind

    def _store(self, target: ast.expr) -> None:
        self._value(target, None)
        assert isinstance(target, ast.Subscript)
        self.function.stores.add(ast.unparse(target.value))

    # Expressions

    def _value(self, node: ast.expr, want: str | None) -> ast.expr:
        """Find the kind of an expression; gives the expression, or the constant that it names."""
        if isinstance(node, ast.Name) and node.id not in self.names:
            constant = self.library.constant(node.id, self.function.real)
            if constant is not None:
                node = constant
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In):
            node = _one_of(node)
        if isinstance(node, ast.Call) and self._is_converted_constant(node):
            want = self.function.real if ast.unparse(node.func) == "real" else "double"
            node = node.args[0]
        self.function.kinds[node] = self._kind(node, want)
        return node

    def _is_converted_constant(self, node: ast.Call) -> bool:
        """Whether it is real(1) or the like."""
        converts = ast.unparse(node.func) in ("real", "double")
        return converts and self._is_constant(node.args[0])

    def _kind(self, node: ast.expr, want: str | None) -> str:
        match node:
            case ast.Constant(value=value):
                if isinstance(value, bool | str):
                    return "bool" if isinstance(value, bool) else "text"
                if want in NUMBERS:
                    return str(want)
                return "int" if isinstance(value, int) else self.function.real
            case ast.Name(id=name):
                kind = self.names.get(name) or self.library.arrays.get(name)
                if kind is None:
                    raise self._fail(node, "an unknown name")
                return kind
            case ast.UnaryOp(op=op):
                node.operand = self._value(node.operand, want)
                return "bool" if isinstance(op, ast.Not) else self.function.kinds[node.operand]
            case ast.BinOp():
                node.left, node.right = self._pair(node.left, node.right, want)
                return self.function.kinds[node.left]
            case ast.Compare(comparators=[right]):
                node.left, right = self._pair(node.left, right, None)
                node.comparators = [right]
                return "bool"
            case ast.BoolOp():
                node.values = [self._value(value, "bool") for value in node.values]
                return "bool"
            case ast.IfExp():
                node.test = self._value(node.test, "bool")
                node.body, node.orelse = self._pair(node.body, node.orelse, want)
                return self.function.kinds[node.body]
            case ast.Subscript():
                node.slice = self._value(node.slice, "int")
                node.value = self._value(node.value, None)
                element = self.function.kinds[node.value].removesuffix("[]")
                return "int" if element == "byte" else element
            case ast.Call():
                return self._call(node, want)
            case _:
                raise self._fail(node, "no expression of the language")

    def _pair(self, left: ast.expr, right: ast.expr, want: str | None) -> tuple[ast.expr, ast.expr]:
        """Two values of one kind: constants take that of the other value."""
        if self._is_constant(left) and not self._is_constant(right):
            right = self._value(right, want)
            left = self._value(left, self.function.kinds[right])
        else:
            left = self._value(left, want)
            right = self._value(right, self.function.kinds[left])
        kinds = self.function.kinds[left], self.function.kinds[right]
        if kinds[0] != kinds[1]:
            raise self._fail(ast.Tuple([left, right], ast.Load()), f"kinds {kinds}")
        return left, right

    def _is_constant(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id not in self.names and node.id not in self.library.arrays
        if isinstance(node, ast.UnaryOp):
            return self._is_constant(node.operand)
        if isinstance(node, ast.BinOp):
            return self._is_constant(node.left) and self._is_constant(node.right)
        return isinstance(node, ast.Constant)

    def _call(self, node: ast.Call, want: str | None) -> str:
        name = ast.unparse(node.func)
        if name == "root" and self.library.own_roots:
            name = "square_root"
            node.func = ast.Name(name, ast.Load())
        if name in WORDS:
            return self._word(node, name, want)
        if not self.library.has(name):
            raise self._fail(node, "an unknown function")
        written = self.library.parameter_kinds(name)
        if len(written) != len(node.args):
            raise self._fail(node, f"expected {len(written)} arguments")
        real = self._real_of(node, written, want)
        called = self.library.make(name, real)
        for place, (parameter, kind) in enumerate(called.parameters):
            argument = self._value(node.args[place], kind)
            node.args[place] = argument
            if self.function.kinds[argument] != kind:
                raise self._fail(node, f"{parameter} is {kind}")
            if parameter in called.stores:
                self.function.stores.add(ast.unparse(argument))
        self.function.calls[node] = called
        return called.returns

    def _real_of(self, node: ast.Call, written: list[str], want: str | None) -> str:
        """The number type that a call is for: that of its first argument of the kind Real."""
        for argument, kind in zip(node.args, written, strict=True):
            if kind in ("Real", "Reals") and not self._is_constant(argument):
                node.args[node.args.index(argument)] = found = self._value(argument, want)
                return self.function.kinds[found].removesuffix("[]")
        return self.function.real

    def _word(self, node: ast.Call, name: str, want: str | None) -> str:
        given = WORDS[name]
        wanted = want if given == "same" else None
        if given == "same":
            for argument in node.args:
                if not self._is_constant(argument):
                    self._value(argument, want)
                    wanted = self.function.kinds[argument]
                    break
        node.args = [self._value(argument, wanted) for argument in node.args]
        if given == "same":
            kinds = {self.function.kinds[argument] for argument in node.args}
            if len(kinds) > 1:
                raise self._fail(node, f"kinds {sorted(kinds)}")
            return kinds.pop()
        if name == "power_of_two" and want in NUMBERS:
            return str(want)
        return given.replace("real", self.function.real)


def _one_of(node: ast.Compare) -> ast.expr:
    """`x in (a, b)` as `x == a or x == b`."""
    values = node.comparators[0]
    assert isinstance(values, ast.Tuple)
    tests: list[ast.expr] = [
        ast.Compare(copy.deepcopy(node.left), [ast.Eq()], [value]) for value in values.elts
    ]
    return ast.BoolOp(ast.Or(), tests)


def room_sizes(function: Function) -> dict[str, Any]:
    """The arrays that a function makes for itself: how many elements, by name."""
    found: dict[str, Any] = {}
    for statement in function.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
            word = ast.unparse(statement.value.func)
            if word in ROOMS:
                size = statement.value.args[0]
                assert isinstance(size, ast.Constant)
                found[ast.unparse(statement.targets[0])] = size.value
    return found
