"""Networks as generated C, JavaScript and Python: every layer and activation, by every compiler."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamina as lm
from embed.generated_code import (
    C_COMPILERS,
    COMPILERS,
    compiled,
    module,
    needs,
    network_driver,
    node,
    predictions,
    run,
    units_apart,
)
from lamina import _core

ACTIVATIONS: list[Any] = [
    *("identity", "relu", "sigmoid", "tanh", "softplus", "gelu", "gelu_tanh", "silu", "selu"),
    *("mish", "softsign", "log_sigmoid", "hard_sigmoid", "hard_tanh", "hard_swish", "relu6"),
    *("gaussian", "softmax", "log_softmax", "step"),
    {"kind": "leaky_relu", "negative_slope": 0.1},
    {"kind": "elu", "alpha": 2.0},
    {"kind": "celu", "alpha": 1.5},
    {"kind": "sin", "frequency": 3.0},
]
# Sums of rows run by vectors in the core, and tanh and gelu use an estimate of the processor's.
INEXACT = {"tanh", "gelu", "softmax", "log_softmax", "norms", "residual", "ensemble", "embeddings"}
INPUTS = 7
WITH_FMA = _core.build_info()["instruction_set"] not in ("sse2", "portable")


def name_of(activation: Any) -> str:
    return activation if isinstance(activation, str) else str(activation["kind"])


def layers_of(name: str) -> list[lm.Layer]:
    """Networks that have all layers of the catalogue among them."""
    if name == "norms":
        normal = [lm.Normalization(), lm.Dense(9), lm.BatchNorm(), lm.Activation("relu")]
        rows = [lm.LayerNorm(), lm.Dense(8), lm.RMSNorm(), lm.PReLU(), lm.Dropout(0.2)]
        scaled = [lm.Dense(4, parametrization="ntk"), lm.ParametricActivation("mish", 0.7)]
        fixed = [lm.Scale(2.0, shift=True), lm.Affine([1, 2, 3, 4.0], 0.5), lm.Clip(-1, 3)]
        return [*normal, *rows, *scaled, *fixed, lm.GaussianNoise(1.0), lm.Dense(3, bias=False)]
    if name == "residual":
        inner = lm.Residual([lm.Dense(4, "tanh"), lm.Dense(INPUTS)])
        block = lm.Residual([lm.Dense(INPUTS, "relu"), inner, lm.Dropout(0.1)])
        more = [lm.Residual([lm.Dense(5)]), lm.Residual([lm.AlphaDropout(0.1)])]
        last = [lm.Dense(2, bias=False, parametrization="ntk"), lm.PReLU(shared=True)]
        scaling = lm.TargetScaling(clip=True)
        return [lm.Affine(0.5, 1.0), block, lm.Activation("silu"), *more, *last, scaling]
    if name == "ensemble":
        inside = [lm.Dense(8, "mish"), lm.LayerNorm(), lm.Residual([lm.Dense(8, "relu")])]
        head = lm.Dense(3, "softmax")
        return [lm.Dense(6, "relu"), lm.Ensemble([*inside, lm.BatchNorm(), head], k=5)]
    if name == "adapters":
        plain = lm.Dense(8, "relu", bias=False, parametrization="ntk")
        heads = lm.Dense(2, parametrization="ntk")
        return [lm.Ensemble([lm.Dense(8, "mish"), plain, heads], k=4, adapters="all")]
    if name == "embeddings":
        first = lm.PiecewiseLinear({0: [-1, 0, 1.0], 3: [-2, -1, 0.5, 4]}, units=3)
        second = lm.PiecewiseLinear({1: [-1, 0, 1.0]}, units=2, version="A", activation="relu")
        waves = [lm.Periodic([2, 9], sigma=1.0), lm.Periodic([0], "plr", units=5, sigma=0.5)]
        shared = lm.Periodic([3, 4], "pbld", shared=True)
        return [first, second, *waves, shared, lm.Dense(4, "tanh"), lm.Dense(2)]
    if name == "columns":
        numbers = [lm.NumberEncoding(edges=[-1, 0, 2.0], limit=3.0, indicator=True)]
        codes = [lm.CategoryEncoding(3, indicator=True), lm.CodeEncoding(4)]
        date = lm.DateEncoding(center=9000.0, scale=400.0, limit=2.0, fill=8000.0, indicator=True)
        plain = lm.NumberEncoding(fill=0.5)
        encoding = lm.ColumnEncoding([*numbers, *codes, date, plain, plain])
        return [encoding, lm.Embedding({8: 4}, units=3), lm.Dense(2)]
    if name == "codes":  # features of which the core looks up the sums, for steps 64 at a time
        number = lm.NumberEncoding(edges=np.linspace(-3, 3, 150), indicator=True)
        date, plain = lm.DateEncoding(center=9000.0, scale=400.0), lm.NumberEncoding(fill=0.5)
        categories = [lm.CategoryEncoding(30, indicator=True), lm.CategoryEncoding(4)]
        encoding = lm.ColumnEncoding([number, *categories, date, plain, plain])
        return [encoding, lm.Dense(32, "relu"), lm.Dense(2)]
    return [lm.Dropout(0.3)]


LAYERS = ("norms", "residual", "ensemble", "adapters", "embeddings", "columns", "codes", "nothing")


def network(name: str, dtype: str) -> lm.Sequential:
    """A network with weights that are not those of the start."""
    activation = next((a for a in ACTIVATIONS if name_of(a) == name), None)
    layers = layers_of(name) if activation is None else [lm.Dense(19, activation), lm.Dense(3)]
    net = lm.Sequential(layers, inputs=INPUTS, seed=1, dtype=dtype)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    parameters = net.parameters()
    for key, value in parameters.items():
        moved = value + 0.3 * rng.normal(size=value.shape)
        if key.endswith(("running_var", "deviation", "scale")):
            moved = np.abs(moved) + 0.5
        if key.endswith((".low", ".high")):
            moved = np.full_like(value, -4.0 if key.endswith("low") else 3.0)
        parameters[key] = moved.astype(value.dtype)
    net.set_parameters(parameters)
    return net


def rows_for(name: str, dtype: str, rows: int = 200) -> Any:
    """Rows that reach all cases: large and small numbers; codes, dates and missing values."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(rows, INPUTS)) * rng.choice([0.01, 1.0, 4.0], (rows, 1))
    x[:3] *= 40.0
    if name == "codes":
        x[:, 0] = rng.uniform(-20, 170, rows)
    if name in ("columns", "codes"):
        x[:, 1] = rng.integers(-1, 5, rows)
        x[:, 2] = rng.integers(-1, 5, rows) + (rng.random(rows) < 0.1) * 0.5
        x[:, 3], x[:, 4] = rng.integers(7000, 11000, rows), rng.integers(0, 86400, rows) / 86400
        x[rng.random(x.shape) < 0.1] = np.nan
        x[0, 0], x[1, 0] = 1e30, -1e30
    return x.astype(dtype)


