"""Training and predicting through lamina.h reaches Python's weights and outputs to the bit."""

import ctypes as ct
from functools import partial

import numpy as np
import pytest

import lamina as lm
from c_interface import CLibrary, assert_same, data_of, description_of, load_library, options_of
from c_structs import ClassWeight, EarlyStopping, Metric, MetricFunction
from lamina._network.model_file import Extras, load_model, save_model

RNG = np.random.default_rng(5)
X = RNG.normal(size=(150, 6)).astype(np.float32)
CLASSES = (X[:, 0] > X[:, 1]).astype(np.int32) + (X[:, 2] > 0.8)
VALUES = (X[:, :2] ** 2 + 0.1 * RNG.normal(size=(150, 2))).astype(np.float32)
WEIGHTS = RNG.uniform(0.1, 3.0, 150)
CLASSIFIER = [lm.Dense(16, "relu"), lm.Dropout(0.3), lm.Dense(3, "softmax")]
REGRESSOR = [lm.Dense(16, "tanh"), lm.Dense(2)]


@pytest.fixture(scope="module")
def c() -> CLibrary:
    """The C interface of the library that Python's module uses, too."""
    return load_library()


def pair(c, layers, *, dtype="float32", seed=7):
    """The same network in Python and in C."""
    net = lm.Sequential(layers, inputs=X.shape[1], dtype=dtype, seed=seed)
    return net, c.build(net.to_spec(), dtype=dtype, seed=seed)


def assert_trains_alike(c, layers, y, python, options, *, dtype="float32", weights=None, fits=1):
    """Fits both, by Python's arguments and by those of C."""
    x = X.astype(dtype)
    net, model = pair(c, layers, dtype=dtype)
    assert_same(net, model)
    data = data_of(x, np.asarray(y, np.int32 if y.dtype == np.int32 else dtype), weights)
    for _ in range(fits):
        history = net.fit(x, y, sample_weight=weights, verbose=False, **python)
        found = model.fit(data, **options)
        assert_same(net, model)
        for name, values in history.items():
            assert model.figures(found, name) == values, name
        assert c.history_stop_reason(found).decode() == history.stop_reason
        c.history_free(found)
    return net, model


def kept(*structs):
    """An array of structs, and how many they are."""
    return (type(structs[0]) * len(structs))(*structs), len(structs)


def test_defaults_are_pythons(c):
    assert_trains_alike(c, CLASSIFIER, CLASSES, {}, {}, fits=2)


