"""What must not depend on the instruction set; `./run test` runs what does under each of them."""

import json
import os
import subprocess
import sys
from typing import Any

import lamina as lm

AVAILABLE: list[str] = lm.build_info()["instruction_sets"]


def run_forced(name: str, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a fresh process with LAMINA_ISA set to `name`."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "LAMINA_ISA": name},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


# Whole numbers small enough that every product and sum is exact in float32, in any order and with
# or without fused multiply-add. Rates are powers of two for the same reason.
WHOLE_NUMBERS = """
import hashlib, json
import numpy as np
import lamina as lm

random = np.random.default_rng(0)
digests = {"used": lm.build_info()["instruction_set"]}
for inputs, hidden, outputs, rows in [(3, 5, 2, 1), (17, 33, 7, 19), (65, 130, 31, 64)]:
    for dtype in ("float32", "float64"):
        layers = [lm.Dense(hidden, "relu"), lm.Dense(outputs)]
        net = lm.Sequential(layers, inputs=inputs, dtype=dtype)
        for name, array in net.parameters().items():
            net.set_parameters({name: random.integers(-2, 3, array.shape)})
        x = random.integers(-3, 4, (rows, inputs))
        y = random.integers(-9, 10, (rows, outputs))
        loss = lm.MeanSquaredError(reduction="sum")
        value, gradients = net.value_and_grad(x, y, loss=loss)
        assert max(np.abs(gradient).max() for gradient in gradients.values()) < 2**24
        net.forward(x)
        arrays = [net.predict(x), *gradients.values(), net.backward(y), np.array(value)]
        net.train_step(x, y, loss=loss, optimizer=lm.SGD(2.0**-12))
        arrays += net.parameters().values()
        data = b"".join(array.tobytes() for array in arrays)
        digests[f"{inputs}-{hidden}-{outputs} {rows} {dtype}"] = hashlib.sha256(data).hexdigest()
print(json.dumps(digests))
"""


def test_networks_of_small_whole_numbers_give_the_same_bits_under_every_instruction_set() -> None:
    results: dict[str, dict[str, Any]] = {}
    for name in AVAILABLE:
        done = run_forced(name, WHOLE_NUMBERS)
        assert done.returncode == 0, done.stderr
        results[name] = json.loads(done.stdout)
        assert results[name].pop("used") == name
    expected = results[AVAILABLE[0]]
    assert len(expected) == 6
    for name, digests in results.items():
        assert digests == expected, name
