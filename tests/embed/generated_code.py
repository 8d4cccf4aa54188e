"""Builds and runs what models export as C, JavaScript and Python, for tests."""

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror"]
# Compilers of C, and of C++, by the names of their commands.
C_COMPILERS = {
    "gcc": ["gcc", "-std=c99", "-ffp-contract=off", *WARNINGS],
    "clang": ["clang-16", "-std=c99", *WARNINGS],
    "tcc": ["tcc"],
}
CPP_COMPILERS = {
    "g++": ["g++", "-std=c++17", "-x", "c++", *WARNINGS],
    "clang++": ["clang++-16", "-std=c++17", "-x", "c++", *WARNINGS],
}
COMPILERS = C_COMPILERS | CPP_COMPILERS
# A driver's loop: numbers from the standard input to outputs on the standard output, as bytes.
_NETWORK = """\
#include <stdio.h>
#include "{header}"
int main(void) {{
  {real} x[{upper}_INPUTS], y[{upper}_OUTPUTS];
  while (fread(x, sizeof x, 1, stdin) == 1) {{
    {prefix}_predict(x, y);
    fwrite(y, sizeof y, 1, stdout);
  }}
  return {prefix}_selftest();
}}
"""
# A case of a driver of several networks: what the first word of its command says.
_CASE = """\
  if (strcmp(words[1], "{prefix}") == 0) {{
    {real} x[{upper}_INPUTS], y[{upper}_OUTPUTS];
    while (fread(x, sizeof x, 1, stdin) == 1) {{
      {prefix}_predict(x, y);
      fwrite(y, sizeof y, 1, stdout);
    }}
    return {prefix}_selftest();
  }}
"""
_SLOPES = """\
  if (strcmp(words[1], "slopes_{prefix}") == 0) {{
    {real} x[{upper}_INPUTS], slopes[{upper}_INPUTS];
    while (fread(x, sizeof x, 1, stdin) == 1) {{
      for (int i = 0; i < {upper}_OUTPUTS; ++i) {{
        {prefix}_gradient(x, i, slopes);
        fwrite(slopes, sizeof slopes, 1, stdout);
      }}
    }}
    return 0;
  }}
"""
# A row has its cells in lines, which are empty where one is missing.
_TABLE = """\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "{header}"
static char cells[{count}][256];
static int read_row(void) {{
  for (int i = 0; i < {count}; ++i) {{
    if (fgets(cells[i], 256, stdin) == 0) return 0;
    cells[i][strcspn(cells[i], "\\n")] = 0;
  }}
  return 1;
}}
int main(void) {{
  while (read_row()) {{
    {prefix}_row row = {prefix}_empty_row();
    double y[{numbers}] = {{0}};
{fields}
    double status = {prefix}_{function}(&row, y);
    fwrite(&status, sizeof status, 1, stdout);
    fwrite(y, sizeof y, 1, stdout);
  }}
  return {prefix}_selftest();
}}
"""


def needs(*commands: str) -> None:
    """Skip a test where a command is not there."""
    for command in commands:
        if shutil.which(command) is None:
            pytest.skip(f"no command {command}")


def compiled(
    source: Path, compiler: str = "gcc", more: Sequence[str] = (), optimize: str = "-O1"
) -> Path:
    """The program of a source file, built without a warning."""
    command = COMPILERS[compiler]
    needs(command[0])
    program = source.with_suffix(f".{compiler}.out")
    subprocess.run(
        [*command, optimize, str(source), *more, "-o", str(program), "-lm"],
        check=True,
        timeout=1800,
    )
    return program


def run(program: Path, data: bytes, before: Sequence[str] = ()) -> tuple[bytes, int]:
    """What a program writes for these bytes, and its exit code."""
    done = subprocess.run(
        [*before, str(program)], input=data, capture_output=True, check=False, timeout=1800
    )
    assert done.returncode >= 0, done.stderr
    return done.stdout, done.returncode


