"""Fits from C++: the same bits as from Python, on the Adult example's table."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamina as lm
from lamina import _core
from lamina.tabular import Preprocessor

pytestmark = pytest.mark.kernels

OPTIONS: dict[str, Any] = {"epochs": 12, "batch_size": 256, "validation_fraction": 0.15}
PATIENCE = 2


@pytest.fixture(scope="module")
def program(repository: Path) -> Path:
    """The C++ tests of fits, where they were built."""
    name = "test_fit.exe" if os.name == "nt" else "test_fit"
    built = [
        path for path in repository.glob(f"build/*/cpp/tests/{name}") if os.access(path, os.X_OK)
    ]
    if not built:
        pytest.skip(f"no build/*/cpp/tests/{name}: ./run test builds it")
    return max(built, key=lambda path: path.stat().st_mtime)


def adult_rows(repository: Path) -> tuple[Preprocessor, Any, Any]:
    """The table's preprocessor, its encoded rows as float32, and the class of each."""
    pytest.importorskip("polars")
    from lamina.cli._read import TextFormat, read_table

    table = dict(read_table(repository / "examples" / "adult" / "adult-train.csv.gz", TextFormat()))
    income = np.array(table.pop("income").tolist())
    preprocessor = Preprocessor().fit(table)
    x = np.ascontiguousarray(preprocessor.transform(table), dtype=np.float32)
    return preprocessor, x, np.unique(income, return_inverse=True)[1].astype(np.int64)


def test_adult_trained_in_cpp_has_python_s_weights_to_the_last_bit(
    program: Path, repository: Path, tmp_path: Path
) -> None:
    preprocessor, x, y = adult_rows(repository)
    layers = [preprocessor.layer(), lm.Dense(32, "relu"), lm.Dense(2, "softmax")]
    net = lm.Sequential(layers, inputs=x.shape[1], seed=5)
    first = net.parameters()
    history = net.fit(
        x, y, optimizer=lm.Adam(0.01), early_stopping=PATIENCE, verbose=False, **OPTIONS
    )
    assert history.stop_reason.startswith("val_loss has not improved for 2 epochs")
    assert history.best_epoch == int(np.argmin(history["val_loss"]))
    record = {
        **OPTIONS,
        "patience": PATIENCE,
        "seed": net.seed,
        "network": net.to_spec(),
        "loss": "cross_entropy",
        "optimizer": lm.Adam(0.01).to_spec(),
    }
    tensors = {
        **{f"first.{name}": array for name, array in first.items()},
        **{f"trained.{name}": array for name, array in net.parameters().items()},
        "val_loss": np.array(history["val_loss"]),
        "x": x,
        "y": y,
    }
    path = tmp_path / "adult"
    _core.write_model_file(str(path), json.dumps(record), tensors)
    done = subprocess.run(
        [str(program), "--file", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{history.epochs} epochs; {history.stop_reason}")
    # The program looks at every bit.
    tensors["val_loss"] = np.nextafter(tensors["val_loss"], np.inf)
    _core.write_model_file(str(path), json.dumps({**record, "epochs": 1}), tensors)
    done = subprocess.run(
        [str(program), "--file", str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "differs: val_loss" in done.stdout) == (1, True)
