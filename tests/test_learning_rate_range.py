"""Finding the learning rate: the curve, the suggestion, and that nothing changes."""

import builtins
import os
import signal
import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, class_data, classifier, regressor, value_data

Array = npt.NDArray[Any]


def test_the_suggestion_trains_better_than_rates_far_from_it() -> None:
    x, y = class_data(rows=2000)
    found = lm.find_learning_rate(classifier(), x, y, optimizer="sgd", highest=100.0)

    def loss_after(rate: float) -> float:
        net = classifier()
        history = net.fit(x, y, optimizer=lm.SGD(rate), epochs=3, verbose=False)
        return history["loss"][-1]

    assert 1e-3 < found.suggestion < 3.0
    assert loss_after(found.suggestion) < loss_after(found.suggestion / 100) - 0.1


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(
    "loss", [lm.Poisson, lm.Gamma, lm.Tweedie, lm.Huber, lm.GaussianNegativeLogLikelihood]
)
def test_the_noise_of_single_batches_is_not_taken_for_a_fall(loss: Any, reduction: Any) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 6))
    mean = np.exp(np.tanh(x @ random.normal(size=6)))
    y = random.poisson(mean) if loss is lm.Poisson else mean
    outputs = 2 if loss is lm.GaussianNegativeLogLikelihood else 1
    net = regressor(inputs=6, outputs=outputs)
    found = lm.find_learning_rate(net, x, y, loss=loss(reduction=reduction))
    assert 1e-3 < found.suggestion < 0.2


def test_losses_below_zero_do_not_look_as_if_training_diverged() -> None:
    x, y = value_data(outputs=1)
    loss = lm.GaussianNegativeLogLikelihood()
    net = regressor()
    net.fit(x, 0.01 * y, loss=loss, optimizer=lm.Adam(0.01), epochs=30, verbose=False)
    found = lm.find_learning_rate(net, x, 0.01 * y, loss=loss, highest=1e-3)
    assert found.losses.max() < 0.0
    assert not found.diverged


def test_rates_grow_by_a_factor_and_every_step_has_its_losses() -> None:
    x, y = class_data()
    found = lm.find_learning_rate(classifier(), x, y, lowest=1e-5, highest=1e-1, steps=41)
    np.testing.assert_allclose(found.rates, np.geomspace(1e-5, 1e-1, 41))
    assert found.losses.shape == found.smoothed.shape == (41,)
    assert not found.diverged


def test_the_losses_are_those_of_steps_by_hand() -> None:
    x, y = class_data()
    found = lm.find_learning_rate(
        classifier(dropout=0.2), x, y, optimizer=lm.SGD(momentum=0.9), steps=10, smoothing=0.0
    )
    net, optimizer = classifier(dropout=0.2), lm.SGD(momentum=0.9)
    rows = [*lm.batches(203, epoch=1), *lm.batches(203, epoch=2)]
    for step in range(10):
        optimizer.learning_rate = found.rates[step]
        loss = net.train_step(x[rows[step]], y[rows[step]], optimizer=optimizer)
        assert loss == found.losses[step]
    np.testing.assert_allclose(found.smoothed, found.losses, rtol=1e-15)


@pytest.mark.parametrize("highest", [1e-2, 1e30], ids=["calm", "diverging"])
def test_network_and_optimizer_stay_as_they_are(highest: float) -> None:
    x, y = class_data()
    net, twin = classifier(dropout=0.2), classifier(dropout=0.2)
    optimizer, other = lm.Adam(1e-3), lm.Adam(1e-3)
    for each, own in ((net, optimizer), (twin, other)):
        each.fit(x, y, optimizer=own, epochs=2, verbose=False)
        each.forward(x, training=True)
    before = (bits(net), net.get_state(), optimizer.steps, optimizer.learning_rate)
    found = lm.find_learning_rate(net, x, y, optimizer=optimizer, highest=highest)
    assert found.diverged == (highest > 1.0)
    assert (bits(net), net.get_state(), optimizer.steps, optimizer.learning_rate) == before
    for each, own in ((net, optimizer), (twin, other)):
        each.fit(x, y, optimizer=own, epochs=1, verbose=False)
    assert bits(net) == bits(twin)


