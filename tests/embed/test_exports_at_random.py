"""Networks and tables at random as generated code: all languages and compilers answer alike.

C, JavaScript and Python round each operation alike, so their numbers are the same to the bit
whatever the weights are; numbers of usual size are also those of `predict`.
"""

import base64
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embed.generated_code import (
    C_COMPILERS,
    COMPILERS,
    compiled,
    module,
    network_answers,
    networks_driver,
    node,
    run,
)
from lamina._export._identifiers import identifiers
from lamina._export._print_c import c_text
from random_networks import RandomNetwork
from random_tables import RandomTable

SANITIZED = ["-fsanitize=undefined,float-cast-overflow", "-fno-sanitize-recover=all"]


def make_networks(folder: Path, seeds: Sequence[int]) -> dict[str, RandomNetwork]:
    """Networks by prefix, written to the folder in each language; every second one of extremes."""
    made = {}
    for seed in seeds:
        dtype = "float64" if seed % 3 == 0 else "float32"
        random = made[f"n{seed}"] = RandomNetwork(seed, dtype, extreme=seed % 2 == 0)
        path, gradient = folder / f"n{seed}", random.is_continuous
        random.net.export_c(f"{path}.h", prefix=path.name, gradient=gradient)
        random.net.export_python(f"{path}.py", gradient=gradient)
        random.net.export_javascript(f"{path}.js", prefix=path.name, gradient=gradient)
    return made


def make_integers(folder: Path, seeds: Sequence[int]) -> dict[str, RandomNetwork]:
    """The same as integers of 8 bits, which have no gradient and are not `predict`'s numbers."""
    made = {}
    for seed in seeds:
        random = made[f"n{seed}"] = RandomNetwork(seed)
        random.is_continuous = False
        path, options = folder / f"n{seed}", {"dtype": "int8", "calibration": random.rows(20)}
        random.net.export_c(f"{path}.h", prefix=path.name, **options)
        random.net.export_python(f"{path}.py", **options)
        random.net.export_javascript(f"{path}.js", prefix=path.name, **options)
    return made


def build_networks(
    folder: Path, made: dict[str, RandomNetwork], compiler: str, more: Sequence[str] = ()
) -> Path:
    cases = {prefix: (each.net.dtype, each.is_continuous) for prefix, each in made.items()}
    return compiled(networks_driver(folder, cases), compiler, more, "-O0")


# Numbers come and go as base64, since JSON has no NaN.
_IN_JAVASCRIPT = """
const cases = JSON.parse(require("fs").readFileSync("cases.json"));
const answers = cases.map(([prefix, kind, text, gradient]) => {
  const model = require(`./${prefix}.js`);
  const x = new globalThis[kind](Uint8Array.from(Buffer.from(text, "base64")).buffer);
  const found = [[], []];
  for (let at = 0; at < x.length; at += model.inputs) {
    const row = x.subarray(at, at + model.inputs);
    found[0].push(...model.predict(row));
    for (let k = 0; gradient && k < model.outputs; ++k) found[1].push(...model.gradient(row, k));
  }
  const texts = found.map((each) => Buffer.from(globalThis[kind].from(each).buffer));
  return [model.selftest(), ...texts.map((bytes) => bytes.toString("base64"))];
});
console.log(JSON.stringify(answers));
"""


def in_javascript(folder: Path, made: dict[str, RandomNetwork], rows: dict[str, Any]) -> Any:
    """Outputs and gradients of each network, whose self-tests must be right."""
    kinds = {"float32": "Float32Array", "float64": "Float64Array"}
    cases = [
        [
            *(prefix, kinds[each.net.dtype], base64.b64encode(rows[prefix].tobytes()).decode()),
            each.is_continuous,
        ]
        for prefix, each in made.items()
    ]
    (folder / "cases.json").write_text(json.dumps(cases))
    found = {}
    for prefix, (selftest, *texts) in zip(made, node(folder, _IN_JAVASCRIPT), strict=True):
        assert selftest == 0, prefix
        dtype = made[prefix].net.dtype
        found[prefix] = [np.frombuffer(base64.b64decode(text), dtype) for text in texts]
    return found


