"""The library, headers and files for build tools that a wheel brings, and programs built so."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lamina as lm
from embed.consumers import (
    BUILD_TOOLS,
    COMPILERS,
    Environment,
    compiler_of,
    exported,
    functions_of_header,
    needed,
    run,
)

HERE = Path(__file__).parent
HEADER = Path(lm.get_include()) / "lamina" / "lamina.h"

needs_nm = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("nm"), reason="reads ELF's symbols with nm"
)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, rows, and what Python predicts of them."""
    folder = tmp_path_factory.mktemp("example")
    layers = [lm.Dense(32, "relu"), lm.Dense(32, "tanh"), lm.Dense(3, "softmax")]
    network = lm.Sequential(layers, inputs=8, seed=3)
    rows = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    targets = (rows[:, 0] > 0).astype(np.int64) + (rows[:, 1] > 0)
    network.fit(rows, targets, loss="cross_entropy", epochs=3, verbose=False)
    network.save(folder / "model.safetensors")
    rows.tofile(folder / "rows")
    network.predict(rows).astype(np.float32).tofile(folder / "expected")
    return folder


def check_program(program: Path, example: Path, folder: Path) -> None:
    """The program's predictions are Python's, to the bit."""
    outputs = folder / "outputs"
    said = run(program, example / "model.safetensors", example / "rows", outputs)
    assert said == f"200 rows by lamina {lm.__version__}\n"
    assert outputs.read_bytes() == (example / "expected").read_bytes()


def undefined(library: Path) -> set[str]:
    listed = run("nm", "-D", "--undefined-only", library)
    return {line.split()[-1].partition("@")[0] for line in listed.splitlines()}


def library_of(environment: Environment) -> Path:
    suffix = "dylib" if sys.platform == "darwin" else "so"
    return environment.folder("--libdir") / f"liblamina.{suffix}"


def module_of(environment: Environment) -> Path:
    [module] = library_of(environment).parent.parent.glob("_core.*.so")
    return module


def declared() -> set[str]:
    return functions_of_header(HEADER)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("tool", BUILD_TOOLS)
@pytest.mark.parametrize("source", ["predict.c", "predict.cpp"])
def test_a_program_built_against_the_wheel_predicts_pythons_bits(
    fresh: Environment, example: Path, tmp_path: Path, source: str, tool: str, compiler: str
) -> None:
    program = fresh.build(tmp_path, [HERE / source], compiler=compiler, tool=tool)
    check_program(program, example, tmp_path)


def test_the_flags_that_the_command_prints_build_a_program(
    fresh: Environment, example: Path, tmp_path: Path
) -> None:
    program = fresh.build(tmp_path, [HERE / "predict.c"], tool="config")
    check_program(program, example, tmp_path)


def test_entry_points_lead_builds_of_other_packages_to_the_same_folders(fresh: Environment) -> None:
    code = (
        "from importlib.metadata import entry_points; from importlib.resources import files; "
        "[root] = entry_points(group='cmake.root'); print(files(root.load())); "
        "[pc] = entry_points(group='pkg_config'); print(next(files(pc.load()).iterdir()))"
    )
    root, pc = run(fresh.python, "-c", code).splitlines()
    assert Path(pc) == fresh.folder("--pkgconfigdir") / "lamina.pc"
    cmake_dir = Path(root) / "lib" / "cmake" / "lamina"
    assert cmake_dir == fresh.folder("--cmakedir")


def test_python_and_the_command_name_the_same_folders(fresh: Environment) -> None:
    names = ("get_include", "get_library_dir", "get_cmake_dir", "get_pkgconfig_dir")
    code = f"import lamina as lm; print(*(getattr(lm, name)() for name in {names}), sep='\\n')"
    printed = run(fresh.python, "-c", code)
    options = ("--includedir", "--libdir", "--cmakedir", "--pkgconfigdir")
    assert printed == run(fresh.python, "-m", "lamina", "config", *options)
    assert all(Path(folder).is_dir() for folder in printed.splitlines())
    assert fresh.config("--libs", "--cflags") == [
        *(f"-L{fresh.folder('--libdir')}", "-llamina", f"-Wl,-rpath,{fresh.folder('--libdir')}"),
        f"-I{fresh.folder('--includedir')}",
    ]


