"""The library that CMake builds and installs without Python, small as for a device."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lamina as lm
from embed.consumers import (
    Environment,
    build_with_cmake,
    build_with_flags,
    exported,
    functions_of_header,
    needed,
    pkg_config_flags,
    run,
)

HERE = Path(__file__).parent
TYPES = """
#include <lamina/lamina.h>
#include <stdio.h>

int main(void) {
  lamina_network* network = NULL;
  lamina_option units[1];
  lamina_model* model = NULL;
  units[0] = lamina_integer("units", 3);
  if (lamina_network_create(4, &network) != LAMINA_OK) return 1;
  if (lamina_network_add(network, "dense", units, 1) != LAMINA_OK) return 2;
  if (lamina_model_create(network, LAMINA_FLOAT64, 0, &model) == LAMINA_OK) return 3;
  puts(lamina_error_message());
  if (lamina_model_create(network, LAMINA_FLOAT32, 0, &model) != LAMINA_OK) return 4;
  puts(lamina_instruction_set());
  lamina_free(model);
  lamina_network_free(network);
  return 0;
}
"""

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        sys.platform != "linux" or platform.machine() != "x86_64", reason="asks for AVX2's kernels"
    ),
    pytest.mark.skipif(
        "avx2" not in lm.build_info()["instruction_sets"], reason="this processor has no AVX2"
    ),
]


@pytest.fixture(scope="module")
def prefix(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the smallest library is installed: AVX2 and float32, as the option gives them."""
    build = tmp_path_factory.mktemp("build")
    installed = tmp_path_factory.mktemp("installed") / "here"
    cmake = needed("cmake")
    definitions = ["-DLAMINA_SMALL=ON", "-DLAMINA_WERROR=ON", "-DCMAKE_INSTALL_LIBDIR=lib"]
    subprocess.run([cmake, "-S", repository, "-B", build, *definitions], check=True)
    subprocess.run([cmake, "--build", build, "-j2"], check=True)
    subprocess.run([cmake, "--install", build, "--strip", "--prefix", installed], check=True)
    # Its files find each other wherever it is.
    return installed.rename(installed.with_name("moved"))


def test_the_smallest_library_is_under_a_megabyte(prefix: Path) -> None:
    library = (prefix / "lib" / "liblamina.so").resolve()
    assert library.name == f"liblamina.so.{lm.__version__}"
    assert library.stat().st_size < 1_000_000


def test_it_trains_and_predicts_to_the_same_bits_as_the_wheels_library(
    prefix: Path, fresh: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMINA_ISA", "avx2")
    folders = [tmp_path / "small", tmp_path / "wheel"]
    for folder in folders:
        folder.mkdir()
    sources, cmake_dir = [HERE / "train.c"], prefix / "lib" / "cmake" / "lamina"
    small = build_with_cmake(folders[0], sources, "gcc", cmake_dir=cmake_dir)
    programs = [small, fresh.build(folders[1], sources, tool="config", options=("-O2",))]
    printed = [
        run(program, folder / "net.lamina")
        for program, folder in zip(programs, folders, strict=True)
    ]
    assert "epoch 0x" in printed[0]
    assert "predicted " in printed[0]
    assert printed[0] == printed[1]
    files = [(folder / "net.lamina").read_bytes() for folder in folders]
    assert files[0] == files[1]


def test_the_static_library_needs_no_link_time_optimisation(prefix: Path) -> None:
    sections = run("readelf", "-SW", prefix / "lib" / "liblamina.a")
    assert ".text" in sections
    assert "lto" not in sections


def test_it_exports_what_the_header_declares_and_nothing_else(prefix: Path) -> None:
    declared = functions_of_header(prefix / "include" / "lamina" / "lamina.h")
    assert exported(prefix / "lib" / "liblamina.so") == dict.fromkeys(declared, "LAMINA_1")


def test_it_refuses_float64_and_says_so(prefix: Path, tmp_path: Path) -> None:
    source = tmp_path / "types.c"
    source.write_text(TYPES, encoding="utf-8")
    folder = prefix / "lib" / "cmake" / "lamina"
    program = build_with_cmake(tmp_path, [source], "gcc", cmake_dir=folder)
    message, instruction_set = run(program).splitlines()
    assert "expected float32, the one type that this build of lamina has" in message
    assert instruction_set == "avx2"


@pytest.mark.parametrize("library", ["lamina::lamina", "lamina::lamina_static"])
def test_cmake_links_both_libraries(prefix: Path, tmp_path: Path, library: str) -> None:
    folder = prefix / "lib" / "cmake" / "lamina"
    program = build_with_cmake(
        tmp_path, [HERE / "predict.c"], "gcc", cmake_dir=folder, library=library
    )
    failed = subprocess.run([program, "none", "in", "out"], capture_output=True, text=True)
    assert failed.returncode == 1
    assert "none" in failed.stderr


def test_pkg_config_links_the_static_library(prefix: Path, tmp_path: Path) -> None:
    shutil.copytree(prefix, tmp_path / "static")
    for shared in (tmp_path / "static" / "lib").glob("liblamina.so*"):
        shared.unlink()
    flags = pkg_config_flags(tmp_path / "static" / "lib" / "pkgconfig", "--static")
    program = build_with_flags(tmp_path, [HERE / "predict.c"], "gcc", flags)
    assert "liblamina" not in run("ldd", program)