def check_networks(folder: Path, made: dict[str, RandomNetwork], program: Path) -> None:
    """Compare C, JavaScript and Python with each other, and with the network itself."""
    rows = {prefix: each.rows(8) for prefix, each in made.items()}
    scripts = in_javascript(folder, made, rows)
    for prefix, each in made.items():
        x = rows[prefix]
        outputs = network_answers(program, prefix, x)
        python = module(folder / f"{prefix}.py")
        assert python.selftest() == 0, prefix
        in_python = np.array([python.predict(row) for row in x.tolist()], x.dtype).ravel()
        np.testing.assert_array_equal(in_python, outputs, prefix)
        np.testing.assert_array_equal(scripts[prefix][0], outputs, prefix)
        if each.is_continuous:
            slopes = network_answers(program, f"slopes_{prefix}", x)
            np.testing.assert_array_equal(scripts[prefix][1], slopes, prefix)
            first = np.array([python.gradient(row, 0) for row in x[:2].tolist()], x.dtype)
            expected = slopes.reshape(len(x), -1, x.shape[1])[:2, 0]
            np.testing.assert_array_equal(first, expected, prefix)
        each.check(x, outputs.reshape(len(x), -1), {"float32": 3e-6, "float64": 1e-12})


def fastest() -> str:
    return "tcc" if shutil.which("tcc") else "gcc"


@pytest.mark.kernels
def test_networks_at_random_are_alike_in_every_language(tmp_path: Path) -> None:
    made = make_networks(tmp_path, range(1, 9))
    check_networks(tmp_path, made, build_networks(tmp_path, made, fastest()))


@pytest.mark.kernels
def test_integers_at_random_are_alike_in_every_language(tmp_path: Path) -> None:
    made = make_integers(tmp_path, range(1, 7))
    check_networks(tmp_path, made, build_networks(tmp_path, made, fastest()))


@pytest.mark.long
def test_many_networks_of_integers_have_no_undefined_behaviour(tmp_path: Path) -> None:
    made = make_integers(tmp_path, range(600, 640))
    check_networks(tmp_path, made, build_networks(tmp_path, made, "gcc", SANITIZED))


@pytest.mark.long
@pytest.mark.parametrize("first", range(100, 500, 50))
def test_many_networks_at_random_are_alike_in_every_language(tmp_path: Path, first: int) -> None:
    made = make_networks(tmp_path, range(first, first + 50))
    check_networks(tmp_path, made, build_networks(tmp_path, made, fastest()))


@pytest.mark.long
@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_compiler_gives_the_same_bits_without_undefined_behaviour(
    tmp_path: Path, compiler: str
) -> None:
    made = make_networks(tmp_path, range(500, 530))
    more = [] if compiler == "tcc" else SANITIZED
    check_networks(tmp_path, made, build_networks(tmp_path, made, compiler, more))


# Tables

_TABLES = """\
#include <stdio.h>
{headers}
static double nothing(void) {{ const double zero = 0.0; return zero / zero; }}
static void write(int wrong, const double* y, size_t count) {{
  double status = wrong;
  fwrite(&status, sizeof status, 1, stdout);
  fwrite(y, sizeof *y, count, stdout);
}}
{functions}
int main(void) {{ return {calls}; }}
"""


def make_tables(folder: Path, seeds: Sequence[int]) -> dict[str, RandomTable]:
    """Models of tables by prefix, written to the folder in each language."""
    made = {}
    for seed in seeds:
        table = made[f"t{seed}"] = RandomTable(seed)
        path = folder / f"t{seed}"
        table.model.export_c(f"{path}.h", prefix=path.name)
        table.model.export_python(f"{path}.py")
        table.model.export_javascript(f"{path}.js", prefix=path.name)
    return made


def tables_source(folder: Path, made: dict[str, RandomTable], rows: dict[str, Any]) -> Path:
    """A program that writes status and numbers of each function of each row."""
    functions = ""
    for prefix, table in made.items():
        kinds = table.kinds_read
        cells = "".join(
            f"    {{{', '.join(_in_c(row[name], kind) for name, kind in kinds.items())}}},\n"
            for row in rows[prefix]
        )
        body = "".join(
            f"  for (i = 0; i < {len(rows[prefix])}; ++i) {{\n    double y[{count}] = {{0}};\n"
            f"    write({prefix}_{function}(rows + i, y), y, {count});\n  }}\n"
            for function, count in table.functions.items()
        )
        functions += (
            f"static int all_of_{prefix}(void) {{\n  int i;\n  const {prefix}_row rows[] = {{\n"
            f"{cells}  }};\n{body}  return {prefix}_selftest();\n}}\n"
        )
    headers = "\n".join(f'#include "{prefix}.h"' for prefix in made)
    calls = " + ".join(f"all_of_{prefix}()" for prefix in made)
    source = folder / "tables.c"
    source.write_text(_TABLES.format(headers=headers, functions=functions, calls=calls))
    return source


