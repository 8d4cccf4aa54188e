"""How near the activations' kernels come to what binds them: cache bandwidth or arithmetic.

Arrays of 32,768 float32 fit the second-level cache, and not the first. The bandwidth is that of
the plainest loop over such arrays, numpy's product of two into a third. The arithmetic is counted
in cycles for a vector of 16, forward and backward, as the functions' parts cost them on Zen 4: 10
for an exponential, 6 for a division (1 for one by a constant), 1 for each other operation, of
which AVX-512 starts one a cycle. Where the gradient is computed from the input, what it shares with
the value counts twice.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.activation_formulas import Floats

ELEMENTS = 1 << 15
# Forward, derivative and the product in the backward pass.
CYCLES = {
    "relu": 3,
    "leaky_relu": 5,
    "sigmoid": 21,
    "tanh": 29,
    "softplus": 44,
    "gelu": 50,
    "gelu_tanh": 29,
    "silu": 45,
    "elu": 15,
    "selu": 17,
    "celu": 27,
    "mish": 42,
    "softsign": 12,
    "log_sigmoid": 44,
    "hard_sigmoid": 8,
    "hard_tanh": 6,
    "hard_swish": 12,
    "relu6": 6,
    "sin": 52,
    "gaussian": 31,
}
# Of float32 and a fused multiply-add of 16 a cycle.
FLOPS_A_CYCLE = 32


def seconds_of(run: Callable[[], Any]) -> float:
    """The least time of one call, of many."""
    best = float("inf")
    for _ in range(300):
        start = time.perf_counter()
        for _ in range(4):
            run()
        best = min(best, (time.perf_counter() - start) / 4)
    return best


def aligned(elements: int) -> Floats:
    """Random numbers on whole cache lines."""
    memory = np.empty(elements + 16, np.float32)
    skip = -memory.ctypes.data % 64 // 4
    array = memory[skip : skip + elements]
    array[:] = np.random.default_rng(0).standard_normal(elements, dtype=np.float32)
    return array


def lamina_run(name: str, elements: int) -> Callable[[], None]:
    """Forward and backward by the core's functions, into arrays made before."""
    from lamina import _core

    text = f'"{name}"'
    x, y, derivative, dy, dx = (aligned(elements) for _ in range(5))
    source = _core.gradient_source(text)
    stored = derivative if source == "derivative" else None
    saved = {"input": x, "output": y, "derivative": derivative}[source]

    def run() -> None:
        _core.activate(text, x, y, stored)
        _core.activation_gradient(text, saved, dy, dx)

    return run


def shares(gflops: float) -> dict[str, tuple[float, str]]:
    """Share of the bound, and what binds, of each activation; one thread, `gflops` its FMA peak."""
    import lamina as lm

    lm.set_num_threads(1)
    vector = lm.build_info()["instruction_set"] == "avx512"
    a, b, c = (aligned(ELEMENTS) for _ in range(3))
    tiny = [aligned(16) for _ in range(3)]
    product = seconds_of(lambda: np.multiply(a, b, out=c))
    bandwidth = 12 * ELEMENTS / (product - seconds_of(lambda: np.multiply(*tiny[:2], out=tiny[2])))
    found = {}
    for name, cycles in CYCLES.items():
        own = seconds_of(lamina_run(name, ELEMENTS)) - seconds_of(lamina_run(name, 16))
        # Forward reads x and writes y (and f'); backward reads dy and x, y or f' and writes dx.
        stores = lm._core.gradient_source(f'"{name}"') == "derivative"
        moving = (24 if stores else 20) * ELEMENTS / bandwidth
        computing = cycles * ELEMENTS / 16 / (gflops * 1e9 / FLOPS_A_CYCLE) if vector else 0.0
        bound = "arithmetic" if computing > moving else "L2"
        found[name] = (max(moving, computing) / own, bound)
    return found
