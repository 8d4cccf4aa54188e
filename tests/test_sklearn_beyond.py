"""What lamina's multi-layer perceptrons take beyond scikit-learn's."""

import copy
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import neural_network
from sklearn.base import clone
from sklearn.datasets import load_wine, make_classification, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

import lamina as lm
from lamina.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

Array = npt.NDArray[Any]
X, Y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)
RANDOM = np.random.RandomState(0)
LINE = RANDOM.uniform(-2, 2, (600, 1))
NOISY = np.sin(LINE[:, 0]) + (0.05 + 0.2 * (LINE[:, 0] > 0)) * RANDOM.normal(size=600)


def classifier(**options: Any) -> MLPClassifier:
    return MLPClassifier(
        **{"hidden_layer_sizes": (16, 8), "max_iter": 50, "random_state": 0, **options}
    )


def regressor(**options: Any) -> MLPRegressor:
    return MLPRegressor(
        **{
            "hidden_layer_sizes": (20,),
            "activation": "tanh",
            "learning_rate_init": 0.02,
            "max_iter": 150,
            "random_state": 0,
            **options,
        }
    )


OPTIONS: dict[str, dict[str, Any]] = {
    "activations": {"activation": ["gelu", "mish"]},
    "an activation with a parameter": {"activation": {"kind": "leaky_relu", "negative_slope": 0.2}},
    "dropout": {"dropout": 0.2},
    "dropout by layer, batch norm": {"dropout": [0.1, 0.3], "normalization": "batch"},
    "layer norm": {"normalization": "layer"},
    "rms norm, average": {"normalization": "rms", "average": 0.8},
    "residual": {"residual": True, "hidden_layer_sizes": (16, 16, 16)},
    "residual, batch norm": {
        "residual": True,
        "hidden_layer_sizes": (12, 12, 8, 8),
        "normalization": "batch",
        "dropout": [0.0, 0.1, 0.0, 0.1],
    },
    "optimizer by name": {"optimizer": "nadam"},
    "optimizer with a schedule": {"optimizer": lm.AdamW(lm.CosineSchedule(0.01), clip_norm=1.0)},
    "muon": {"optimizer": "muon", "normalization": "batch"},
    "clipping": {"clip_norm": 0.5, "solver": "sgd", "learning_rate_init": 0.1},
    "class weights": {"class_weight": {0: 3.0, 1: 1.0, 2: 1.0}},
    "label smoothing": {"label_smoothing": 0.1},
    "threads": {"n_threads": 2},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_train_copy_and_go_on(name: str) -> None:
    options = {"learning_rate_init": 0.01, **OPTIONS[name]}
    model = classifier(**options).fit(X, Y)
    assert model.score(X, Y) > 0.85
    given = model.predict_proba(X)
    np.testing.assert_array_equal(clone(model).fit(X, Y).predict_proba(X), given)
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict_proba(X), given)
    for estimator in (model, twin):
        estimator.partial_fit(X, Y)
    np.testing.assert_array_equal(twin.predict_proba(X), model.predict_proba(X))
    assert not np.array_equal(model.predict_proba(X), given)


@pytest.mark.parametrize("name", ["dropout by layer, batch norm", "rms norm, average"])
def test_early_stopping_puts_back_what_all_layers_had(name: str) -> None:
    model = classifier(early_stopping=True, max_iter=80, **OPTIONS[name])
    scores = []

    class Note(lm.Callback):
        def on_epoch_end(self, epoch: int, record: dict[str, float]) -> None:
            scores.append(model._linked.net.predict(X))

    model.set_params(callbacks=[Note()], learning_rate_init=0.02).fit(X, Y)
    best = int(np.argmax(model.validation_scores_))
    np.testing.assert_allclose(model.predict_proba(X), scores[best], rtol=1e-12)
    assert len(scores) == model.n_iter_


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_residual_layers_add_their_inputs(solver: str) -> None:
    model = classifier(
        residual=True, hidden_layer_sizes=(9, 9, 5), activation="tanh", solver=solver, max_iter=30
    ).fit(X, Y)
    assert [coef.shape for coef in model.coefs_] == [(X.shape[1], 9), (9, 9), (9, 5), (5, 3)]
    layers = list(zip(model.coefs_, model.intercepts_, strict=True))
    first = np.tanh(X @ layers[0][0] + layers[0][1])
    second = first + np.tanh(first @ layers[1][0] + layers[1][1])
    third = np.tanh(second @ layers[2][0] + layers[2][1])
    scores = third @ layers[3][0] + layers[3][1]
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    expected = shares / shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-10)
    net = model.to_sequential()
    np.testing.assert_array_equal(net.predict(X), model.predict_proba(X))


