"""Writes a program as one Python module that needs the standard library alone."""

import base64

from lamina._export._identifiers import in_docstring
from lamina._export._print_python import PythonPrinter, python_words
from lamina._export._program import Program, Table
from lamina._export._steps import Constant

_CODES = {"float": "f", "double": "d", "byte": "b"}
_ARRAY = '''\
def _array(code, text):
    """Numbers from base64; they are stored with the lowest byte first."""
    values = array(code)
    values.frombytes(base64.b64decode(text))
    if sys.byteorder == "big":
        values.byteswap()
    return values
'''
_ROW = '''\
def _row(values, count, name):
    """Numbers of the caller's, checked."""
    row = [ROUND(float(value)) for value in values]
    if len(row) != count:
        raise ValueError(f"{name}: expected {count} numbers, got {len(row)}")
    return row
'''
_PREDICT = '''\
def predict(x: Sequence[float]) -> list[float]:
    """The OUTPUTS outputs, a list, of one row of INPUTS numbers."""
    y = [0.0] * OUTPUTS
    _predict(_row(x, INPUTS, "x"), y)
    return y
'''
_GRADIENT = '''\
def gradient(x: Sequence[float], output: int) -> list[float]:
    """The gradient of one output, counted from 0, with respect to the inputs x, a list."""
    if not 0 <= output < OUTPUTS:
        raise ValueError(f"expected an output from 0 to {OUTPUTS - 1}, got {output}")
    slopes = [0.0] * INPUTS
    _gradient(_row(x, INPUTS, "x"), output, slopes)
    return slopes


def vector_jacobian_product(x: Sequence[float], v: Sequence[float]) -> list[float]:
    """v [OUTPUTS] times the Jacobian: the gradient by x of the sum of outputs times v."""
    slopes = [0.0] * INPUTS
    _vector_jacobian_product(_row(x, INPUTS, "x"), _row(v, OUTPUTS, "v"), slopes)
    return slopes
'''
_CLASS = '''\
def predict_class(x: Sequence[float]) -> str:
    """The name of the most probable class of one row."""
    return CLASS_NAMES[_class_of(predict(x))]
'''
_CELLS = '''\
def _cell(row, column):
    """A value of a row, a dictionary by column."""
    if column not in row:
        raise ValueError(f"the row has no column {column!r}, which the model reads")
    value = row[column]
    return None if value is None or value != value else value


def _row_number(row, column):
    """A number; NaN where it is missing."""
    value = _cell(row, column)
    if isinstance(value, (str, bytes)):
        raise TypeError(f"column {column!r}: expected a number, got {value!r}")
    return math.nan if value is None else float(value)


def _row_date(row, column):
    """A date as seconds since 1970-01-01 in UTC; NaN where it is missing."""
    value = _cell(row, column)
    if isinstance(value, datetime.date):
        if not isinstance(value, datetime.datetime):
            value = datetime.datetime(value.year, value.month, value.day)
        if value.tzinfo is None:
            value = value.replace(tzinfo=datetime.timezone.utc)
        return value.timestamp()
    if isinstance(value, (str, bytes)):
        raise TypeError(f"column {column!r}: expected seconds or a datetime, got {value!r}")
    return math.nan if value is None else float(value)


def _row_text(row, column):
    """A text; numbers and truth values as they are written."""
    value = _cell(row, column)
    if isinstance(value, (bytes, list, tuple, dict, set, datetime.date)):
        raise TypeError(f"column {column!r}: expected a text, got {value!r}")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if value is None else str(value)


def _trimmed(text):
    """A text without the blanks around it."""
    return None if text is None else text.strip()
'''
_ANSWER = '''\
def FUNCTION(row: Mapping[str, Any]) -> list[float]:
    """NOTE, a list, of a row, a dictionary by column."""
    y = [0.0] * COUNT
    wrong = _FUNCTION(row, y)
    if wrong:
        raise ValueError(f"column {COLUMNS[wrong - 1]!r}: expected a number of at most 1e+100")
    return y
'''
_ROW_CLASS = '''\
def predict_class(row: Mapping[str, Any]) -> str:
    """The name of the most probable class of a row."""
    return CLASS_NAMES[_class_of(predict_row(row))]
'''
_ROW_SELFTEST = '''\
_ROWS = (
ROWS)


def selftest() -> int:
    """Predicts stored rows: 0 where all are right, else the number of the first wrong one."""
    for r, cells in enumerate(_ROWS):
        row = dict(zip(COLUMNS, cells))
        for i, value in enumerate(FUNCTION(row)):
            if not abs(value - _selftest_answers[r * COUNT + i]) <= _selftest_limits[i]:
                return r + 1
    return 0
'''


