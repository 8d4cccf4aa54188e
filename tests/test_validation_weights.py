"""What weights mean in training, in metrics and in validation, held back or given."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import bits, class_data, classifier

Array = npt.NDArray[Any]


def held_back(y: Array, fraction: float, seed: int = 0) -> tuple[Array, Array]:
    """Rows in training and held back, by their first input."""
    seen: list[Array] = []

    class Watch(lm.Callback):
        def on_fit_begin(self, fit: Any) -> None:
            seen.extend((fit._train.x[:, 0], fit._validation.x[:, 0]))

    x = np.arange(len(y), dtype=np.float32)[:, None]
    net = lm.Sequential([lm.Dense(int(max(y)) + 1, "softmax")], seed=seed)
    net.fit(x, y, validation_fraction=fraction, epochs=1, callbacks=[Watch()], verbose=False)
    return seen[0].astype(int), seen[1].astype(int)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_validation_takes_sample_weights_and_no_class_weights(optimizer: str) -> None:
    if optimizer == "lbfgs":
        pytest.importorskip("scipy")
    x, y = class_data()
    weight = np.random.default_rng(0).random(len(y))
    net, parts = classifier(), {}

    class Watch(lm.Callback):
        def on_fit_begin(self, fit: Any) -> None:
            parts["held"] = fit._validation

    history = net.fit(
        *(x, y),
        sample_weight=weight,
        class_weight={0: 5.0, 1: 0.1},
        validation_fraction=0.25,
        metrics=["accuracy"],
        optimizer="adam" if optimizer == "adam" else lm.LBFGS(3),
        epochs=2 if optimizer == "adam" else None,
        callbacks=[Watch()],
        verbose=False,
    )
    held = parts["held"]
    figures = net.evaluate(held.x, held.classes, sample_weight=held.weights, metrics=["accuracy"])
    assert history["val_loss"][-1] == figures["loss"]
    assert history["val_accuracy"][-1] == figures["accuracy"]


def test_class_weights_count_in_the_loss_that_is_trained_and_not_in_metrics() -> None:
    x, y = class_data()
    weight = np.random.default_rng(0).random(len(y))
    options: dict[str, Any] = {"metrics": ["accuracy", "log_loss"], "epochs": 1, "verbose": False}
    net = classifier(dtype="float64")
    history = net.fit(
        *(x, y),
        sample_weight=weight,
        class_weight={0: 7.0},
        optimizer=lm.SGD(0.0),
        validation_data=(x, y, weight),
        **options,
    )
    plain = net.evaluate(x, y, sample_weight=weight, metrics=["accuracy", "log_loss"])
    both = net.evaluate(x, y, sample_weight=np.where(y == 0, 7.0, 1.0) * weight)
    assert history["accuracy"][0] == pytest.approx(plain["accuracy"])
    assert history["log_loss"][0] == pytest.approx(plain["log_loss"])
    assert history["val_loss"][0] == pytest.approx(plain["loss"])
    assert history["loss"][0] == pytest.approx(both["loss"])


def test_balanced_weights_are_those_of_the_rows_that_are_trained_on() -> None:
    x, y = class_data(rows=200)
    # Held back are rows of which the rest is no fair sample: a class of three rows gives one.
    y = np.where(np.arange(200) < 3, 2, y % 2)
    net, twin, parts = classifier(), classifier(), {}

    class Watch(lm.Callback):
        def on_fit_begin(self, fit: Any) -> None:
            parts["train"] = fit._train

    net.fit(
        *(x, y),
        class_weight="balanced",
        validation_fraction=0.3,
        callbacks=[Watch()],
        epochs=2,
        verbose=False,
    )
    train = parts["train"]
    counts = np.bincount(train.classes)
    twin.fit(
        *(train.x, train.classes),
        sample_weight=(len(train.x) / (3 * counts))[train.classes],
        epochs=2,
        verbose=False,
    )
    assert bits(net) == bits(twin)


@pytest.mark.parametrize("side", ["held back", "left for training"])
def test_rows_of_weight_0_alone_are_refused_on_either_side(side: str) -> None:
    x = np.random.default_rng(0).normal(size=(40, 3))
    y = x.sum(axis=1)
    weight = np.zeros(40)
    net = lm.Sequential([lm.Dense(1)], seed=0)
    held = _held_rows(x, y)
    rows = [row for row in range(40) if (row in held) != (side == "held back")]
    weight[rows[:3]] = 1.0
    with pytest.raises(ValueError, match=f"sample_weight above 0 among the .* rows {side}"):
        net.fit(x, y, sample_weight=weight, validation_fraction=0.2, verbose=False)
    assert (net.epochs_trained, net.inputs) == (0, None)
    weight[:] = 0.0
    with pytest.raises(ValueError, match="validation_data: expected a sample_weight above 0"):
        net.fit(x, y, validation_data=(x, y, weight), verbose=False)


def _held_rows(x: Array, y: Array) -> set[int]:
    held: list[Array] = []

    class Watch(lm.Callback):
        def on_fit_begin(self, fit: Any) -> None:
            held.append(fit._validation.x)

    net = lm.Sequential([lm.Dense(1)], seed=0)
    net.fit(x, y, validation_fraction=0.2, callbacks=[Watch()], epochs=1, verbose=False)
    return {int(np.flatnonzero((x == row).all(axis=1))[0]) for row in held[0]}


def test_many_small_classes_are_held_back_in_the_share_that_was_asked() -> None:
    y = np.repeat(np.arange(50), 2)
    train, held = held_back(y, 0.2)
    assert len(held) == 20
    assert np.bincount(y[held]).max() == 1
    assert len(np.unique(y[train])) == 50
    # By lot, and not the first twenty classes.
    assert y[held].max() > 30
    assert not np.array_equal(held_back(y, 0.2, seed=1)[1], held)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9, 0.99])
def test_every_class_keeps_a_row_in_training(fraction: float) -> None:
    y = np.array([0] * 60 + [1] * 30 + [2] * 2 + [3])
    train, held = held_back(y, fraction)
    assert set(y[train]) == {0, 1, 2, 3}
    assert sorted([*train, *held]) == list(range(93))
    shares = np.bincount(y[held], minlength=4)[:2] / [60, 30]
    assert shares == pytest.approx([fraction] * 2, abs=0.04)


@pytest.mark.parametrize(
    ("last", "loss", "low"),
    [("sigmoid", None, 0), ("sigmoid", "binary_focal", 0), ("tanh", "hinge", -1)],
)
def test_two_classes_of_one_output_are_held_back_in_the_same_share(
    last: str, loss: Any, low: int
) -> None:
    y = np.full(300, low)
    y[:10] = 1
    for seed in range(5):
        held: list[Array] = []

        def note(y: Array, outputs: Array, held: list[Array] = held) -> float:
            held.append(y)
            return 0.0

        net = lm.Sequential([lm.Dense(1, last)], seed=seed)
        net.fit(
            *(np.zeros((300, 1)), y),
            loss=loss,
            validation_fraction=0.2,
            metrics=[note],
            epochs=1,
            verbose=False,
        )
        assert (held[1] == 1).sum() == 2
        assert len(held[1]) == 60


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"validation_data": {"X": 1, "y": 2}}, "got dict"),
        ({"validation_data": np.zeros((3, 3))}, "got ndarray"),
        ({"validation_data": (1,)}, "got 1 parts"),
        ({"validation_fraction": "half"}, "got 'half'"),
        ({"validation_fraction": True}, "got True"),
        ({"validation_fraction": float("nan")}, "got nan"),
        ({"validation_fraction": 0.2, "validation_data": (1, 2)}, "got both"),
    ],
)
def test_validation_rows_that_are_none_are_told(options: Any, sentence: str) -> None:
    x, y = class_data()
    with pytest.raises((TypeError, ValueError), match=f"fit: expected validation_.* {sentence}"):
        classifier().fit(x, y, **options)


@pytest.mark.parametrize("size", [1e-300, 1e-45, 1e30, 1e200])
def test_the_size_of_validation_weights_does_not_count(size: float) -> None:
    x = np.random.default_rng(0).normal(size=(40, 3))
    y = x.sum(axis=1)
    held = np.isin(np.arange(40), list(_held_rows(x, y)))
    spread = np.where(held, 0.5 + np.random.default_rng(1).random(40), 1.0)
    figures = []
    for weight in (spread, np.where(held, size * spread, spread)):
        net = lm.Sequential([lm.Dense(1)], seed=0)
        history = net.fit(
            *(x, y),
            sample_weight=weight,
            validation_fraction=0.2,
            metrics=["mae"],
            epochs=2,
            verbose=False,
        )
        figures.append(history.to_dict())
        given = net.evaluate(x[held], y[held], sample_weight=weight[held], metrics=["mae"])
        assert given["loss"] == pytest.approx(history["val_loss"][-1], rel=1e-12)
        assert given["mae"] == pytest.approx(history["val_mae"][-1], rel=1e-12)
    for name, values in figures[0].items():
        # Scaled weights round otherwise in the last place of float64.
        assert figures[1][name] == pytest.approx(values, rel=1e-12)