@pytest.mark.parametrize("normalization", ["layer", "rms"])
def test_lbfgs_trains_normalized_layers(normalization: str) -> None:
    model = classifier(solver="lbfgs", normalization=normalization, alpha=0.01, max_iter=60)
    assert model.fit(X, Y).score(X, Y) > 0.95


def test_dropout_leaves_scikit_learns_random_numbers_alone() -> None:
    plain, dropped = classifier(max_iter=1).fit(X, Y), classifier(max_iter=1, dropout=0.5)
    theirs = neural_network.MLPClassifier((16, 8), max_iter=1, random_state=0).fit(X, Y)
    np.testing.assert_allclose(plain.coefs_[0], theirs.coefs_[0], rtol=1e-10)
    assert not np.array_equal(dropped.fit(X, Y).coefs_[0], plain.coefs_[0])


def test_balanced_classes_count_alike() -> None:
    rows = np.r_[np.flatnonzero(Y == 0)[:6], np.flatnonzero(Y == 1)]
    found = [
        classifier(max_iter=60, class_weight=weight).fit(X[rows], Y[rows])
        for weight in (None, "balanced")
    ]
    # Weights n / (k n_c), as sample_weight gives them.
    weights = np.where(Y[rows] == 0, len(rows) / (2 * 6), len(rows) / (2 * (len(rows) - 6)))
    expected = classifier(max_iter=60).fit(X[rows], Y[rows], sample_weight=weights)
    np.testing.assert_allclose(found[1].coefs_[0], expected.coefs_[0], rtol=1e-10)
    assert not np.allclose(found[0].coefs_[0], found[1].coefs_[0])


def test_validation_data_of_the_users_is_watched() -> None:
    model = classifier(early_stopping=True, learning_rate_init=0.01, max_iter=60)
    model.fit(X[::2], Y[::2], validation_data=(X[1::2], Y[1::2]))
    assert model.t_ == model.n_iter_ * len(X[::2])
    assert model.best_validation_score_ == pytest.approx(model.score(X[1::2], Y[1::2]))
    with pytest.raises(ValueError, match="early_stopping=True"):
        classifier().fit(X, Y, validation_data=(X, Y))
    with pytest.raises(ValueError, match="classes not in"):
        model.fit(X, Y, validation_data=(X, Y + 1))


def test_callbacks_follow_training_and_may_stop_it() -> None:
    class Stop(lm.Callback):
        def on_fit_begin(self, fit: Any) -> None:
            self.fit = fit

        def on_epoch_end(self, epoch: int, record: dict[str, float]) -> None:
            if epoch == 4:
                self.fit.stop("enough")

    assert classifier(callbacks=[Stop()]).fit(X, Y).n_iter_ == 5


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "log_cosh", lm.Huber(0.3)])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_losses_of_values_are_those_of_lamina(loss: Any, solver: str) -> None:
    model = regressor(loss=loss, solver=solver, alpha=0.0, max_iter=200).fit(LINE, NOISY)
    assert model.score(LINE, NOISY) > 0.85
    names = {"absolute_error": "mean_absolute_error"}
    chosen = names.get(loss, loss) if isinstance(loss, str) else loss
    value = model.to_sequential().evaluate(LINE, NOISY, loss=chosen)["loss"]
    assert model.loss_ == pytest.approx(value, rel=0.1 if solver == "adam" else 1e-6)


@pytest.mark.parametrize("loss", ["gamma", "tweedie"])
def test_means_of_skewed_targets_are_predicted_in_their_units(loss: str) -> None:
    model = regressor(loss=loss).fit(LINE, np.exp(NOISY))
    assert model.out_activation_ == "exp"
    assert model.score(LINE, np.exp(NOISY)) > 0.7


def test_quantiles_hold_their_shares_of_the_rows() -> None:
    model = regressor(quantiles=(0.1, 0.5, 0.9), max_iter=800, n_iter_no_change=800).fit(
        LINE, NOISY
    )
    found = model.predict_quantiles(LINE)
    assert (np.diff(found, axis=1) >= 0).all()
    np.testing.assert_allclose((NOISY[:, None] < found).mean(axis=0), [0.1, 0.5, 0.9], atol=0.05)
    np.testing.assert_array_equal(model.predict(LINE), found[:, 1])
    # The noise is five times as wide on the right.
    widths = found[:, 2] - found[:, 0]
    assert widths[LINE[:, 0] > 0.3].mean() > 2 * widths[LINE[:, 0] < -0.3].mean()
    assert not hasattr(regressor(), "predict_quantiles")


