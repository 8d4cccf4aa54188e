"""Writes a program as one JavaScript file."""

import base64
import json

from lamina._export._print_javascript import (
    JavaScriptPrinter,
    ascii_text,
    camel,
    javascript_words,
)
from lamina._export._program import Program, Table
from lamina._export._steps import Constant

_ARRAYS = {"float": "Float32Array", "double": "Float64Array", "byte": "Int8Array"}
_DECODE = """\
// Numbers from base64; they are stored with the lowest byte first, as processors have them.
function numbersOf(kind, text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new kind(bytes.buffer);
}
"""
_PREDICT = """\
// The outputs of one row of numbers, as an array of the kind that holds them.
function predict(x) {
  const y = new KIND(outputs);
  predictInto(checkedRow(x, inputs, "x"), y);
  return y;
}

// Numbers of the caller's, checked.
function checkedRow(values, count, name) {
  const row = KIND.from(values, (value, i) => {
    if (typeof value === "number") return value;
    throw new TypeError(`${name}[${i}]: expected a number, got ${typeof value}`);
  });
  if (row.length !== count) {
    throw new RangeError(`${name}: expected ${count} numbers, got ${row.length}`);
  }
  return row;
}
"""
_GRADIENT = """\
// The gradient of one output, counted from 0, with respect to the inputs x.
function gradient(x, output) {
  if (!(Number.isInteger(output) && output >= 0 && output < outputs)) {
    throw new RangeError(`expected an output from 0 to ${outputs - 1}, got ${output}`);
  }
  const slopes = new KIND(inputs);
  gradientInto(checkedRow(x, inputs, "x"), output, slopes);
  return slopes;
}

// v times the Jacobian: the gradient by x of the sum of outputs times v.
function vectorJacobianProduct(x, v) {
  const slopes = new KIND(inputs);
  vectorJacobianProductInto(checkedRow(x, inputs, "x"), checkedRow(v, outputs, "v"), slopes);
  return slopes;
}
"""
_CLASS = """\
// The name of the most probable class of one row.
function predictClass(row) {
  return classNames[classOf(PREDICT(row))];
}
"""
_CELLS = """\
// A value of a row, an object by column; null where it is missing.
function cellOf(row, column) {
  if (!(column in row)) {
    throw new TypeError(`the row has no column ${column}, which the model reads`);
  }
  const value = row[column];
  return value === undefined || Number.isNaN(value) ? null : value;
}

// A number; NaN where it is missing.
function rowNumber(row, column) {
  const value = cellOf(row, column);
  if (value === null) return NaN;
  if (!["number", "bigint", "boolean"].includes(typeof value)) {
    throw new TypeError(`column ${column}: expected a number, got ${typeof value}`);
  }
  return Number(value);
}

// A date as seconds since 1970-01-01 in UTC; NaN where it is missing.
function rowDate(row, column) {
  const value = cellOf(row, column);
  if (!(value instanceof Date)) return rowNumber(row, column);
  if (Number.isNaN(value.getTime())) {
    throw new RangeError(`column ${column}: expected a date or null, got an invalid Date`);
  }
  return value.getTime() / 1000;
}

// A text; numbers and truth values as they are written.
function rowText(row, column) {
  const value = cellOf(row, column);
  if (value !== null && !["string", "number", "bigint", "boolean"].includes(typeof value)) {
    throw new TypeError(`column ${column}: expected a text, got ${typeof value}`);
  }
  return value === null ? null : String(value);
}

// White space around a text, as Unicode has it.
const aroundText = /^(?:(?!\\ufeff)[\\s\\x1c-\\x1f\\x85])+|(?:(?!\\ufeff)[\\s\\x1c-\\x1f\\x85])+$/g;

// A text without the white space around it.
function trimmed(text) {
  return text === null ? null : text.replace(aroundText, "");
}
"""
_ANSWER = """\
// NOTE, of a row, an object by column.
function NAME(row) {
  const y = new Float64Array(COUNT);
  const wrong = NAMEInto(row, y);
  if (wrong !== 0) {
    throw new RangeError(`column ${columns[wrong - 1]}: expected a number of at most 1e100`);
  }
  return y;
}
"""
_ROW_SELFTEST = """\
const selftestRows = [
ROWS];

// Predicts stored rows: 0 where all answers are right, else the number of the first wrong one.
function selftest() {
  for (let r = 0; r < selftestRows.length; ++r) {
    const row = Object.fromEntries(columns.map((column, i) => [column, selftestRows[r][i]]));
    const y = NAME(row);
    for (let i = 0; i < COUNT; ++i) {
      if (!(Math.abs(y[i] - selftestAnswers[r * COUNT + i]) <= selftestLimits[i])) return r + 1;
    }
  }
  return 0;
}
"""