def is_exact(name: str, dtype: str) -> bool:
    """Whether the core's bits are to be met: its kernels then have fma, as generated code has."""
    return name not in INEXACT and dtype == "float32" and WITH_FMA


def limit_of(name: str, dtype: str) -> float:
    """How far outputs may be, as a share of the greatest one."""
    limit = {"float32": 2e-6, "float64": 4e-15}[dtype]
    # Where sums are rounded otherwise, waves of large numbers multiply the difference.
    return limit if WITH_FMA or name not in ("sin", "embeddings") else 40 * limit


@pytest.fixture(scope="module", params=["float32", pytest.param("float64", marks=pytest.mark.long)])
def program(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """A number type, and all networks of it as C in one program, with gradients."""
    dtype = request.param
    folder = tmp_path_factory.mktemp("networks")
    head, body = "#include <stdio.h>\n#include <string.h>\n", ""
    for name in [*map(name_of, ACTIVATIONS), *LAYERS]:
        words = {"p": name, "P": name.upper(), "T": "float" if dtype == "float32" else "double"}
        network(name, dtype).export_c(folder / f"{name}.h", gradient=name != "step", prefix=name)
        head += f'#include "{name}.h"\n'
        body += _CASE.format(**words) + (_SLOPES.format(**words) if name != "step" else "")
    source = folder / "all.c"
    main = f"int main(int count, char** words) {{\n  if (count < 2) return 1;\n{body}"
    source.write_text(f"{head}{main}  return 2;\n}}\n")
    # The fastest compiler; tests of single networks try the others.
    return dtype, compiled(source, "tcc" if shutil.which("tcc") else "gcc", optimize="-O0")


_CASE = """\
  if (strcmp(words[1], "{p}") == 0) {{
    {T} x[{P}_INPUTS], y[{P}_OUTPUTS];
    while (fread(x, sizeof x, 1, stdin) == 1) {{
      {p}_predict(x, y);
      fwrite(y, sizeof y, 1, stdout);
    }}
    return {p}_selftest();
  }}
"""
_SLOPES = """\
  if (strcmp(words[1], "slopes_{p}") == 0) {{
    {T} x[{P}_INPUTS], slopes[{P}_INPUTS];
    while (fread(x, sizeof x, 1, stdin) == 1) {{
      for (int i = 0; i < {P}_OUTPUTS; ++i) {{
        {p}_gradient(x, i, slopes);
        fwrite(slopes, sizeof slopes, 1, stdout);
      }}
    }}
    return 0;
  }}
"""


def outputs_of(program: Path, case: str, x: Any) -> Any:
    done = subprocess.run([program, case], input=x.tobytes(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, x.dtype)


@pytest.mark.kernels
@pytest.mark.parametrize("name", [*map(name_of, ACTIVATIONS), *LAYERS])
def test_c_gives_what_predict_gives(program: tuple[str, Path], name: str) -> None:
    dtype, command = program
    net, x = network(name, dtype), rows_for(name, dtype)
    expected = net.predict(x)
    found = outputs_of(command, name, x).reshape(expected.shape)
    if is_exact(name, dtype):
        assert units_apart(found, expected) == 0
    limit = limit_of(name, dtype)
    assert np.abs(found - expected).max() <= limit * np.abs(expected).max()


@pytest.mark.kernels
@pytest.mark.parametrize("name", [*(name_of(a) for a in ACTIVATIONS if a != "step"), *LAYERS])
def test_the_gradient_in_c_is_the_jacobian(program: tuple[str, Path], name: str) -> None:
    dtype, command = program
    net, x = network(name, dtype), rows_for(name, dtype, 20)
    if name == "embeddings":
        x = x[3:]  # at frequencies of about 1 numbers of some hundred have lost their phase
    expected = net.jacobian(x)
    found = outputs_of(command, f"slopes_{name}", x).reshape(expected.shape)
    limit = limit_of(name, dtype) * {"float32": 2.0, "float64": 5.0}[dtype]
    assert np.abs(found - expected).max() <= limit * max(np.abs(expected).max(), 1.0)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("math", ["own", "libm"])
def test_every_compiler_builds_it_without_a_warning(
    tmp_path: Path, compiler: str, math: Any
) -> None:
    net, x = network("norms", "float32"), rows_for("norms", "float32")
    net.export_c(tmp_path / "model.h", math=math, gradient=True)
    program = compiled(network_driver(tmp_path / "model.h", "float32"), compiler)
    found, expected = predictions(program, x, 3), net.predict(x)
    assert np.abs(found - expected).max() <= 2e-6 * np.abs(expected).max()


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_two_files_may_include_it_and_one_that_calls_nothing(tmp_path: Path, compiler: str) -> None:
    net = network("ensemble", "float32")
    net.export_c(tmp_path / "model.h", gradient=True, class_names=["a", "b", "c"])
    calls_nothing = '#include "model.h"\nint unused(void);\nint unused(void) { return 0; }\n'
    (tmp_path / "unused.c").write_text(calls_nothing)
    source = network_driver(tmp_path / "model.h", "float32")
    program = compiled(source, compiler, [str(tmp_path / "unused.c")])
    x = rows_for("ensemble", "float32")
    assert np.abs(predictions(program, x, 3) - net.predict(x)).max() < 1e-6


def test_two_models_may_be_in_one_file(tmp_path: Path) -> None:
    for prefix in ("first", "second"):
        network("norms", "float32").export_c(tmp_path / f"{prefix}.h", prefix=prefix)
    source = tmp_path / "both.c"
    source.write_text(
        '#include "first.h"\n#include "second.h"\n'
        "int main(void) { return first_selftest() + second_selftest(); }\n"
    )
    assert run(compiled(source), b"")[1] == 0


def test_with_math_own_it_names_no_function_of_a_library(tmp_path: Path) -> None:
    needs("nm")
    for name in ("norms", "embeddings"):
        network(name, "float32").export_c(tmp_path / "model.h", gradient=True)
        text = (tmp_path / "model.h").read_text()
        assert "#include" not in text
        source = network_driver(tmp_path / "model.h", "float32")
        compiled(source, "gcc", ["-c"], "-O2")
        program = source.with_suffix(".gcc.out")
        names = subprocess.run(["nm", "-u", program], capture_output=True, text=True, check=True)
        found = set(re.findall(r"U (\w+)", names.stdout))
        # memcpy, memset and the check of the stack are the compiler's own.
        own = {"memcpy", "memset", "__stack_chk_fail"}
        assert found <= {"fread", "fwrite", "stdin", "stdout", *own}


def test_the_self_test_notices_another_number(tmp_path: Path) -> None:
    network("relu", "float32").export_c(tmp_path / "model.h")
    text = (tmp_path / "model.h").read_text()
    begin = text.index("model_layers_0_weight[")
    place = re.compile(r"-?\d\.\d+f").search(text, begin)
    assert place is not None
    (tmp_path / "model.h").write_text(text[: place.start()] + "9.5f" + text[place.end() :])
    program = compiled(network_driver(tmp_path / "model.h", "float32"))
    assert run(program, b"")[1] > 0


def test_class_names_are_chosen_by_the_greatest_output(tmp_path: Path) -> None:
    net, x = network("softmax", "float32"), rows_for("softmax", "float32", 20)
    names = ["ja", 'n"\\ein??', "weiß"]
    net.export_c(tmp_path / "model.h", class_names=names)
    source = tmp_path / "main.c"
    source.write_text(
        '#include <stdio.h>\n#include "model.h"\nint main(void) { float x[7], y[3];\n'
        "while (fread(x, sizeof x, 1, stdin) == 1) { model_predict(x, y);\n"
        "puts(model_class_names[model_class_of(y)]); } return 0; }\n"
    )
    expected = [names[k] for k in net.predict(x).argmax(axis=1)]
    assert run(compiled(source), x.tobytes())[0].decode().split() == expected


@pytest.mark.kernels
@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.long)])
@pytest.mark.parametrize("name", [*LAYERS, "mish", "gelu", "log_softmax", "sin"])
def test_python_and_javascript_give_what_predict_gives(
    tmp_path: Path, name: str, dtype: str
) -> None:
    net, x = network(name, dtype), rows_for(name, dtype, 40)
    net.export_python(tmp_path / "model.py", gradient=True)
    net.export_javascript(tmp_path / "model.js", gradient=True)
    python = module(tmp_path / "model.py")
    rows = [[None if value != value else value for value in row] for row in x.tolist()]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    answers = node(tmp_path, _SCRIPT)
    expected, slopes = net.predict(x), net.jacobian(x[3:6])[:, 0]
    assert python.selftest() == answers["selftest"] == 0
    answers_of_python = [python.predict(row) for row in x.tolist()]
    slopes_of_python = [python.gradient(row, 0) for row in x[3:6].tolist()]
    for outputs, gradients in (
        (answers_of_python, slopes_of_python),
        (answers["outputs"], answers["slopes"]),
    ):
        found = np.array(outputs, dtype=dtype)
        if is_exact(name, dtype):
            assert units_apart(found, expected) == 0
        limit = limit_of(name, dtype)
        assert np.abs(found - expected).max() <= limit * np.abs(expected).max()
        off = np.abs(np.array(gradients) - slopes).max()
        assert off <= 5 * limit * max(np.abs(slopes).max(), 1.0)


