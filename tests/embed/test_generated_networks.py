"""Networks as generated C, JavaScript and Python: every layer and activation, by every compiler."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamina as lm
from embed.exported_networks import (
    ACTIVATIONS,
    LAYERS,
    is_exact,
    limit_of,
    name_of,
    network,
    rows_for,
)
from embed.generated_code import (
    C_COMPILERS,
    COMPILERS,
    compiled,
    needs,
    network_driver,
    predictions,
    run,
    units_apart,
)


@pytest.fixture(scope="module", params=["float32", "float64"])
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
        (lambda net, f: net.export_c(f, class_names="abc"), "expected class_names as a list"),
        (lambda net, f: net.export_c(f, calibration=[[0.0]]), "calibration is for dtype 'int8'"),
        (lambda net, f: net.export_c(3), "expected the path of a file, got 3"),
        (lambda net, f: net.export_c(f.parent / "a\0b"), "without zero bytes"),
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


def test_a_file_is_replaced_as_a_whole_and_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    net = network("relu", "float32")
    net.export_c(tmp_path / "model.h")
    (tmp_path / "link.h").symlink_to("other.h")
    net.export_c(tmp_path / "link.h")
    assert (tmp_path / "link.h").is_symlink()
    assert (tmp_path / "other.h").read_bytes() == (tmp_path / "model.h").read_bytes()
    with pytest.raises(IsADirectoryError):
        net.export_c(tmp_path)
    with pytest.raises(FileNotFoundError):
        net.export_c(tmp_path / "no folder" / "model.h")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.h", "model.h", "other.h"]
    net.export_c("/dev/null")
    assert Path("/dev/null").is_char_device()


def test_the_gradient_of_step_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'step' has no derivative"):
        network("step", "float32").export_c(tmp_path / "model.h", gradient=True)


def test_a_network_of_float64_may_be_written_in_float32(tmp_path: Path) -> None:
    net, x = network("norms", "float64"), rows_for("norms", "float64")
    net.export_c(tmp_path / "model.h", dtype="float32")
    program = compiled(network_driver(tmp_path / "model.h", "float32"))
    found = predictions(program, x.astype(np.float32), 3)
    assert np.abs(found - net.predict(x)).max() < 1e-4


def test_every_c_compiler_is_tried() -> None:
    assert set(C_COMPILERS) == {"gcc", "clang", "tcc"}