def write_javascript(program: Program, prefix: str, *, is_module: bool = False) -> str:
    """The text of the file.

    Args:
        is_module: end in `export`, as files named .mjs do; else the file works by `import` of
            Node.js, by `require`, and as a script, which sets the variable `prefix`.
    """
    printer = JavaScriptPrinter(program.real)
    printer.into = frozenset(program.public) - {"selftest", "class_of"}
    functions = ["\n".join(printer.print_function(f)) + "\n" for f in program.functions]
    api = _table_api(program, program.table) if program.table else _network_api(program)
    words = javascript_words(printer.used, program.real)
    constants = [_constant(each) for each in program.constants]
    rounding = "// A number as float32 has it.\nconst fround = Math.fround;\n"
    body = "\n".join([_facts(program), rounding, _DECODE, *constants, *words, *functions, *api])
    names = _exports(program)
    head = _head(program, prefix)
    if is_module:
        return f"{head}\n{body}\nexport {{ {', '.join(names)} }};\n"
    inner = "".join(f"  {line}".rstrip() + "\n" for line in body.splitlines())
    return (
        f'{head}\nconst {camel(prefix)} = (function () {{\n  "use strict";\n\n{inner}\n'
        f"  return {{ {', '.join(names)} }};\n}})();\n\n"
        'if (typeof module === "object" && module.exports) {\n'
        f"  // Named one by one, so that import of Node.js finds the names.\n"
        + "".join(f"  module.exports.{name} = {camel(prefix)}.{name};\n" for name in names)
        + f"}} else {{\n  globalThis.{camel(prefix)} = {camel(prefix)};\n}}\n"
    )


def _exports(program: Program) -> list[str]:
    names = ["inputs", "outputs", "predict"]
    if program.table is not None:
        names = ["columns", *(camel(answer.function) for answer in program.table.answers)]
    if "gradient" in program.public:
        names += ["gradient", "vectorJacobianProduct"]
    if program.class_names:
        names += ["classNames", "predictClass"]
    has_test = "selftest" in program.public or (program.table is not None and program.table.rows)
    return [*names, *(["selftest"] if has_test else [])]


def _head(program: Program, prefix: str) -> str:
    lines = [
        f"{prefix}: a neural network as JavaScript, written by lamina {program.version}.",
        "",
        *(f"  {line}" for line in program.what),
        "",
        f"It takes {program.data_bytes / 1000:,.1f} kB of constants and needs no other file.",
        "selftest() predicts stored rows and gives 0 where the answers are right.",
    ]
    return "".join(f"// {line}".rstrip() + "\n" for line in lines)


def _facts(program: Program) -> str:
    if program.table is None:
        text = f"const inputs = {program.inputs};\nconst outputs = {program.outputs};\n"
    else:
        rows = "".join(
            f"  {ascii_text(column.name)},  // {column.note}\n" for column in program.table.columns
        )
        text = (
            "// The columns of a row: numbers; texts; dates as Date or as seconds since 1970.\n"
            f"const columns = [\n{rows}];\n"
        )
    if program.class_names:
        names = "".join(f"  {ascii_text(name)},\n" for name in program.class_names)
        text += f"const classNames = [\n{names}];\n"
    return text


def _constant(each: Constant) -> str:
    note = f"// {each.note}\n" if each.note else ""
    name = camel(each.name)
    if each.kind == "text":
        words = "".join(f"  {ascii_text(str(text))},\n" for text in each.values)
        return f"{note}const {name} = [\n{words}];\n"
    if each.kind == "int":
        numbers = ", ".join(str(int(value)) for value in each.values)
        return f"{note}const {name} = Int32Array.of({numbers});\n"
    types = {"float": "<f4", "double": "<f8", "byte": "i1"}
    assert not isinstance(each.values, list)
    data = base64.b64encode(each.values.astype(types[each.kind]).tobytes()).decode()
    return f'{note}const {name} = numbersOf({_ARRAYS[each.kind]}, "{data}");\n'


def _network_api(program: Program) -> list[str]:
    kind = _ARRAYS[program.real]
    parts = [_PREDICT.replace("KIND", kind)]
    if "gradient" in program.public:
        parts.append(_GRADIENT.replace("KIND", kind))
    if program.class_names:
        parts.append(_CLASS.replace("PREDICT", "predict"))
    return parts


def _table_api(program: Program, table: Table) -> list[str]:
    parts = [_CELLS]
    for answer in table.answers:
        text = _ANSWER.replace("NAME", camel(answer.function)).replace("COUNT", str(answer.numbers))
        parts.append(text.replace("NOTE", answer.note[0].upper() + answer.note[1:]))
    if program.class_names:
        parts.append(_CLASS.replace("PREDICT", "predictRow"))
    if table.rows:
        cells = [[_cell(row[c.name]) for c in table.columns] for row in table.rows]
        rows = "".join(f"  [{', '.join(row)}],\n" for row in cells)
        answer = table.answers[0]
        text = _ROW_SELFTEST.replace("NAME", camel(answer.function))
        parts.append(text.replace("COUNT", str(answer.numbers)).replace("ROWS]", f"{rows}]", 1))
    return parts


def _cell(value: str | float | None) -> str:
    return ascii_text(value) if isinstance(value, str) else json.dumps(value)