_SCRIPT = """
const model = require("./model.js");
const rows = JSON.parse(require("fs").readFileSync("rows.json"));
const numbers = rows.map((row) => row.map((value) => (value === null ? NaN : value)));
console.log(JSON.stringify({
  outputs: numbers.map((row) => Array.from(model.predict(row))),
  slopes: numbers.slice(3, 6).map((row) => Array.from(model.gradient(row, 0))),
  selftest: model.selftest(),
}));
"""


def test_javascript_is_a_module_by_import_by_require_and_in_a_browser(tmp_path: Path) -> None:
    net = network("relu", "float32")
    net.export_javascript(tmp_path / "model.js", prefix="my_model")
    net.export_javascript(tmp_path / "model.mjs")
    script = """
      const vm = require("vm");
      const page = { atob, Uint8Array, Float32Array };  // what a browser has; no module, no require
      page.globalThis = page;
      vm.runInNewContext(require("fs").readFileSync("model.js", "utf8"), page);
      Promise.all([import("./model.mjs"), import("./model.js")]).then(([own, common]) => {
        const row = [1, 2, 3, 4, 5, 6, 7];
        const models = [own, common, common.default, require("./model.js"), page.myModel];
        console.log(JSON.stringify(models.map((m) => [m.selftest(), ...m.predict(row)])));
      });
    """
    answers = node(tmp_path, script)
    assert len(answers) == 5
    assert all(answer == answers[0] and answer[0] == 0 for answer in answers)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda net, f: net.export_c(f, prefix="3d"), "expected a prefix of letters"),
        (lambda net, f: net.export_c(f, dtype="int4"), "expected dtype float32, float64, int8"),
        (lambda net, f: net.export_c(f, dtype="float64"), "needs a network of float64"),
        (lambda net, f: net.export_c(f, dtype="int8"), "needs calibration"),
        (lambda net, f: net.export_c(f, dtype="int8", gradient=True), "gradient needs dtype"),
        (lambda net, f: net.export_c(f, math="fast"), "expected math 'own' or 'libm'"),
        (lambda net, f: net.export_c(f, class_names=["a", "b"]), "expected 3 class_names"),
        (lambda net, f: net.export_c(f, gradient="yes"), "gradient"),
        (lambda net, f: lm.Sequential([lm.Dense(2)]).export_c(f), "inputs"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    tmp_path: Path, call: Any, sentence: str
) -> None:
    with pytest.raises((ValueError, TypeError, RuntimeError), match=sentence):
        call(network("relu", "float32"), tmp_path / "model.h")
    assert not (tmp_path / "model.h").exists()


