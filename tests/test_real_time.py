"""Clang's realtime sanitizer watches predictions, where there is a Clang that has it."""

import shutil
import subprocess
from pathlib import Path

import pytest

COMPILERS = [f"clang++-{version}" for version in range(30, 19, -1)]


@pytest.fixture(scope="module")
def program(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """cpp/tests/test_real_time.cpp with the sanitizer, linked to the core as it is built here."""
    builds = [*repository.glob("build/cp*"), repository / "build" / "test"]
    built = [folder for folder in builds if (folder / "liblamina_core.a").exists()]
    compiler = next((name for name in COMPILERS if shutil.which(name)), None)
    if compiler is None or not built:
        pytest.skip("needs clang++-20 or later (Debian: clang-22 libclang-rt-22-dev), and a build")
    libraries = [str(built[0] / f"liblamina_{part}.a") for part in ("core", "kernels")]
    program = tmp_path_factory.mktemp("program") / "test_real_time"
    folders = [f"-I{repository / 'cpp' / folder}" for folder in ("src", "tests")]
    source = str(repository / "cpp" / "tests" / "test_real_time.cpp")
    options = ["-std=c++20", "-fsanitize=realtime", "-pthread"]
    command = [compiler, *options, *folders, source, *libraries, "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "rtsan" in done.stderr and "cannot find" in done.stderr:
        pytest.skip("needs the sanitizer's library (Debian: libclang-rt-22-dev)")
    assert done.returncode == 0, done.stderr
    return program


def run(program: Path, name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(program), name], capture_output=True, text=True, check=False)


def test_the_realtime_sanitizer_sees_nothing_in_predictions(program: Path) -> None:
    done = run(program, "predictions_make_no_call_of_the_system")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "RealtimeSanitizer" not in done.stderr


def test_the_realtime_sanitizer_sees_memory_that_is_taken(program: Path) -> None:
    done = run(program, "the_sanitizer_is_awake")
    assert "RealtimeSanitizer: unsafe-library-call" in done.stderr
    assert "malloc" in done.stderr
