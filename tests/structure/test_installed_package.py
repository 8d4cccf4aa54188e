"""The installed package is small, stands alone and leaves the process as it was."""

import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import lamina
import lamina._core

EXTENSION = Path(lamina._core.__file__ or "")

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc or ldd")


def run_python(code: str) -> str:
    """Run a program in a fresh interpreter, outside the repository, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(sys.prefix),
    )
    return done.stdout


@pytest.mark.skipif(
    Path(lamina.__file__).parent != EXTENSION.parent,
    reason="an editable installation is not compiled as the wheel is",
)
def test_the_wheel_is_under_2_and_a_half_megabytes() -> None:
    parts = [
        path
        for path in EXTENSION.parent.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    assert any(path.name.startswith("liblamina.") for path in parts)
    # Zip's own method at its default level; headers add some 100 bytes a file.
    packed = sum(len(zlib.compress(path.read_bytes())) + 200 for path in parts)
    # Where a processor has instruction sets of its own, the portable kernels are in no wheel.
    sets = lamina.build_info()["instruction_sets"]
    built_for_tests = len(sets) > 1 and sets[-1] == "portable"
    assert packed < 2_500_000 + 400_000 * built_for_tests


@linux_only
def test_the_extension_links_no_openmp_or_blas() -> None:
    listed = subprocess.run(
        ["ldd", str(EXTENSION)], check=True, capture_output=True, text=True
    ).stdout.lower()
    assert "liblamina.so" in listed
    assert "libc.so" in listed or "musl" in listed
    foreign = ("gomp", "iomp", "libomp", "blas", "lapack", "mkl", "atlas")
    assert not [library for library in foreign if library in listed]


def test_the_type_information_is_installed() -> None:
    folder = Path(lamina.__file__).parent
    assert (folder / "py.typed").is_file()
    assert (folder / "_core.pyi").is_file()


def test_importing_takes_at_most_20_ms_more_than_numpy() -> None:
    code = (
        "from time import process_time as now; a = now(); import numpy; b = now(); import lamina;"
        "print(b - a, now() - b)"
    )
    runs = [tuple(map(float, run_python(code).split())) for _ in range(10)]
    # Minima: other processes can only add. On a machine too busy or slow for the figure (numpy
    # takes some 65 ms where it was set) the same share of numpy's own time counts.
    numpy_seconds, lamina_seconds = (min(column) for column in zip(*runs, strict=True))
    assert lamina_seconds <= max(0.020, 0.3 * numpy_seconds)


def test_importing_loads_none_of_the_optional_packages() -> None:
    loaded = {
        module.split(".")[0]
        for module in run_python("import lamina, sys; print(*sys.modules)").split()
    }
    assert not loaded & {"sklearn", "scipy", "polars", "rich", "matplotlib", "onnx", "pandas"}


STATE_OF_PROCESS = """
import ctypes, signal, threading, os
import numpy as np
def state():
    libm = ctypes.CDLL(None)
    denormal = np.full(64, 1e-40, np.float32)
    smallest = np.full(64, 1.2e-38, np.float32)
    return {
        "rounding": libm.fegetround(),
        "denormal inputs kept": bool((denormal * np.float32(1) != 0).all()),
        "denormal results kept": bool((smallest * np.float32(0.1) != 0).all()),
        "signals": [str(signal.getsignal(n)) for n in sorted(signal.valid_signals())],
        "threads": len(os.listdir("/proc/self/task")),
        "environment": dict(os.environ),
    }
before = state()
"""


@linux_only
def test_importing_leaves_the_process_as_it_was() -> None:
    run_python(STATE_OF_PROCESS + "import lamina\nassert state() == before, (before, state())")


@linux_only
def test_training_leaves_floating_point_modes_and_signals_as_they_were() -> None:
    train = """
import lamina as lm
net = lm.Sequential([lm.Dense(8, "tanh"), lm.Dense(1)], seed=0)
X = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
net.fit(X, X[:, :1], loss="mean_squared_error", optimizer=lm.Adam(), epochs=2, verbose=False)
after = state()
for what in ("rounding", "denormal inputs kept", "denormal results kept", "signals"):
    assert after[what] == before[what], what
"""
    run_python(STATE_OF_PROCESS + train)
