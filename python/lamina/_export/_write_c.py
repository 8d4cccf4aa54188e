"""Writes a program as one header of C99 that is C++ too."""

from typing import Any

from lamina._export._c_words import c_words
from lamina._export._identifiers import identifiers
from lamina._export._print_c import CPrinter, c_number, c_text
from lamina._export._program import Program
from lamina._export._steps import Constant

_WIDTH = 100
_TYPES = {"float": "float", "double": "double", "int": "int", "byte": "signed char"}


def write_c(program: Program, prefix: str) -> str:
    """The text of the header; all its names begin with the prefix."""
    fields = _fields(program)
    printer = CPrinter(program.real, prefix, fields)
    functions = [line for f in program.functions for line in [*printer.print_function(f), ""]]
    if program.table is not None:
        printer.used |= {("missing", "double"), ("magnitude", "double")}
    guard = f"{prefix.upper()}_H_INCLUDED"
    parts = [
        _head(program, prefix),
        f"#ifndef {guard}\n#define {guard}\n",
        "#include <math.h>\n" if program.math == "libm" else "",
        _declarations(program, prefix, fields),
        "/* Constants. */\n",
        *(_constant(each, prefix) for each in program.constants),
        *c_words(printer.used, program.real, prefix),
        "\n".join(functions),
        _row_selftest(program, prefix, fields),
        f"#endif /* {guard} */\n",
    ]
    return "\n".join(part for part in parts if part)


def _fields(program: Program) -> dict[str, str]:
    columns = [] if program.table is None else [each.name for each in program.table.columns]
    return dict(zip(columns, identifiers(columns), strict=True))


def _head(program: Program, prefix: str) -> str:
    needs = "<math.h> alone (link with -lm)" if program.math == "libm" else "no library at all"
    real = program.real
    kinds = "8-bit integers and " if program.has_integers else ""
    arithmetic = f"{kinds}{'float32' if real == 'float' else 'float64'}"
    size = f"{_size(program.data_bytes)} of constants, {_size(program.stack_bytes)} of stack"
    lines = [
        f"{prefix}.h: a neural network as C, written by lamina {program.version}.",
        "",
        *(f"  {line}" for line in program.what),
        "",
        f"It works in {arithmetic} and takes {size}.",
        "It is C99 and C++, needs no heap and "
        + needs
        + ". All is static and all names begin with",
        f"{prefix}_, so any number of files may include it. Arrays that functions read and write",
        "must not overlap.",
        "",
        *_use(program, prefix),
    ]
    return "/*\n" + "".join(f" * {line}".rstrip() + "\n" for line in lines) + " */\n"


def _use(program: Program, prefix: str) -> list[str]:
    upper, real = prefix.upper(), program.real
    if program.table is None:
        lines = [f"  {real} x[{upper}_INPUTS] = {{...}}, y[{upper}_OUTPUTS];"]
        lines.append(f"  {prefix}_predict(x, y);")
    else:
        answer = program.table.answers[0]
        lines = [f"  {prefix}_row row = {prefix}_empty_row();  // all is missing"]
        lines += [f"  row.{next(iter(_fields(program).values()))} = ...;"]
        lines += [f"  double y[{upper}_OUTPUTS];  // {answer.note}"]
        lines += [
            f"  if ({prefix}_{answer.function}(&row, y) != 0) ...  // the column that is wrong"
        ]
    if program.class_names:
        lines.append(f"  puts({prefix}_class_names[{prefix}_class_of(y)]);")
    lines.append(f"  if ({prefix}_selftest() != 0) ...  // the stored row that comes out wrong")
    return lines


def _size(count: int) -> str:
    return f"{count:,} bytes" if count < 10_000 else f"{count / 1000:,.0f} kB"


