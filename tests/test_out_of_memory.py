"""Where an allocation of the core fails, a call raises MemoryError and leaves all as it was."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CALLS = ["build", "predict", "evaluate", "fit", "fit_average", "load", "save", "copy", "pickle"]
CALLS += ["unpickle", "compile_predictor", "predictor", "value_and_grad", "set_parameters"]
CALLS += ["summary", "jacobian", "perceptron"]


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("g++")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("preloading another operator new needs Linux and g++")
    library = tmp_path_factory.mktemp("shim") / "failing_allocations.so"
    source = str(HERE / "failing_allocations.cpp")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", source, "-o", str(library)], check=True)
    return library


def faults_of(shim: Path, call: str, most: int) -> list[str]:
    """Each place where the call did anything but succeed or raise MemoryError."""
    faults: list[str] = []
    first = 0
    while True:
        done = subprocess.run(
            [sys.executable, str(HERE / "fail_allocations.py"), call, str(most), str(first)],
            env={**os.environ, "LD_PRELOAD": str(shim)},
            capture_output=True,
            text=True,
        )
        said = [json.loads(line) for line in done.stdout.splitlines()]
        faults += [word for word in said if isinstance(word, str) and word != "done"]
        if said[-1:] == ["done"]:
            return faults
        places = [place for place in said if isinstance(place, int)]
        assert places, done.stderr
        faults.append(f"place {places[-1]}: the process ended with {done.returncode}")
        first = places[-1] + 1


@pytest.mark.parametrize("call", ["fit", "load", "save"])
def test_failing_allocations_raise_memory_errors_at_a_sample_of_places(
    shim: Path, call: str
) -> None:
    assert faults_of(shim, call, 12) == []


@pytest.mark.long
@pytest.mark.parametrize("call", CALLS)
def test_failing_allocations_raise_memory_errors_at_every_place(shim: Path, call: str) -> None:
    assert faults_of(shim, call, 1_000_000) == []