def test_ctrl_c_leaves_the_network_as_it_was() -> None:
    x, y = class_data(rows=20_000)
    net = classifier()
    before = bits(net)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        lm.find_learning_rate(net, x, y, steps=10**7, highest=1e-5, batch_size=10_000)
    timer.join()
    assert bits(net) == before


def test_a_network_whose_inputs_are_not_known_stays_so() -> None:
    x, y = value_data()
    net = regressor(inputs=None)
    lm.find_learning_rate(net, x, y)
    assert net.inputs is None


def test_a_schedule_is_left_aside() -> None:
    x, y = value_data()
    optimizer = lm.Adam(lm.CosineSchedule(0.1, length=10))
    found = lm.find_learning_rate(regressor(), x, y, optimizer=optimizer)
    plain = lm.find_learning_rate(regressor(), x, y, optimizer=lm.Adam())
    np.testing.assert_array_equal(found.losses, plain.losses)
    assert optimizer.schedule is not None


def test_losses_of_ones_own_and_sample_weights_are_taken() -> None:
    x, y = value_data()
    own = lm.find_learning_rate(
        regressor(), x, y, loss=lambda o, t: (float(((o - t) ** 2).mean()), 2 * (o - t) / o.size)
    )
    plain = lm.find_learning_rate(regressor(), x, y)
    np.testing.assert_allclose(own.losses[:50], plain.losses[:50], rtol=1e-4)  # float32 sums
    weights = np.zeros(203)
    weights[:40] = 1.0  # whole batches have none
    lm.find_learning_rate(regressor(), x, y, sample_weight=weights, batch_size=4)


def test_a_plot_shows_the_curve() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    x, y = value_data()
    axes = lm.find_learning_rate(regressor(), x, y).plot()
    assert axes.get_xscale() == "log"
    assert len(axes.lines) == 3
    from matplotlib import pyplot

    pyplot.close(axes.figure)


def test_a_plot_without_matplotlib_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any, **options: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **options)

    x, y = value_data()
    found = lm.find_learning_rate(regressor(), x, y, steps=10)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r"pip install 'lamina\[plot\]'"):
        found.plot()


BAD = {
    "lowest": ({"lowest": 0.0}, "expected lowest above 0, got 0"),
    "order": ({"lowest": 1.0, "highest": 0.1}, "expected highest above lowest, got 0.1 and 1.0"),
    "steps": ({"steps": 3}, "expected steps of at least 10, got 3"),
    "text": ({"smoothing": "much"}, "smoothing of at least 0 and below 1, got 'much'"),
    "smoothing": ({"smoothing": 1.0}, "smoothing of at least 0 and below 1, got 1.0"),
    "batch size": ({"batch_size": 0}, "expected batch_size of at least 1, got 0"),
    "optimizer": ({"optimizer": "sdg"}, "unknown name 'sdg'; expected one of sgd"),
    "loss": ({"loss": "mes"}, "unknown name 'mes'"),
    "start": ({"lowest": 1e25, "highest": 1e38, "optimizer": "sgd"}, "expected a lower lowest"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_refused_in_a_sentence(case: str) -> None:
    options, sentence = BAD[case]
    x, y = value_data()
    with pytest.raises(ValueError, match=sentence):
        lm.find_learning_rate(regressor(), x, y, **options)
    with pytest.raises(ValueError, match="expected y for 203 rows"):
        lm.find_learning_rate(regressor(), x, y[:9])
    with pytest.raises(TypeError, match="find_learning_rate: expected a network, got str"):
        lm.find_learning_rate("net", x, y)  # type: ignore[arg-type]
