"""A step that is not finite: `fit` returns to the weights before, wherever in the epoch it stands.

Plain gradient descent keeps old weights only now and then and does steps again; every other
optimizer keeps them at each step. Both must give the bits of a shorter run.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, same_for_any_threads

pytestmark = pytest.mark.kernels

ROWS, COLUMNS = 150, 7
Array = npt.NDArray[Any]

NETWORKS: dict[str, Callable[[], lm.Sequential]] = {
    "dense": lambda: lm.Sequential([lm.Dense(9, "tanh"), lm.Dense(2)], inputs=COLUMNS, seed=3),
    "dropout": lambda: lm.Sequential(
        [lm.Dense(9, "relu"), lm.Dropout(0.4), lm.Dense(2)], inputs=COLUMNS, seed=3
    ),
    "embedding": lambda: lm.Sequential(
        [lm.Embedding({6: 12}, 20), lm.Dense(9, "tanh"), lm.Dense(2)], inputs=COLUMNS, seed=3
    ),
    "sparse embedding": lambda: lm.Sequential(
        [lm.Embedding({6: 12}, 20, sparse=True), lm.Dense(2)], inputs=COLUMNS, seed=3
    ),
    "batch norm": lambda: lm.Sequential(
        [lm.Dense(9), lm.BatchNorm(), lm.Activation("relu"), lm.Dense(2)], inputs=COLUMNS, seed=3
    ),
}
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lm.SGD,
    "decay and clipping": lambda rate: lm.SGD(rate, weight_decay=0.1, clip_norm=0.5),
    "momentum": lambda rate: lm.SGD(rate, momentum=0.9),
    "adam": lm.Adam,
}


def data() -> tuple[Array, Array]:
    random = np.random.default_rng(1)
    x = random.standard_normal((ROWS, COLUMNS)).astype(np.float32)
    y = random.standard_normal((ROWS, 2)).astype(np.float32)
    x[:, 6] = random.integers(0, 12, ROWS)  # codes, of which a batch names a few
    return x, y


def weights_after(
    network: str, optimizer: str, steps: int, batch: int, options: dict[str, Any]
) -> bytes:
    net = NETWORKS[network]()
    x, y = data()
    if steps > 0:
        rows = steps * batch
        net.fit(x[:rows], y[:rows], optimizer=OPTIMIZERS[optimizer](0.01), epochs=1, **options)
    return bits(net)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("failing", [0, 1, 2, 31, 32, 33, 34, 49])
def test_a_loss_that_is_not_finite_condemns_the_update_before_it(
    network: str, optimizer: str, failing: int
) -> None:
    x, y = data()
    options = {"batch_size": 3, "shuffle": False, "verbose": False}
    y[failing * 3 + 1] = 3e38  # its square is beyond float32
    net = NETWORKS[network]()
    with pytest.raises(lm.NotFiniteError, match=f"epoch 1, step {failing + 1}: "):
        net.fit(x, y, optimizer=OPTIMIZERS[optimizer](0.01), epochs=2, **options)
    good = max(failing - 1, 0)
    assert bits(net) == weights_after(network, optimizer, good, 3, options)


@pytest.mark.parametrize("network", ["dense", "embedding", "sparse embedding"])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("failing", [0, 1, 31, 32, 33, 40, 49])
def test_an_update_that_is_not_finite_leaves_the_weights_that_it_found(
    network: str, batch: int, optimizer: str, failing: int
) -> None:
    x, y = data()
    x, y = x[: 50 * batch], y[: 50 * batch]
    options = {"batch_size": batch, "shuffle": False, "verbose": False}
    net = NETWORKS[network]()
    rates = OPTIMIZERS[optimizer](lambda step: 1e300 if step == failing else 0.01)
    what = rf"step {failing + 1}: .* weights after the update.*learning_rate \(now 1e\+300\)"
    with pytest.raises(lm.NotFiniteError, match=what):
        net.fit(x, y, optimizer=rates, epochs=1, **options)
    assert bits(net) == weights_after(network, optimizer, failing, batch, options)


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize(("rate", "at", "kept"), [(1e300, 0, 0), (1e300, 9, 9), (1e25, -1, -1)])
def test_a_second_epoch_falls_back_to_its_own_steps_or_the_last_of_the_first(
    accumulate: int, rate: float, at: int, kept: int
) -> None:
    x, y = data()
    steps = 50 // accumulate
    options = {"batch_size": 3, "shuffle": False, "accumulate": accumulate, "verbose": False}
    net, twin = NETWORKS["dense"](), NETWORKS["dense"]()
    rates = lm.SGD(lambda step: rate if step == steps + at else 0.01)
    with pytest.raises(lm.NotFiniteError, match=f"epoch 2, step {max(at, 0) + 1}: "):
        net.fit(x, y, optimizer=rates, epochs=2, **options)
    for rows in (3 * accumulate * (steps + min(kept, 0)), 3 * accumulate * max(kept, 0)):
        if rows > 0:
            twin.fit(x[:rows], y[:rows], optimizer=lm.SGD(0.01), epochs=1, **options)
    assert bits(net) == bits(twin)


def test_two_threads_return_to_the_same_weights() -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal((3000, 40)).astype(np.float32)
    y = random.standard_normal((3000, 10)).astype(np.float32)

    def run() -> bytes:
        net = lm.Sequential([lm.Dense(128, "relu"), lm.Dense(128, "relu"), lm.Dense(10)], seed=0)
        rates = lm.SGD(lambda step: 1e300 if step == 41 else 0.01)
        with pytest.raises(lm.NotFiniteError, match="step 42: "):
            net.fit(x, y, optimizer=rates, epochs=1, batch_size=64, verbose=False)
        return bits(net)

    assert same_for_any_threads(run)


def test_steps_repeat_whatever_number_of_threads_is_chosen_meanwhile() -> None:
    """The step that fails may be the last of a trial: of these places some are (once a crash)."""
    lm.set_num_threads(2)
    x = np.random.default_rng(0).standard_normal((130, 1024)).astype(np.float32)
    y = x[:, :4]
    options: dict[str, Any] = {"batch_size": 1, "shuffle": False, "verbose": False, "epochs": 1}
    for failing in [*range(60, 100)] * 4:
        net = lm.Sequential([lm.Dense(256, "tanh", l2=1e-4), lm.Dense(4)], inputs=1024, seed=1)
        rates = lm.SGD(lambda step, failing=failing: 1e300 if step == failing else 0.001)
        with pytest.raises(lm.NotFiniteError, match=f"step {failing + 1}: "):
            net.fit(x, y, optimizer=rates, **options)


SECOND_MOMENTS = [
    lm.Adam,
    partial(lm.Adam, amsgrad=True),
    lm.NAdam,
    lm.RAdam,
    lm.Adagrad,
    lm.Adadelta,
    lm.RMSprop,
]


@pytest.mark.parametrize("optimizer", SECOND_MOMENTS)
def test_a_gradient_whose_square_is_infinite_is_an_error_at_its_own_step(
    optimizer: Callable[..., Any],
) -> None:
    """The second moment would hold the weight for ever, and say nothing."""
    x, y = np.ones((40, 1), np.float32), np.zeros((40, 1), np.float32)
    y[20] = 1e19  # the loss is finite
    options: dict[str, Any] = {"batch_size": 1, "shuffle": False, "epochs": 1, "verbose": False}
    net, used = lm.Sequential([lm.Dense(1)], inputs=1, seed=0), optimizer(0.01)
    with pytest.raises(lm.NotFiniteError, match=r"step 21: .*running means after the update"):
        net.fit(x, y, optimizer=used, **options)
    shorter = lm.Sequential([lm.Dense(1)], inputs=1, seed=0)
    shorter.fit(x[:20], y[:20], optimizer=optimizer(0.01), **options)
    assert bits(net) == bits(shorter)
    net.fit(x, np.ones_like(x), optimizer=used, **options)
    assert bits(net) != bits(shorter)