def test_the_gradient_of_step_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'step' has no derivative"):
        network("step", "float32").export_c(tmp_path / "model.h", gradient=True)


def test_wrong_rows_raise_in_python_and_javascript(tmp_path: Path) -> None:
    net = network("relu", "float32")
    net.export_python(tmp_path / "model.py")
    net.export_javascript(tmp_path / "model.js")
    with pytest.raises(ValueError, match="x: expected 7 numbers, got 2"):
        module(tmp_path / "model.py").predict([1.0, 2.0])
    call = 'require("./model.js").predict([1])'
    script = f"try {{ {call}; }} catch (error) {{ console.log(JSON.stringify(error.message)); }}"
    assert node(tmp_path, script) == "x: expected 7 numbers, got 1"


def test_a_network_of_float64_may_be_written_in_float32(tmp_path: Path) -> None:
    net, x = network("norms", "float64"), rows_for("norms", "float64")
    net.export_c(tmp_path / "model.h", dtype="float32")
    program = compiled(network_driver(tmp_path / "model.h", "float32"))
    found = predictions(program, x.astype(np.float32), 3)
    assert np.abs(found - net.predict(x)).max() < 1e-4


def test_every_c_compiler_is_tried() -> None:
    assert set(C_COMPILERS) == {"gcc", "clang", "tcc"}
