"""liblamina built for other systems by cross compilers, and a program run with it where one can."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import lamina as lm
from embed.consumers import needed

HERE = Path(__file__).parent
ROWS = 50

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class System:
    """How liblamina and a program in C are built for a system, and what runs the program."""

    cmake: tuple[str, ...]
    compiler: tuple[str, ...]
    static: tuple[str, ...]  # for the program that links the static library
    runner: tuple[str, ...]


SYSTEMS = {
    "windows": System(
        (
            "-DCMAKE_SYSTEM_NAME=Windows",
            "-DCMAKE_SYSTEM_PROCESSOR=AMD64",
            "-DCMAKE_CXX_COMPILER=x86_64-w64-mingw32-g++-posix",
            "-DLAMINA_SETS=sse2",
        ),
        ("x86_64-w64-mingw32-gcc-posix",),
        ("-static", "-lstdc++"),
        ("wine",),
    ),
    "musl": System(
        ("-DLAMINA_ZIG_TARGET=x86_64-linux-musl", "-DLAMINA_SETS=sse2"),
        ("python-zig", "cc", "-target", "x86_64-linux-musl", "-O2"),
        ("-lc++",),
        (),
    ),
    "macos": System(
        ("-DLAMINA_ZIG_TARGET=aarch64-macos.11.0",),
        ("python-zig", "cc", "-target", "aarch64-macos.11.0", "-O2"),
        ("-lc++",),
        ("no system that this one can be",),
    ),
}


@pytest.fixture(scope="module", params=SYSTEMS)
def system(request: pytest.FixtureRequest) -> System:
    found = SYSTEMS[request.param]
    needed(found.compiler[0])
    return found


@pytest.fixture(scope="module")
def prefix(system: System, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the library is installed: one set of kernels and float32, to be built sooner."""
    build, installed = tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("installed")
    options = ["-DLAMINA_BUILD_PYTHON=OFF", "-DLAMINA_FLOAT64=OFF", "-DCMAKE_INSTALL_LIBDIR=lib"]
    if "zig" in system.compiler[0]:
        toolchain = repository / "cpp" / "cmake" / "toolchains" / "zig.cmake"
        options.append(f"-DCMAKE_TOOLCHAIN_FILE={toolchain}")
    cmake = needed("cmake")
    subprocess.run([cmake, "-S", repository, "-B", build, *options, *system.cmake], check=True)
    subprocess.run([cmake, "--build", build, "-j2"], check=True)
    subprocess.run([cmake, "--install", build, "--prefix", installed], check=True)
    return installed


def build(system: System, prefix: Path, folder: Path, *flags: str) -> Path:
    """The program predict.c, which reads rows and writes a model's outputs."""
    program = folder / ("predict.exe" if "mingw32" in system.compiler[0] else "predict")
    include, library = prefix / "include", prefix / "lib"
    command = [needed(system.compiler[0]), *system.compiler[1:], "-std=c99", f"-I{include}"]
    command += [str(HERE / "predict.c"), "-o", str(program), f"-L{library}", "-llamina", *flags]
    subprocess.run(command, check=True)
    return program


def check_predictions(system: System, program: Path, folder: Path) -> None:
    """The program's outputs are near Python's, whose kernels may be of another set."""
    if system.runner and not shutil.which(system.runner[0]):
        pytest.skip(f"linked; here is nothing to run it: {system.runner[0]}")
    net = lm.Sequential([lm.Dense(16, "gelu"), lm.Dense(3, "softmax")], inputs=5, seed=1)
    rows = np.random.default_rng(0).normal(size=(ROWS, 5)).astype(np.float32)
    net.save(folder / "modèle.lamina")
    rows.tofile(folder / "rows")
    command = [*system.runner, program, "modèle.lamina", "rows", "outputs"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(ROWS), "rows", "by", "lamina", lm.__version__]
    outputs = np.fromfile(folder / "outputs", np.float32).reshape(ROWS, 3)
    np.testing.assert_allclose(outputs, net.predict(rows), rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(sys.platform != "linux", reason="cross compilers of Linux")
def test_a_program_with_the_shared_library_predicts_the_same(
    system: System, prefix: Path, tmp_path: Path
) -> None:
    program = build(system, prefix, tmp_path)
    for library in [*(prefix / "lib").glob("*.so*"), *(prefix / "bin").glob("*.dll")]:
        shutil.copy(library, tmp_path)  # beside the program, as it would be shipped
    check_predictions(system, program, tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="cross compilers of Linux")
def test_a_program_with_the_static_library_needs_no_other_file(
    system: System, prefix: Path, tmp_path: Path
) -> None:
    for shared in ("*.so*", "*.dylib", "*.dll.a"):
        for file in (prefix / "lib").glob(shared):
            file.rename(tmp_path / file.name)
    try:
        program = build(system, prefix, tmp_path, "-DLAMINA_STATIC", *system.static)
    finally:
        for file in (*tmp_path.glob("*.so*"), *tmp_path.glob("*.dylib"), *tmp_path.glob("*.dll.a")):
            file.rename(prefix / "lib" / file.name)
    folder = tmp_path / "alone"
    folder.mkdir()
    check_predictions(system, program.rename(folder / program.name), folder)