def network_driver(header: Path, dtype: str, prefix: str = "model") -> Path:
    """A program's source that predicts rows and ends with the self-test's answer."""
    source = header.with_suffix(".c")
    words = {"header": header.name, "prefix": prefix, "upper": prefix.upper()}
    source.write_text(_NETWORK.format(real="float" if dtype == "float32" else "double", **words))
    return source


def networks_driver(folder: Path, cases: dict[str, tuple[str, bool]]) -> Path:
    """A source of all networks PREFIX.h of a folder, for `network_answers`.

    Args:
        cases: by prefix the number type, and whether there are gradients.
    """
    head, body = "#include <stdio.h>\n#include <string.h>\n", ""
    for prefix, (dtype, gradient) in cases.items():
        words = {"prefix": prefix, "upper": prefix.upper()}
        words["real"] = "float" if dtype == "float32" else "double"
        head += f'#include "{prefix}.h"\n'
        body += _CASE.format(**words) + (_SLOPES.format(**words) if gradient else "")
    main = f"int main(int count, char** words) {{\n  if (count < 2) return 1;\n{body}"
    source = folder / "networks.c"
    source.write_text(f"{head}{main}  return 2;\n}}\n")
    return source


def network_answers(program: Path, case: str, x: Any) -> Any:
    """All outputs of rows of the network PREFIX, or the gradients of "slopes_PREFIX"; flat."""
    done = subprocess.run(
        [program, case], input=x.tobytes(), capture_output=True, check=False, timeout=1800
    )
    assert done.returncode == 0, f"{case}: {done.returncode} {done.stderr.decode()}"
    return np.frombuffer(done.stdout, x.dtype)


def predictions(program: Path, rows: Any, outputs: int, before: Sequence[str] = ()) -> Any:
    """Outputs [rows, outputs] of such a program, whose self-test must be right."""
    written, code = run(program, np.ascontiguousarray(rows).tobytes(), before)
    assert code == 0
    return np.frombuffer(written, rows.dtype).reshape(len(rows), outputs)


def table_driver(
    header: Path, kinds: dict[str, str], numbers: int, function: str = "predict_row"
) -> Path:
    """The same for a model of a table; `kinds` are "text" or "number", by field."""
    lines = [
        f"    if (cells[{i}][0]) row.{field} = "
        + (f"cells[{i}];" if kind == "text" else f"strtod(cells[{i}], 0);")
        for i, (field, kind) in enumerate(kinds.items())
    ]
    words = {"header": header.name, "prefix": "model", "function": function, "numbers": numbers}
    source = header.with_name(f"{header.stem}_{function}.c")
    source.write_text(_TABLE.format(count=len(kinds), fields="\n".join(lines), **words))
    return source


def table_answers(program: Path, rows: Sequence[Sequence[Any]], numbers: int) -> Any:
    """Status and numbers [rows, 1 + numbers] of rows of cells, None where one is missing."""
    lines = [f"{'' if cell is None else cell}\n" for row in rows for cell in row]
    written, code = run(program, "".join(lines).encode())
    assert code == 0
    return np.frombuffer(written, np.float64).reshape(len(rows), 1 + numbers)


def node(folder: Path, script: str) -> Any:
    """What a script of Node.js prints as JSON."""
    needs("node")
    done = subprocess.run(
        ["node", "-e", script], cwd=folder, capture_output=True, check=False, timeout=1800
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def module(path: Path) -> Any:
    """A Python module from its file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def units_apart(a: Any, b: Any) -> int:
    """The greatest distance of two arrays of one type in units of the last place."""
    kind = np.int32 if a.dtype == np.float32 else np.int64
    least = np.iinfo(kind).min
    places = []
    for array in (a, b):
        bits = np.ascontiguousarray(array).view(kind).astype(object)
        places.append(np.where(bits < 0, least - bits, bits))
    return int(np.abs(places[0] - places[1]).max())
