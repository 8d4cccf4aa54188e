"""C++ and C programs build with all warnings as errors, and do what Python does, to the bit."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

import lamina as lm
from embed.catalogue_program import ANY_COMPILER, INPUTS, X, Y, parse
from embed.consumers import (
    WARNINGS,
    Environment,
    compiler_of,
    needed,
    pkg_config_flags,
    run,
)
from lamina.tabular import TableModel

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "examples"
PAGE = REPOSITORY / "docs" / "cpp.md"
# Each compiler and each tool once; the other pairs take as long again.
PAIRS = [
    ("gcc", "cmake"),
    ("clang", "pkg-config"),
    pytest.param("gcc", "pkg-config", marks=pytest.mark.long),
    pytest.param("clang", "cmake", marks=pytest.mark.long),
]


def same_tensors(one: Path, other: Path) -> bool:
    """Whether two files hold the same parameters, bit by bit."""
    first, second = (lm.load(path).parameters() for path in (one, other))
    return first.keys() == second.keys() and all(
        first[name].tobytes() == second[name].tobytes() for name in first
    )


def built(fresh: Environment, folder: Path, name: str, compiler: str, tool: str) -> Path:
    """An example, by its own CMake project or as its README has it in one line."""
    source, warnings = EXAMPLES / name, [*WARNINGS, "-Wshadow"]
    cxx = name == "embed_cpp"
    if tool == "cmake":
        language = "CXX" if cxx else "C"
        run(
            *(needed("cmake"), "-S", source, "-B", folder / "build", "-DCMAKE_BUILD_TYPE=Release"),
            f"-DCMAKE_{language}_COMPILER={compiler_of(compiler, cxx=cxx)}",
            f"-DCMAKE_{language}_FLAGS={' '.join(warnings)}",
            f"-Dlamina_DIR={fresh.folder('--cmakedir')}",
        )
        run("cmake", "--build", folder / "build")
        return folder / "build" / "monitor"
    command = [
        compiler_of(compiler, cxx=cxx),
        "-std=c++20" if cxx else "-std=c99",
        "-O2",
        *warnings,
    ]
    program = folder / "monitor"
    (file,) = source.glob("monitor.c*")
    flags = pkg_config_flags(fresh.folder("--pkgconfigdir"))
    run(*command, file, *flags, "-lm", "-o", program)
    return program


def fed(text: str, *command: str | Path) -> str:
    """What a program prints that reads this text."""
    return subprocess.run(
        list(map(str, command)), input=text, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models that Python gives the program behaviour.cpp."""
    folder = tmp_path_factory.mktemp("files")
    net = lm.Sequential([lm.Dense(8, "tanh"), lm.Dense(2)], inputs=INPUTS, seed=9)
    net.save(folder / "network.lamina")
    size, colour = (
        np.where(np.arange(200) % 20, np.arange(200) % 7, np.nan),
        np.array(["red", "blue"], dtype=object)[np.arange(200) % 2],
    )
    answer = np.where((size > 3) ^ (colour == "red"), "yes", "no").astype(object)
    table = {"size": size.astype(float), "colour": colour, "answer": answer}
    model = TableModel.fit(table, target="answer", preset="plain", epochs=3, verbose=False)
    model.save(folder / "table.lamina")
    return folder