def test_pkg_config_tells_the_library_folder(fresh: Environment) -> None:
    if not shutil.which("pkg-config"):
        pytest.skip("there is no pkg-config")
    told = subprocess.run(
        ["pkg-config", "--variable=libdir", "lamina"],
        check=True,
        capture_output=True,
        text=True,
        env={"PKG_CONFIG_PATH": str(fresh.folder("--pkgconfigdir")), "PATH": "/usr/bin:/bin"},
    ).stdout.strip()
    assert Path(told).resolve() == fresh.folder("--libdir").resolve()


def test_a_newer_version_is_refused_by_cmake(fresh: Environment, tmp_path: Path) -> None:
    lists = "cmake_minimum_required(VERSION 3.24)\nproject(x C)\nfind_package(lamina 99 REQUIRED)\n"
    (tmp_path / "CMakeLists.txt").write_text(lists, encoding="utf-8")
    command = [needed("cmake"), "-S", tmp_path, "-B", tmp_path / "build"]
    done = subprocess.run(
        [*map(str, command), f"-Dlamina_DIR={fresh.folder('--cmakedir')}"],
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert f"version: {lm.__version__}" in done.stderr


@needs_nm
def test_the_library_exports_what_the_header_declares(fresh: Environment) -> None:
    public = {
        name for name, version in exported(library_of(fresh)).items() if version == "LAMINA_1"
    }
    assert len(declared()) > 50
    assert public == declared()


@needs_nm
def test_what_else_it_exports_are_functions_of_the_core_for_the_python_module(
    fresh: Environment,
) -> None:
    symbols = exported(library_of(fresh))
    private = [name for name in symbols if name not in declared()]
    assert {symbols[name] for name in private} == {f"LAMINA_PRIVATE_{lm.__version__}"}
    plain = subprocess.run(
        ["c++filt"], input="\n".join(private), check=True, capture_output=True, text=True
    ).stdout.splitlines()
    foreign = [
        name
        for name, text in zip(private, plain, strict=True)
        if not name.startswith(("_ZN6lamina", "_ZNK6lamina", "_ZTVN6lamina", "_ZTIN6lamina"))
        and "lamina::" not in text
    ]
    assert not foreign
    assert set(private) <= undefined(module_of(fresh)), "the module calls each of them"


@needs_nm
def test_the_library_knows_nothing_of_python(fresh: Environment) -> None:
    assert not [name for name in undefined(library_of(fresh)) if name.startswith(("Py", "_Py"))]


@needs_nm
def test_the_module_has_no_kernels_of_its_own(fresh: Environment) -> None:
    assert module_of(fresh).stat().st_size < 0.4 * library_of(fresh).stat().st_size
    loaded = run("ldd", module_of(fresh))
    assert f"liblamina.so => {library_of(fresh)}" in loaded


def test_the_library_with_all_sets_and_types_is_under_3_and_a_half_megabytes(
    fresh: Environment,
) -> None:
    built_for_tests = "portable" in lm.build_info()["instruction_sets"][1:]
    assert library_of(fresh).stat().st_size < 3_500_000 + 700_000 * built_for_tests


def test_another_library_of_that_name_in_the_loaders_path_does_not_reach_python(
    fresh: Environment, tmp_path: Path
) -> None:
    if sys.platform != "linux":
        pytest.skip("sets Linux's LD_LIBRARY_PATH")
    source = tmp_path / "other.c"
    source.write_text("int lamina_version(void) { return 0; }\n", encoding="utf-8")
    compiler = compiler_of("gcc", cxx=False)
    run(compiler, "-shared", "-fPIC", source, "-o", tmp_path / "liblamina.so")
    environment = {"LD_LIBRARY_PATH": str(tmp_path), "PATH": "/usr/bin:/bin"}
    command = [str(fresh.python), "-c", "import lamina; print(lamina.__version__)"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == lm.__version__, done.stderr