@pytest.mark.parametrize("quantiles", [None, (0.1, 0.9)], ids=["one width", "quantiles"])
def test_intervals_cover_new_rows(quantiles: Any) -> None:
    known, new = slice(0, 400), slice(400, 600)
    model = regressor(quantiles=quantiles, calibration_fraction=0.4)
    model.fit(LINE[known], NOISY[known])
    interval = model.predict_interval(LINE[new], 0.8)
    inside = (interval[:, 0] <= NOISY[new]) & (NOISY[new] <= interval[:, 1])
    assert 0.7 < inside.mean() < 0.92
    with pytest.raises(ValueError, match="coverage of at most"):
        model.predict_interval(LINE[new], 0.9999)
    with pytest.raises(ValueError, match=r"coverage in \(0, 1\)"):
        model.predict_interval(LINE[new], 90)
    assert not hasattr(regressor().fit(LINE, NOISY), "predict_interval")


@pytest.mark.parametrize("classes", [2, 3])
def test_a_temperature_makes_overconfident_probabilities_better(classes: int) -> None:
    x, y = make_classification(
        900, 6, n_informative=4, n_redundant=0, n_classes=classes, flip_y=0.4, random_state=0
    )
    train, new = slice(0, 450), slice(450, 900)
    options = {"max_iter": 300, "learning_rate_init": 0.02, "n_iter_no_change": 300}
    plain = classifier(**options).fit(x[train], y[train])
    model = classifier(calibration_fraction=0.3, **options).fit(x[train], y[train])
    assert model.temperature_ > 1.5
    assert log_loss(y[new], model.predict_proba(x[new])) < log_loss(
        y[new], plain.predict_proba(x[new])
    )
    np.testing.assert_allclose(model.predict_proba(x).sum(axis=1), 1.0)
    np.testing.assert_array_equal(model.predict(x), model.predict_proba(x).argmax(axis=1))


def test_estimators_of_scikit_learn_are_taken_over() -> None:
    for theirs, kind, data in (
        (neural_network.MLPClassifier(max_iter=20, random_state=0), MLPClassifier, (X, Y)),
        (neural_network.MLPRegressor(max_iter=20, random_state=0), MLPRegressor, (LINE, NOISY)),
    ):
        theirs.fit(*data)
        own = kind.from_sklearn(theirs)
        np.testing.assert_allclose(own.predict(data[0]), theirs.predict(data[0]))
        assert own.loss_curve_ == theirs.loss_curve_
        assert own.get_params()["max_iter"] == 20
        own.partial_fit(*data)
        assert len(own.loss_curve_) == 21
        assert len(theirs.loss_curve_) == 20
    with pytest.raises(TypeError, match=r"expected sklearn\.neural_network\.MLPClassifier"):
        MLPClassifier.from_sklearn(theirs)
    with pytest.raises(NotFittedError):
        MLPRegressor.from_sklearn(neural_network.MLPRegressor())


def test_networks_become_estimators_and_estimators_networks() -> None:
    model = classifier().fit(X, Y)
    net = model.to_sequential()
    np.testing.assert_array_equal(net.predict(X), model.predict_proba(X))
    twin = MLPClassifier.from_sequential(net, ["a", "b", "c"], max_iter=7)
    np.testing.assert_array_equal(twin.predict(X), np.array(["a", "b", "c"])[model.predict(X)])
    assert twin.get_params()["hidden_layer_sizes"] == (16, 8)
    twin.partial_fit(X, twin.predict(X))

    several, labels = make_multilabel_classification(60, n_classes=3, random_state=0)
    many = classifier().fit(several, labels)
    back = MLPClassifier.from_sequential(many.to_sequential(), range(3))
    np.testing.assert_array_equal(back.predict(several), many.predict(several))

    values = regressor().fit(LINE, NOISY)
    again = MLPRegressor.from_sequential(values.to_sequential())
    np.testing.assert_array_equal(again.predict(LINE), values.predict(LINE))

    for layers, classes, problem in (
        ([lm.Dense(3), lm.BatchNorm(), lm.Dense(3, "softmax")], [0, 1, 2], "Dense layers"),
        ([lm.Dense(3, "softmax")], [2, 1, 0], "ascending order"),
        ([lm.Dense(3, "softmax")], [0, 1], "expected 3 classes"),
        ([lm.Dense(3, "relu")], [0, 1, 2], "last activation"),
        ([lm.Dense(3)], [0, 1, 2], "softmax or sigmoid"),
    ):
        with pytest.raises(ValueError, match=problem):
            MLPClassifier.from_sequential(lm.Sequential(layers, inputs=2), classes)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"solver": "lbfgs", "dropout": 0.1}, "leave out 'dropout'"),
        ({"solver": "lbfgs", "optimizer": "adam"}, "expected solver 'adam' or 'sgd'"),
        ({"solver": "lbfgs", "callbacks": [lm.Callback()]}, "expected solver 'adam' or 'sgd'"),
        ({"optimizer": "lbfgs"}, "works on batches"),
        ({"optimizer": "adamx"}, "unknown name"),
        ({"activation": ["relu", "relu", "relu"]}, "for each of 2 hidden layers"),
        ({"activation": "softmax"}, "'activation' parameter"),
        ({"dropout": [0.1]}, "for each of 2 hidden layers"),
        ({"dropout": [0.1, 1.0]}, "a share in"),
        ({"clip_norm": 1.0, "optimizer": "adam"}, "option of the optimizer"),
        ({"normalization": "group"}, "'normalization' parameter"),
        ({"residual": True}, "as many units as the one before"),
        ({"n_threads": 0}, "'n_threads' parameter"),
        ({"hidden_layer_sizes": [8, 2.5]}, "whole numbers"),
        ({"hidden_layer_sizes": [8, -1]}, "must be > 0"),
        ({"label_smoothing": 2.0}, "'label_smoothing' parameter"),
        ({"calibration_fraction": 0.001}, "validation set is too small"),
    ],
)
def test_what_does_not_go_together_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        classifier(**options).fit(X, Y)