def _declarations(program: Program, prefix: str, fields: dict[str, str]) -> str:
    upper = prefix.upper()
    lines = []
    if program.table is None:
        lines += [f"#define {upper}_INPUTS {program.inputs}"]
        lines += [f"#define {upper}_OUTPUTS {program.outputs}"]
    else:
        # Of predict_row, predict_quantiles and predict_interval.
        sizes = {"row": "OUTPUTS", "quantiles": "QUANTILES", "interval": "INTERVAL"}
        for answer in program.table.answers:
            size = sizes[answer.function.removeprefix("predict_")]
            lines += [f"#define {upper}_{size} {answer.numbers}"]
    if program.class_names:
        count = len(program.class_names)
        lines += [f"#define {upper}_CLASSES {count}", ""]
        lines += ["/* The classes, in the order of their probabilities. */"]
        lines += [f"static const char* const {prefix}_class_names[{count}] = {{"]
        lines += [*(f"  {c_text(name)}," for name in program.class_names), "};"]
    if program.table is not None:
        lines += [
            "",
            "/* A row of the table. NaN is a missing number or date, 0 (NULL) no text. Dates",
            "   are seconds since 1970-01-01 in UTC. Texts are UTF-8 and match as in the table: as",
            "   numbers by value, true and false in any letters, all others to the letter. */",
            "typedef struct {",
        ]
        for column in program.table.columns:
            kind = "const char*" if column.kind == "category" else "double"
            lines.append(f"  {kind} {fields[column.name]};  /* {column.note} */")
        lines += [f"}} {prefix}_row;"]
    return "\n".join(lines) + "\n"


def _constant(each: Constant, prefix: str) -> str:
    name = f"{prefix}_{each.name}"
    note = f"/* {each.note} */\n" if each.note else ""
    if each.kind == "text":
        words = [c_text(str(text)) for text in each.values]
        head = f"static const char* const {name}[{len(words)}] = {{\n"
    else:
        assert not isinstance(each.values, list)
        # Digits that read back as the number, and no more.
        suffix = "f" if each.kind == "float" else ""
        words = [text + suffix for text in each.values.astype("U32").tolist()]
        # Infinity stands for a missing number where a table says so.
        words = [text.replace("inf", "1.0 / 0.0") for text in words]
        head = f"static const {_TYPES[each.kind]} {name}[{len(words)}] = {{\n"
    return note + head + _filled_lines(words) + "};\n"


def _filled_lines(words: list[str]) -> str:
    lines, line = [], " "
    for word in words:
        if len(line) + len(word) + 2 > _WIDTH and line.strip():
            lines.append(line)
            line = " "
        line += f" {word},"
    return "\n".join([*lines, line]) + "\n"


def _row_selftest(program: Program, prefix: str, fields: dict[str, str]) -> str:
    """The functions of a table that no other language needs in this form."""
    table = program.table
    if table is None:
        return ""
    sets = "".join(
        f"  row.{fields[c.name]} = {'0' if c.kind == 'category' else f'{prefix}_missing()'};\n"
        for c in table.columns
    )
    text = (
        "/* A row in which all is missing, to begin with. */\n"
        f"static inline {prefix}_row {prefix}_empty_row(void) {{\n  {prefix}_row row;\n{sets}"
        "  return row;\n}\n"
    )
    if not table.rows:
        return text
    answer, rows = table.answers[0], table.rows[:-1]
    magnitude = f"{prefix}_magnitude{'' if program.real == 'double' else '_double'}"
    cells = [[_cell(row[c.name], c.kind) for c in table.columns] for row in rows]
    body = "".join(f"  {{{', '.join(row)}}},\n" for row in cells)
    return text + (
        f"\nstatic const {prefix}_row {prefix}_selftest_rows[{len(rows)}] = {{\n{body}}};\n\n"
        "/* Predicts stored rows: 0 where all are right, else the number of the first wrong one. "
        "*/\n"
        f"static inline int {prefix}_selftest(void) {{\n"
        f"  const {prefix}_row empty = {prefix}_empty_row();\n"
        f"  double y[{answer.numbers}];\n"
        f"  for (int r = 0; r < {len(rows) + 1}; ++r) {{\n"
        f"    const {prefix}_row* row = r < {len(rows)} ? &{prefix}_selftest_rows[r] : &empty;\n"
        f"    if ({prefix}_{answer.function}(row, y) != 0) return r + 1;\n"
        f"    for (int i = 0; i < {answer.numbers}; ++i) {{\n"
        f"      const double error = y[i] - {prefix}_selftest_answers[r * {answer.numbers} + i];\n"
        f"      if (!({magnitude}(error) <= {prefix}_selftest_limits[i])) return r + 1;\n"
        "    }\n  }\n  return 0;\n}\n"
    )


def _cell(value: Any, kind: str) -> str:
    return c_text(value) if kind == "category" else c_number(float(value), "double")
