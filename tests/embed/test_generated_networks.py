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
    network_answers,
    network_driver,
    networks_driver,
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
    cases = {name: (dtype, name != "step") for name in [*map(name_of, ACTIVATIONS), *LAYERS]}
    for name, (_, gradient) in cases.items():
        network(name, dtype).export_c(folder / f"{name}.h", gradient=gradient, prefix=name)
    # The fastest compiler; tests of single networks try the others.
    fastest = "tcc" if shutil.which("tcc") else "gcc"
    return dtype, compiled(networks_driver(folder, cases), fastest, optimize="-O0")


@pytest.mark.kernels
@pytest.mark.parametrize("name", [*map(name_of, ACTIVATIONS), *LAYERS])
def test_c_gives_what_predict_gives(program: tuple[str, Path], name: str) -> None:
    dtype, command = program
    net, x = network(name, dtype), rows_for(name, dtype)
    expected = net.predict(x)
    found = network_answers(command, name, x).reshape(expected.shape)
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
    found = network_answers(command, f"slopes_{name}", x).reshape(expected.shape)
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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_waves_of_great_numbers_are_right_while_their_digits_tell(
    tmp_path: Path, dtype: Any
) -> None:
    net = lm.Sequential([lm.Activation("sin")], inputs=1, dtype=dtype)
    net.export_c(tmp_path / "model.h")
    x = np.geomspace(1e3, 4e16, 400).astype(dtype)[:, None]
    program = compiled(network_driver(tmp_path / "model.h", dtype))
    limit = {"float32": 4e-7, "float64": 4e-15}[dtype]
    assert np.abs(predictions(program, x, 1) - np.sin(x.astype(np.float64))).max() < limit
    beyond = np.array([[1e17], [-3e38], [np.inf]], dtype)
    assert predictions(program, beyond, 1).ravel().tolist()[:2] == [0.0, 0.0]
    assert np.isnan(predictions(program, beyond, 1)[2, 0])


def test_the_self_test_of_a_network_that_magnifies_roundings_is_right(tmp_path: Path) -> None:
    net = lm.Sequential([lm.Dense(8), lm.LayerNorm(), lm.Activation("sin")], inputs=3, seed=2)
    parameters = net.parameters()
    parameters["layers.0.bias"] += 3000.0
    parameters["layers.1.weight"] *= 300.0
    net.set_parameters(parameters)
    net.export_c(tmp_path / "model.h")
    source = network_driver(tmp_path / "model.h", "float32")
    assert run(compiled(source), b"")[1] == 0


def test_the_self_test_leaves_out_rows_whose_outputs_are_no_numbers(tmp_path: Path) -> None:
    net = lm.Sequential([lm.Dense(1, "relu"), lm.Dense(1), lm.Dense(1)], inputs=1)
    big = {"layers.0.weight": 1.0, "layers.1.weight": 3e38, "layers.2.weight": 3e38}
    parameters = net.parameters()
    for name, value in big.items():
        parameters[name][:] = value
    net.set_parameters(parameters)  # infinite above 0
    net.export_c(tmp_path / "model.h")
    assert "inf" not in (tmp_path / "model.h").read_text()
    assert run(compiled(network_driver(tmp_path / "model.h", "float32")), b"")[1] == 0
    parameters["layers.0.bias"][:] = 9.0
    net.set_parameters(parameters)
    with pytest.raises(ValueError, match="outputs are NaN or infinite for all rows"):
        net.export_c(tmp_path / "none.h")
    assert not (tmp_path / "none.h").exists()


def test_numbers_that_float32_cannot_hold_are_refused(tmp_path: Path) -> None:
    net = lm.Sequential([lm.Dense(1)], inputs=1, dtype="float64")
    net.set_parameters({"layers.0.weight": [[1e300]], "layers.0.bias": [0.0]})
    sentence = r"layers\.0\.weight has numbers of 1e\+300, which dtype 'float32' cannot hold"
    with pytest.raises(ValueError, match=sentence):
        net.export_c(tmp_path / "model.h", dtype="float32")
    net.export_c(tmp_path / "model.h")


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
        (lambda net, f: net.export_c(f, prefix="my__net"), "without two underscores together"),
        (lambda net, f: net.export_c(f, prefix="net_"), "without one at its end"),
        (lambda net, f: net.export_javascript(f, prefix="class"), "allows as a variable"),
        (lambda net, f: net.export_javascript(f, prefix="module"), "allows as a variable"),
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