def write_python(program: Program, prefix: str) -> str:
    """The text of the module."""
    printer = PythonPrinter(program.real, frozenset({"selftest"}))
    functions = ["\n".join(printer.print_function(f)) + "\n" for f in program.functions]
    api = _table_api(program, program.table) if program.table else _network_api(program, printer)
    words = python_words(printer.used, program.real)
    has_arrays = any(each.kind in _CODES for each in program.constants)
    text = "\n\n".join([*([_ARRAY] if has_arrays else []), *words, *functions, *api])
    constants = "".join(_constant(each) for each in program.constants)
    head = f'"""{_doc(program, prefix)}"""\n\n' + _imports(text) + "\n" + _facts(program) + "\n\n"
    if has_arrays:
        first, rest = text.split("\n\n\n", 1)
        return head + first + "\n\n\n" + constants + "\n\n" + rest
    return head + constants + "\n\n" + text


def _imports(text: str) -> str:
    names = ("base64", "datetime", "math", "struct", "sys")
    lines = [f"import {name}" for name in names if f"{name}." in text]
    lines += ["from array import array"] if "array(" in text.replace("_array(", "") else []
    kinds = [name for name in ("Mapping", "Sequence") if f"{name}[" in text]
    lines += [f"from collections.abc import {', '.join(kinds)}"]
    lines += ["from ctypes import c_float"] if "c_float" in text else []
    lines += ["from typing import Any"] if "Any]" in text else []
    return "\n".join(lines) + "\n"


def _doc(program: Program, prefix: str) -> str:
    lines = [
        f"{prefix}: a neural network as Python, written by lamina {program.version}.",
        "",
        *(f"    {line}" for line in program.what),
        "",
        f"It takes {program.data_bytes / 1000:,.1f} kB of constants and needs Python's standard "
        "library alone (3.9 or newer).",
        "selftest() predicts stored rows and gives 0 where the answers are right.",
        "",
    ]
    return in_docstring("\n".join(lines))


def _facts(program: Program) -> str:
    if program.table is None:
        lines = [f"INPUTS = {program.inputs}", f"OUTPUTS = {program.outputs}"]
    else:
        lines = [
            "# The columns of a row: numbers; texts; dates as datetime or as seconds since 1970."
        ]
        lines += ["COLUMNS = ("]
        lines += [f"    {column.name!a},  # {column.note}" for column in program.table.columns]
        lines += [")"]
    if program.class_names:
        names = "".join(f"    {name!a},\n" for name in program.class_names)
        lines += [f"CLASS_NAMES = (\n{names})"]
    return "\n".join(lines) + "\n"


def _constant(each: Constant) -> str:
    note = f"# {each.note}\n" if each.note else ""
    if each.kind == "text":
        words = "".join(f"    {text!a},\n" for text in each.values)
        return f"{note}_{each.name} = (\n{words})\n"
    if each.kind == "int":
        return f"{note}_{each.name} = {tuple(int(value) for value in each.values)}\n"
    types = {"float": "<f4", "double": "<f8", "byte": "i1"}
    assert not isinstance(each.values, list)
    data = base64.b64encode(each.values.astype(types[each.kind]).tobytes()).decode()
    lines = [data[i : i + 92] for i in range(0, len(data), 92)] or [""]
    body = "\n".join(f'    "{line}"' for line in lines)
    return f'{note}_{each.name} = _array(\n    "{_CODES[each.kind]}",\n{body},\n)\n'


def _network_api(program: Program, printer: PythonPrinter) -> list[str]:
    single = program.real == "float"
    if single:
        printer.used.add("_f")
    parts = [_ROW.replace("ROUND(float(value))", "_f(float(value))" if single else "float(value)")]
    parts.append(_PREDICT)
    if "gradient" in program.public:
        parts.append(_GRADIENT)
    if program.class_names:
        parts.append(_CLASS)
    return parts


def _table_api(program: Program, table: Table) -> list[str]:
    parts = [_CELLS]
    for answer in table.answers:
        text = _ANSWER.replace("FUNCTION", answer.function).replace("COUNT", str(answer.numbers))
        note = in_docstring(answer.note)
        parts.append(text.replace("NOTE", note[0].upper() + note[1:]))
    if program.class_names:
        parts.append(_ROW_CLASS)
    if table.rows:
        rows = "".join(
            f"    ({', '.join(ascii(row[c.name]) for c in table.columns)},),\n"
            for row in table.rows
        )
        answer = table.answers[0]
        text = _ROW_SELFTEST.replace("FUNCTION", answer.function)
        parts.append(text.replace("COUNT", str(answer.numbers)).replace("ROWS)", f"{rows})", 1))
    return parts
