"""Run calls with every (or every k-th) allocation of the core failing; see test_out_of_memory.py.

`python fail_allocations.py CALL MOST FIRST`, with failing_allocations.cpp preloaded: at most MOST
places of each of the two ways to fail, from the FIRST on. Prints the place before it is tried, and
each fault, one JSON value a line.
"""

import ctypes
import gc
import json
import os
import pickle
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

import lamina as lm

shim = ctypes.CDLL(None)
shim.fail_allocation.argtypes = [ctypes.c_long, ctypes.c_int]
shim.allocation_calls.restype = shim.live_blocks.restype = ctypes.c_long

X = np.random.default_rng(0).standard_normal((64, 8)).astype("f4")
y = np.arange(64) % 2


def make_net() -> lm.Sequential:
    block = lm.Residual([lm.Dense(8, "tanh"), lm.Dropout(0.1)])
    return lm.Sequential(
        [lm.Dense(8, "relu"), lm.BatchNorm(), block, lm.Dense(2, "softmax")], inputs=8
    )


net, trained = make_net(), make_net()
path = os.path.join(tempfile.mkdtemp(), "m.lamina")
net.save(path)
pickled = pickle.dumps(net)
parameters = net.parameters()
predictor = net.compile_predictor()

CALLS: dict[str, Callable[[], Any]] = {
    "build": make_net,
    "predict": lambda: net.predict(X),
    "evaluate": lambda: net.evaluate(X, y, metrics=["accuracy"]),
    "fit": lambda: trained.fit(
        X, y, epochs=2, validation_fraction=0.2, early_stopping=1, verbose=False
    ),
    "fit_average": lambda: make_net().fit(
        X, y, epochs=1, optimizer="muon", average=lm.WeightAverage(), verbose=False
    ),
    "load": lambda: lm.load(path),
    "save": lambda: net.save(path),
    "copy": net.copy,
    "pickle": lambda: pickle.dumps(net),
    "unpickle": lambda: pickle.loads(pickled),
    "compile_predictor": net.compile_predictor,
    "predictor": lambda: (predictor(X), predictor(X[0])),
    "value_and_grad": lambda: net.value_and_grad(X, y),
    "set_parameters": lambda: net.set_parameters(parameters),
    "summary": lambda: repr(net),
    "jacobian": lambda: net.jacobian(X[:3]),
    "perceptron": lambda: lm.Perceptron().fit(X, y),
}


def attempt(call: Callable[[], Any], n: int, alone: bool) -> BaseException | None:
    shim.fail_allocation(n, alone)
    try:
        call()
    except BaseException as error:
        shim.fail_allocation(0, 0)
        return error.with_traceback(None)
    finally:
        shim.fail_allocation(0, 0)
    return None


def say(value: Any) -> None:
    print(json.dumps(value), flush=True)


def weights() -> bytes:
    return b"".join(array.tobytes() for array in net.parameters().values())


def main(name: str, most: int, first: int) -> None:
    call = CALLS[name]
    call()
    shim.fail_allocation(-1, 0)
    call()
    count = shim.allocation_calls()
    shim.fail_allocation(0, 0)
    before, outputs = weights(), net.predict(X).tobytes()
    places = [
        (n, alone) for alone in (False, True) for n in range(1, count + 1, max(1, count // most))
    ]
    for place, (n, alone) in enumerate(places):
        if place < first:
            continue
        say(place)
        error = attempt(call, n, alone)
        if error is not None and not isinstance(error, MemoryError):
            say(f"allocation {n}: {type(error).__name__}: {error}")
        error = None
        if weights() != before or net.predict(X).tobytes() != outputs:
            say(f"allocation {n}: the network has changed")
        live = []
        for _ in range(3):
            attempt(call, n, alone)
            gc.collect()
            live.append(shim.live_blocks())
        if live[0] < live[1] < live[2]:
            say(f"allocation {n}: {live[2] - live[1]} blocks leak at each call")
        call()
    say("done")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