@pytest.mark.parametrize("levels", [(0.9, 0.1), (0.1, 0.1), (0.0, 0.5), ()])
def test_levels_that_are_none_are_refused(levels: Any) -> None:
    with pytest.raises(ValueError, match="ascending order"):
        regressor(quantiles=levels).fit(LINE, NOISY)
    with pytest.raises(ValueError, match="one value a row"):
        regressor(quantiles=(0.1, 0.9)).fit(LINE, np.c_[NOISY, NOISY])


def test_a_further_fit_forgets_what_was_calibrated() -> None:
    model = regressor(calibration_fraction=0.3, max_iter=3, warm_start=True).fit(LINE, NOISY)
    assert hasattr(model, "predict_interval")
    model.set_params(calibration_fraction=0.0).fit(LINE, NOISY)
    assert not hasattr(model, "predict_interval")
    other = classifier(calibration_fraction=0.3, max_iter=3).fit(X, Y)
    assert other.temperature_ != 1.0
    assert other.set_params(calibration_fraction=0.0).partial_fit(X, Y).temperature_ == 1.0


def test_rates_that_are_no_logarithms_are_refused() -> None:
    with pytest.raises(ValueError, match="log_input=True"):
        regressor(loss=lm.Poisson(log_input=False)).fit(LINE, np.exp(NOISY))


def test_training_that_diverges_says_so() -> None:
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        regressor(solver="sgd", learning_rate_init=1e6, activation="identity").fit(
            LINE * 1e3, NOISY
        )
    model = regressor(
        solver="sgd", learning_rate_init=1e6, activation="identity", early_stopping=True
    )
    with pytest.warns(ConvergenceWarning, match="diverged in epoch"):
        model.fit(LINE * 1e3, NOISY)
    assert np.isnan(model.validation_scores_[-1])
    assert np.isfinite(model.predict(LINE)).all()


def test_weights_below_0_are_refused() -> None:
    with pytest.raises(ValueError, match="sample_weight"):
        classifier().fit(X, Y, sample_weight=np.linspace(-1, 1, len(Y)))


def test_copies_and_predictions_during_training_have_the_weights_of_now() -> None:
    found = []

    class Look(lm.Callback):
        def on_epoch_end(self, epoch: int, record: dict[str, float]) -> None:
            own = model.predict_proba(X)
            np.testing.assert_array_equal(copy.copy(model).predict_proba(X), own)
            found.append(own)

    expected = classifier(max_iter=4).fit(X, Y).predict_proba(X)
    model = classifier(max_iter=4, callbacks=[Look()])
    model.fit(X, Y)
    np.testing.assert_array_equal(found[-1], expected)
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    assert not np.array_equal(found[0], found[1])


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callbacks_of_scikit_learn_follow_each_epoch(solver: str) -> None:
    pytest.importorskip("sklearn.callback", reason="of scikit-learn 1.9 and later")
    calls: list[str] = []
    scores: list[float] = []

    class Record:
        def setup(self, estimator: Any, context: Any) -> None:
            calls.append("setup")

        def teardown(self, estimator: Any, context: Any) -> None:
            calls.append("teardown")

        def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
            calls.append("begin")

        def on_fit_task_end(
            self, estimator: Any, context: Any, *, X: Any, y: Any, fitted_estimator: Any
        ) -> bool:
            calls.append("end")
            scores.append(fitted_estimator.score(X, Y))
            return len(scores) == 6

    model = classifier(solver=solver, max_iter=20).set_callbacks(Record()).fit(X, Y)
    assert model.n_iter_ == 6
    assert calls[:3] == ["setup", "begin", "begin"]
    assert calls[-2:] == ["end", "teardown"]
    assert scores[-1] == scores[-2] == model.score(X, Y)
    plain = classifier(solver=solver, max_iter=6).fit(X, Y)
    np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])