def _in_c(value: Any, kind: str) -> str:
    if value is None:
        return "0" if kind == "category" else "nothing()"
    return c_text(value) if kind == "category" else repr(value)


_TABLES_IN_JAVASCRIPT = """
const cases = JSON.parse(require("fs").readFileSync("cases.json"));
console.log(JSON.stringify(cases.map(([prefix, names, rows]) => {
  const model = require(`./${prefix}.js`);
  const answers = names.map((name) => rows.map((row) => Array.from(model[name](row))));
  return [model.selftest(), answers, model.predictClass ? rows.map(model.predictClass) : null];
})));
"""


def check_tables(folder: Path, made: dict[str, RandomTable], compiler: str, more: Any = ()) -> None:
    """Compare C, JavaScript and Python with the model."""
    rows = {prefix: table.rows(16) for prefix, table in made.items()}
    written, code = run(compiled(tables_source(folder, made, rows), compiler, more, "-O0"), b"")
    assert code == 0
    in_c, at = np.frombuffer(written), 0
    camel = {"predict_row": "predictRow", "predict_quantiles": "predictQuantiles"}
    camel["predict_interval"] = "predictInterval"
    cases = [[p, [camel[f] for f in t.functions], rows[p]] for p, t in made.items()]
    (folder / "cases.json").write_text(json.dumps(cases))
    scripts = dict(zip(made, node(folder, _TABLES_IN_JAVASCRIPT), strict=True))
    for prefix, table in made.items():
        python = module(folder / f"{prefix}.py")
        selftest, answers, classes = scripts[prefix]
        assert selftest == python.selftest() == 0
        for place, (function, count) in enumerate(table.functions.items()):
            expected = table.answers(rows[prefix], function)
            found = in_c[at : at + 16 * (1 + count)].reshape(16, 1 + count)
            at += found.size
            assert not found[:, 0].any()
            in_python = [getattr(python, function)(row) for row in rows[prefix]]
            limit = 2e-6 * max(np.abs(expected).max(), np.abs(expected).std())
            for each in (found[:, 1:], answers[place], in_python):
                assert np.abs(np.asarray(each) - expected).max() <= limit, (prefix, function)
        if classes is not None:
            expected = table.model.predict(table.as_columns(rows[prefix])).tolist()
            assert classes == [python.predict_class(row) for row in rows[prefix]] == expected
            assert list(python.CLASS_NAMES) == list(table.model.target.classes)


@pytest.mark.filterwarnings("ignore::lamina.tabular.TableWarning")
def test_tables_with_the_worst_names_are_alike_in_every_language(tmp_path: Path) -> None:
    check_tables(tmp_path, make_tables(tmp_path, range(1, 7)), fastest())


@pytest.mark.filterwarnings("ignore::lamina.tabular.TableWarning")
@pytest.mark.long
@pytest.mark.parametrize("first", range(100, 300, 25))
def test_many_tables_are_alike_in_every_language(tmp_path: Path, first: int) -> None:
    check_tables(tmp_path, make_tables(tmp_path, range(first, first + 25)), fastest())


@pytest.mark.filterwarnings("ignore::lamina.tabular.TableWarning")
@pytest.mark.long
@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_compiler_takes_the_worst_names(tmp_path: Path, compiler: str) -> None:
    more = [] if compiler == "tcc" else SANITIZED
    check_tables(tmp_path, make_tables(tmp_path, range(20, 36)), compiler, more)


def test_names_that_fold_to_one_are_fields_apart() -> None:
    names = ["größe", "gro\u0308ße", "GROSE", "a\nb", "a b", "", "\x00", "_", "7", "int", "INT"]
    found = identifiers(names)
    assert len({name.lower() for name in found}) == len(names)
    assert all(name.isidentifier() and name.isascii() for name in found)


def test_every_compiler_of_c_is_among_those_that_are_tried() -> None:
    assert set(C_COMPILERS) < set(COMPILERS)