def test_exceptions_stops_steps_copies_tables_and_errors_are_as_promised(
    fresh: Environment, files: Path, tmp_path: Path
) -> None:
    source = Path(__file__).parent / "behaviour.cpp"
    options = ("-O0", "-Wshadow", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    program = fresh.build(tmp_path, [source], compiler="gcc", tool="pkg-config", options=options)
    found = parse(run(program, files))["behaviour"]

    net = lm.load(files / "network.lamina")
    assert float(found["prediction"]) == net.predict(X)[2, 1]
    net.fit(X, Y, epochs=2, verbose=False)
    net.save(files / "expected.lamina")
    assert same_tensors(files / "trained.lamina", files / "expected.lamina")

    table = TableModel.load(files / "table.lamina")
    row = {"size": np.array([2.0]), "colour": np.array(["red"], dtype=object)}
    assert float(found["row"]) == table.predict_probabilities(row)[0, -1]
    gap = {"size": np.array([np.nan]), "colour": np.array(["blue"], dtype=object)}
    assert found["class"] == table.predict(gap)[0]

    net = lm.Sequential([lm.Dense(8, "tanh"), lm.Dense(2)], inputs=INPUTS, seed=5)
    sgd = lm.SGD(0.1, momentum=0.9)
    for _ in range(3):
        net.train_step(X, Y, optimizer=sgd, loss="mean_absolute_error")
    net.value_and_grad(X, Y, loss=lm.Huber(0.5))
    sgd.step(net)
    net.backward(net.forward(X, training=True) * np.float32(0.01))
    sgd.step(net)
    assert float(found["steps"]) == net.evaluate(X, Y)["loss"]
    assert float(found["jacobian"]) == net.jacobian(X)[1].ravel()[5]


@pytest.mark.parametrize(("compiler", "tool"), PAIRS)
def test_the_monitor_in_cpp_trains_to_the_weights_of_python(
    fresh: Environment, tmp_path: Path, compiler: str, tool: str
) -> None:
    program = built(fresh, tmp_path, "embed_cpp", compiler, tool)
    healthy, clogged = (run(program, "simulate", kind) for kind in ("healthy", "clogged"))
    printed = fed(healthy, program, "train", tmp_path / "pump.lamina")

    x = np.loadtxt(healthy.splitlines(), delimiter=",", skiprows=1, dtype=np.float32)
    layers = [lm.Normalization(), lm.Dense(16, "tanh"), lm.Dense(2), lm.Dense(16, "tanh")]
    net = lm.Sequential([*layers, lm.Dense(5)], inputs=5, seed=1, scale_targets=True)
    history = net.fit(
        *(x, x),
        epochs=40,
        optimizer=lm.Adam(lm.CosineSchedule(0.01)),
        validation_fraction=0.1,
        early_stopping=10,
        verbose=False,
    )
    net.save(tmp_path / "python.lamina")
    assert same_tensors(tmp_path / "pump.lamina", tmp_path / "python.lamina")
    assert f"trained in {history.epochs} epochs" in printed
    alarms = fed(clogged, program, "watch", tmp_path / "pump.lamina").splitlines()
    assert len(alarms) > 0.7 * len(x)
    assert len(fed(healthy, program, "watch", tmp_path / "pump.lamina").splitlines()) < 20
    assert "clogged filter" in run(program, directory=tmp_path)


@pytest.mark.parametrize(("compiler", "tool"), PAIRS)
def test_the_monitor_in_c_trains_to_the_weights_of_python(
    fresh: Environment, tmp_path: Path, compiler: str, tool: str
) -> None:
    program = built(fresh, tmp_path, "embed_c", compiler, tool)
    normal = run(program, "simulate")
    fed(normal, program, "train", tmp_path / "sensor.lamina")

    readings = np.array(normal.split(), dtype=np.float32)
    x = np.lib.stride_tricks.sliding_window_view(readings[:-1], 8)
    net = lm.Sequential([lm.Dense(16, "tanh"), lm.Dense(1)], inputs=8, seed=1)
    net.fit(x, readings[8:], epochs=40, optimizer=lm.Adam(0.003), verbose=False)
    net.save(tmp_path / "python.lamina")
    assert same_tensors(tmp_path / "sensor.lamina", tmp_path / "python.lamina")
    assert "knocks" in run(program, directory=tmp_path)


def test_the_public_headers_and_the_core_go_together(fresh: Environment, tmp_path: Path) -> None:
    source, core = Path(__file__).parent / "namespaces.cpp", REPOSITORY / "cpp" / "src"
    options = ("-O0", f"-I{core}")
    program = fresh.build(tmp_path, [source], compiler="gcc", tool="pkg-config", options=options)
    assert run(program) == "2\n"


def test_the_cpp_headers_define_no_macros() -> None:
    headers = sorted((REPOSITORY / "cpp" / "include" / "lamina").rglob("*.hpp"))
    assert len(headers) > 10
    assert [path.name for path in headers if "#define" in path.read_text("utf-8")] == []


def test_the_examples_stay_short() -> None:
    for name in ("embed_c/monitor.c", "embed_cpp/monitor.cpp"):
        assert len((EXAMPLES / name).read_text("utf-8").splitlines()) < 150


def test_the_cpp_page_is_one_program_that_runs(fresh: Environment, tmp_path: Path) -> None:
    blocks = re.findall(r"```cpp\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    includes = "".join(line + "\n" for line in "".join(blocks).splitlines() if "#include" in line)
    body = "".join(line + "\n" for line in "".join(blocks).splitlines() if "#include" not in line)
    source = tmp_path / "page.cpp"
    source.write_text(f"{includes}int main() {{\n{body}}}\n", encoding="utf-8")
    program = fresh.build(
        tmp_path, [source], compiler=ANY_COMPILER, tool="pkg-config", options=("-O0", "-Wshadow")
    )
    shown = "".join(re.findall(r"```text\n(.*?)```", PAGE.read_text("utf-8"), re.S))
    assert run(program, directory=tmp_path) == shown