@pytest.mark.parametrize(
    ("layers", "y"),
    [
        (REGRESSOR, VALUES),
        ([lm.Dense(4, "selu"), lm.Dense(1, "sigmoid")], (CLASSES > 0).astype(np.int32)),
        (
            [lm.BatchNorm(), lm.Residual([lm.Dense(6, "gelu"), lm.AlphaDropout(0.1)]), lm.Dense(2)],
            VALUES,
        ),
        ([lm.Ensemble([lm.Dense(8, "relu"), lm.Dense(3, "softmax")], k=4)], CLASSES),
        ([lm.LayerNorm(), lm.PReLU(), lm.GaussianNoise(0.1), lm.Dense(3, "softmax")], CLASSES),
        ([lm.Periodic([0, 2]), lm.Dense(2)], VALUES),
    ],
    ids=["values", "binary", "residual", "ensemble", "norm", "periodic"],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_kind_of_network_trains_alike(c, layers, y, dtype):
    assert_trains_alike(c, layers, y, {"epochs": 3}, {"epochs": 3}, dtype=dtype)


OPTIMIZERS = [
    (
        lm.SGD(0.05, momentum=0.9, nesterov=True),
        {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
    ),
    (lm.AdamW(0.01), {"learning_rate": 0.01}),
    (
        lm.RMSprop(0.01, centered=True, clip_norm=1.0),
        {"learning_rate": 0.01, "centered": True, "clip_norm": 1.0},
    ),
    (lm.Muon(), {}),
    (lm.Lion(weight_decay=0.1), {"weight_decay": 0.1}),
]


@pytest.mark.parametrize(("python", "options"), OPTIMIZERS, ids=lambda value: type(value).__name__)
def test_optimizers_are_those_of_python_by_name_with_the_same_defaults(c, python, options):
    layers = [lm.Dense(8, "relu"), lm.Dense(8, "relu"), lm.Dense(3, "softmax")]
    spec = {"kind": type(python).__name__.lower(), **options}
    assert_trains_alike(
        c, layers, CLASSES, {"optimizer": python, "epochs": 3}, {"optimizer": spec, "epochs": 3}
    )


def test_schedules_of_rate_decay_and_dropout(c):
    rate = lm.WarmUp(lm.CosineSchedule(0.02), 5)
    python = {
        "optimizer": lm.Adam(rate, weight_decay=lm.FlatCosineSchedule(0.01)),
        "dropout_schedule": lm.FlatCosineSchedule(1.0),
        "epochs": 4,
    }
    options = {
        "schedule": {"kind": "warm_up", "steps": 5, "after": {"kind": "cosine", "rate": 0.02}},
        "decay_schedule": {"kind": "flat_cosine", "rate": 0.01},
        "noise_schedule": {"kind": "flat_cosine", "rate": 1.0},
        "optimizer": {"kind": "adam", "weight_decay": 0.01},
        "epochs": 4,
    }
    assert_trains_alike(c, CLASSIFIER, CLASSES, python, options)


@pytest.mark.parametrize("per", ["step", "epoch"])
def test_averages_of_weights(c, per):
    python = {"average": lm.WeightAverage(0.9, per=per, start=2), "epochs": 4}
    options = {
        "average": {"kind": "weight_average", "decay": 0.9, "per": per, "start": 2},
        "epochs": 4,
    }
    assert_trains_alike(c, CLASSIFIER, CLASSES, python, options)


def test_early_stopping_with_validation_rows_and_metrics(c):
    metrics, count = kept(
        Metric(description_of("accuracy"), greater_is_better=-1),
        Metric(description_of({"kind": "f1", "average": "macro"}), greater_is_better=-1),
    )
    stopping = EarlyStopping(ct.sizeof(EarlyStopping), b"val_accuracy", 2, 0.0, -1, 1, 0)
    held = data_of(X[:40] * 1.1, CLASSES[:40], WEIGHTS[:40])
    options = {
        "epochs": 30,
        "validation": ct.pointer(held),
        "metrics": metrics,
        "metric_count": count,
        "early_stopping": ct.pointer(stopping),
        "optimizer": {"kind": "adam", "learning_rate": 0.02},
    }
    python = {
        "epochs": 30,
        "validation_data": (X[:40] * 1.1, CLASSES[:40], WEIGHTS[:40]),
        "metrics": ["accuracy", partial(lm.metrics.f1, average="macro")],
        "early_stopping": lm.EarlyStopping("val_accuracy", patience=2),
        "optimizer": lm.Adam(0.02),
    }
    net, _ = assert_trains_alike(c, CLASSIFIER, CLASSES, python, options, weights=WEIGHTS)
    assert net.history.stop_reason


@pytest.mark.parametrize("balanced", [False, True])
def test_rows_held_back_class_weights_and_accumulation(c, balanced):
    table, count = kept(ClassWeight(0.0, 0.5), ClassWeight(2.0, 3.0))
    python = {
        "validation_fraction": 0.25,
        "class_weight": "balanced" if balanced else {0: 0.5, 2: 3.0},
        "accumulate": 3,
        "batch_size": 10,
        "shuffle": False,
        "epochs": 4,
    }
    options = {
        "validation_fraction": 0.25,
        "accumulate": 3,
        "batch_size": 10,
        "shuffle": 0,
        "epochs": 4,
        "balanced_classes": int(balanced),
        **({} if balanced else {"class_weights": table, "class_weight_count": count}),
    }
    assert_trains_alike(c, CLASSIFIER, CLASSES, python, options, weights=WEIGHTS)


def test_losses_with_options_and_metrics_of_the_callers(c):
    def python_metric(y, outputs):
        return float(np.abs(y - outputs).max())

    @MetricFunction
    def c_metric(targets, columns, outputs, outputs_columns, rows, weights, user):
        y = np.ctypeslib.as_array(targets, (rows, columns))
        found = np.ctypeslib.as_array(outputs, (rows, outputs_columns))
        return float(np.abs(y - found).max())

    metrics, count = kept(Metric(description_of("python_metric"), c_metric, None, 0))
    python = {"loss": lm.Huber(0.5), "metrics": [python_metric], "epochs": 3}
    options = {
        "loss": {"kind": "huber", "delta": 0.5},
        "metrics": metrics,
        "metric_count": count,
        "epochs": 3,
    }
    assert_trains_alike(c, REGRESSOR, VALUES.astype(np.float64), python, options, dtype="float64")


def test_an_optimizer_that_keeps_its_state_between_fits(c):
    net, model = pair(c, CLASSIFIER)
    optimizer, handle = lm.Adam(0.01), ct.c_void_p()
    array, count = options_of({"learning_rate": 0.01})
    c.optimizer_create(model.handle, b"adam", array, ct.c_size_t(count), ct.byref(handle))
    data = data_of(X, CLASSES)
    for epochs in (1, 2):
        net.fit(X, CLASSES, optimizer=optimizer, epochs=epochs, verbose=False)
        c.history_free(model.fit(data, optimizer_state=handle, epochs=epochs))
    assert_same(net, model)
    # And by steps.
    value = ct.c_double()
    for first in range(0, 120, 40):
        part = slice(first, first + 40)
        expected = net.train_step(X[part], CLASSES[part], optimizer=optimizer)
        batch = data_of(X[part], CLASSES[part])
        seed = ct.c_uint64(net.seed)
        arguments = ct.byref(batch), description_of(None), handle, seed, ct.byref(value)
        c.train_step(model.handle, *arguments)
        assert value.value == expected
    assert_same(net, model)
    c.optimizer_free(handle)


@pytest.mark.parametrize("kind", ["adam", "lion", "sgd"])
def test_a_fit_in_two_parts_through_a_file_and_the_state_of_its_optimizer(c, kind, tmp_path):
    data, options = data_of(X, CLASSES), {"batch_size": 20}

    def optimizer_of(model):
        handle = ct.c_void_p()
        c.optimizer_create(model.handle, kind.encode(), None, ct.c_size_t(0), ct.byref(handle))
        return handle

    _, whole = pair(c, CLASSIFIER)
    kept = optimizer_of(whole)
    c.history_free(whole.fit(data, optimizer_state=kept, epochs=4, **options))
    _, first = pair(c, CLASSIFIER)
    before = optimizer_of(first)
    c.history_free(first.fit(data, optimizer_state=before, epochs=2, **options))
    first.save(tmp_path / "half.lamina")
    second = c.load(tmp_path / "half.lamina")
    after = optimizer_of(second)
    shapes = list(second.parameters().values())
    for state in range(c.optimizer_states(before)):
        for index, values in enumerate(shapes):
            place = ct.c_size_t(state), ct.c_size_t(index), values.ctypes.data_as(ct.c_void_p)
            c.optimizer_get_state(before, *place)
            c.optimizer_set_state(after, *place)
    c.optimizer_set_steps(after, ct.c_int64(c.optimizer_steps(before)))
    c.history_free(second.fit(data, optimizer_state=after, epochs=2, **options))
    for name, values in whole.parameters().items():
        assert values.tobytes() == second.parameters()[name].tobytes(), name
    for handle in (kept, before, after):
        c.optimizer_free(handle)


def test_gradients_passes_and_jacobians(c):
    net, model = pair(c, CLASSIFIER, seed=3)
    batch, value, seed = data_of(X[:9], CLASSES[:9], WEIGHTS[:9]), ct.c_double(), ct.c_uint64(3)
    for accumulate in (False, True):
        expected, gradients = net.value_and_grad(
            X[:9], CLASSES[:9], sample_weight=WEIGHTS[:9], accumulate=accumulate
        )
        arguments = description_of("cross_entropy"), seed, int(accumulate), ct.byref(value)
        c.value_and_gradient(model.handle, ct.byref(batch), *arguments)
        assert value.value == expected
        for name, values in model.parameters("get_gradient").items():
            assert values.tobytes() == gradients[name].tobytes(), name
    rows = ct.c_size_t(9)

    def pointer(array):
        return array.ctypes.data_as(ct.c_void_p)

    y, x_gradient = np.empty((9, 3), np.float32), np.empty((9, 6), np.float32)
    outputs = net.forward(X[:9], training=True, step=5)
    x = np.ascontiguousarray(X[:9])
    c.forward(model.handle, pointer(x), 0, rows, 1, seed, ct.c_uint64(5), pointer(y))
    assert y.tobytes() == outputs.tobytes()
    expected = net.backward(outputs)
    c.backward(model.handle, pointer(y), rows, 0, pointer(x_gradient))
    assert x_gradient.tobytes() == expected.tobytes()
    jacobian = np.empty((9, 3, 6), np.float32)
    c.jacobian(model.handle, pointer(x), 0, rows, pointer(jacobian))
    assert jacobian.tobytes() == net.jacobian(x).tobytes()
    c.evaluate(model.handle, ct.byref(batch), description_of(None), ct.byref(value))
    assert value.value == net.evaluate(X[:9], CLASSES[:9], sample_weight=WEIGHTS[:9])["loss"]


def test_predictions_and_predictors_have_pythons_bits(c):
    net, model = pair(c, CLASSIFIER)
    wide = X.astype(np.float64)
    assert model.predict(X).tobytes() == net.predict(X).tobytes()
    assert model.predict(wide).astype(np.float32).tobytes() == net.predict(wide).tobytes()
    handle, y = ct.c_void_p(), np.empty(3, np.float32)
    c.predictor_create(model.handle, ct.byref(handle))
    predictor = net.compile_predictor()
    for row in X[:20]:
        pointers = (array.ctypes.data_as(ct.c_void_p) for array in (row, y))
        x_pointer, y_pointer = pointers
        c.predictor_predict(handle, x_pointer, ct.c_size_t(1), y_pointer)
        assert y.tobytes() == predictor(row).tobytes()
    c.predictor_free(handle)


def test_a_file_of_c_is_read_by_python_and_goes_on_training(c, tmp_path):
    net, model = pair(c, CLASSIFIER)
    data = data_of(X, CLASSES)
    net.fit(X, CLASSES, epochs=2, verbose=False)
    c.history_free(model.fit(data, epochs=2))
    model.save(tmp_path / "c.lamina")
    net.save(tmp_path / "python.lamina")
    read = lm.load(tmp_path / "c.lamina")
    assert_same(read, model)
    assert read.get_state() == net.get_state()
    assert read.to_spec() == net.to_spec()
    read.fit(X, CLASSES, epochs=2, verbose=False)
    loaded = c.load(tmp_path / "python.lamina")
    c.history_free(loaded.fit(data, epochs=2))
    assert_same(read, loaded)


def test_what_a_file_holds_beside_the_network_is_kept_through_training_in_c(c, tmp_path):
    net = lm.Sequential(CLASSIFIER, inputs=6, seed=2**64 - 1)
    extras = Extras(record={"made": ["for", 3]}, tensors={"kept": WEIGHTS})
    save_model(tmp_path / "model", net, extras)
    model = c.load(tmp_path / "model")
    c.history_free(model.fit(data_of(X, CLASSES), epochs=1))
    model.save(tmp_path / "trained")
    trained, record, tensors = load_model(tmp_path / "trained", lm.Sequential)
    assert record == {"made": ["for", 3]}
    assert tensors["kept"].tobytes() == WEIGHTS.tobytes()
    assert trained.get_state() == {"seed": 2**64 - 1, "epochs_trained": 1, "random_step": 0}
    net.fit(X, CLASSES, epochs=1, verbose=False)
    assert_same(net, model)


def test_names_of_inputs_come_from_a_frame(c, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "ü", "d", "e", "f"])
    net = lm.Sequential(CLASSIFIER)
    net.fit(frame, CLASSES, epochs=1, verbose=False)
    net.save(tmp_path / "model")
    model = c.load(tmp_path / "model")
    names = [c.input_name(model.handle, ct.c_size_t(i)).decode() for i in range(6)]
    assert names == list(frame.columns)
