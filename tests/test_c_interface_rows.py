"""Sparse rows, orders of rows and metrics of an evaluation are those of Python through lamina.h."""

import ctypes as ct
from functools import partial
from typing import Any

import numpy as np
import pytest

import lamina as lm
from c_interface import CLibrary, assert_same, data_of, description_of, load_library, sparse_of
from c_structs import Metric, MetricFunction, RowOrder
from lamina.metrics._metric import TABLE

sparse = pytest.importorskip("scipy.sparse")

RNG = np.random.default_rng(23)
DENSE = RNG.normal(size=(90, 12)) * (RNG.random((90, 12)) < 0.3)
CLASSES = (DENSE[:, 0] > 0).astype(np.int32) + (DENSE[:, 1] > 0)
Y = (DENSE[:, :2] + 0.1 * RNG.normal(size=(90, 2))).astype(np.float32)
WEIGHTS = RNG.uniform(0.1, 3.0, 90)
CLASSIFIER = [lm.Dense(8, "relu"), lm.Dense(3, "softmax")]
ALL = {
    "dense": CLASSIFIER,
    "other first layer": [lm.LayerNorm(), *CLASSIFIER],
}


@pytest.fixture(scope="module")
def c() -> CLibrary:
    return load_library()


def pair(c: CLibrary, layers: Any, dtype: str = "float32") -> tuple[lm.Sequential, Any]:
    net = lm.Sequential(layers, inputs=12, dtype=dtype, seed=4)
    return net, c.build(net.to_spec(), dtype=dtype, seed=4)


def matrix(dtype: str = "float32", *, wide: bool = False) -> Any:
    rows = sparse.csr_array(DENSE.astype(dtype))
    if wide:
        rows.indices, rows.indptr = rows.indices.astype(np.int64), rows.indptr.astype(np.int64)
    return rows


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", ALL)
@pytest.mark.parametrize("wide", [False, True])
def test_sparse_rows(c: CLibrary, layers: str, dtype: str, wide: bool) -> None:
    x = matrix(dtype, wide=wide)
    net, model = pair(c, ALL[layers], dtype)
    options = {"epochs": 3, "validation_fraction": 0.25}
    history = net.fit(x, CLASSES, sample_weight=WEIGHTS, verbose=False, **options)
    found = model.fit(data_of(x, CLASSES, WEIGHTS), **options)
    assert_same(net, model)
    for name, values in history.items():
        assert model.figures(found, name) == values, name
    c.history_free(found)
    assert model.evaluate(data_of(x, CLASSES)) == net.evaluate(x, CLASSES)
    expected = net.predict(x)
    assert model.predict_sparse(x, dtype).tobytes() == expected.tobytes()
    other = "float64" if dtype == "float32" else "float32"
    assert model.predict_sparse(x, other).tobytes() == expected.astype(other).tobytes()
    # And by steps.
    value, seed = ct.c_double(), ct.c_uint64(net.seed)
    batch = data_of(x, CLASSES)
    c.value_and_gradient(
        model.handle, ct.byref(batch), description_of(None), seed, 0, ct.byref(value)
    )
    assert value.value == net.value_and_grad(x, CLASSES)[0]


def test_sparse_rows_that_are_none_are_refused_with_the_place(c: CLibrary) -> None:
    _, model = pair(c, CLASSIFIER)
    seven = np.full((90, 3), 7.0, np.float32)

    def refused(message: str, **fields: Any) -> None:
        rows = sparse_of(matrix())
        for name, value in fields.items():
            if isinstance(value, np.ndarray):
                rows.kept = rows.kept, value
                value = value.ctypes.data
            setattr(rows, name, value)
        data = data_of(matrix(), CLASSES)
        data.sparse_x = ct.pointer(rows)
        with pytest.raises(ValueError, match=message):
            model.fit(data)
        with pytest.raises(ValueError, match=message):
            model.evaluate(data)
        y = seven.copy()
        pointer = y.ctypes.data_as(ct.c_void_p)
        with pytest.raises(ValueError, match=message):
            c.predict_sparse(model.handle, ct.byref(rows), ct.c_size_t(90), 0, pointer)
        assert (y == 7.0).all()

    good = matrix()
    starts, columns = good.indptr.copy(), good.indices.copy()
    starts[5] = starts[4] - 1
    refused(
        "expected compressed sparse rows whose starts ascend, got others in row 4", indptr=starts
    )
    refused("start at 0 and end within the 3 stored elements", stored=3)
    refused("start at 0", indptr=good.indptr + np.int32(1))
    columns[good.indptr[7]] = 12
    refused(
        "with ascending columns below 12 in each row, got 12 after -1 in row 7", indices=columns
    )
    columns[good.indptr[7]] = -2
    refused("got -2 after -1 in row 7", indices=columns)
    values = good.data.copy()
    values[good.indptr[9]] = np.nan
    place = f"got nan in row 9, column {good.indices[good.indptr[9]]}"
    refused(f"expected finite numbers in x, {place}", values=values)
    for name in ("values", "indices", "indptr"):
        refused(f"{name} of sparse rows is NULL", **{name: None})
    refused("indptr is not aligned", indptr=good.indptr.ctypes.data + 1)
    refused("wide_indices is 7", wide_indices=7)
    refused("sparse rows has type 5", type=5)
    refused("stored is", stored=2**63)
    refused("struct_size is 0", struct_size=0)
    both = data_of(matrix(), CLASSES)
    both.x = good.data.ctypes.data
    with pytest.raises(ValueError, match="x and sparse_x are both given"):
        model.fit(both)
    _, scaled = pair(c, [lm.Normalization(), *CLASSIFIER])
    with pytest.raises(ValueError, match="expected dense rows for a Normalization without means"):
        scaled.fit(data_of(matrix(), CLASSES))


def test_an_order_of_rows(c: CLibrary) -> None:
    x = DENSE.astype(np.float32)

    def order(epoch: int) -> Any:
        return np.roll(np.arange(len(x)), 7 * epoch)[::-1].astype(np.int64)

    @RowOrder
    def in_c(epoch: int, to: Any, rows: int, user: Any) -> int:
        np.ctypeslib.as_array(to, (rows,))[:] = order(epoch)
        return 0

    net, model = pair(c, CLASSIFIER)
    net.fit(x, CLASSES, shuffle=order, epochs=3, verbose=False)
    c.history_free(model.fit(data_of(x, CLASSES), row_order=in_c, epochs=3))
    assert_same(net, model)
    with pytest.raises(ValueError, match=r"^10: lamina_fit, epoch 1: row_order returned 4"):
        model.fit(data_of(x, CLASSES), row_order=RowOrder(lambda *_: 4))
    with pytest.raises(ValueError, match="has each of the 90 rows once, by numbers from 0, got"):
        model.fit(data_of(x, CLASSES), row_order=RowOrder(lambda *_: 0))
    assert_same(net, model)


# Options, beside the defaults, that a metric is measured with.
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "precision": [{"average": "macro"}, {"average": None}],
    "roc_auc": [{"average": "weighted"}],
    "top_k_accuracy": [{"k": 1}],
    "expected_calibration_error": [{"bins": 5}],
    "confusion_matrix": [{"normalize": "true"}],
    "pinball": [{"level": 0.3}],
}
OF_VALUES = {"mean_squared_error", "root_mean_squared_error", "mean_absolute_error"} | {
    *("mean_absolute_percentage_error", "median_absolute_error", "r2", "pinball"),
}


@pytest.mark.parametrize("known", TABLE, ids=lambda known: known.function.__name__)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_metric_of_an_evaluation(c: CLibrary, known: Any, dtype: str) -> None:
    name, x = known.function.__name__, DENSE.astype(dtype)
    of_values = name in OF_VALUES
    layers = [lm.Dense(2, "tanh")] if of_values else CLASSIFIER
    y: Any = Y.astype(dtype) if of_values else CLASSES
    if name == "label_accuracy":
        layers, y = [lm.Dense(2, "sigmoid")], (Y > 0).astype(dtype)
    loss = lm.Quantile(0.3) if name == "pinball" else None
    spec = {"kind": "quantile", "level": 0.3} if name == "pinball" else None
    net, model = pair(c, layers, dtype)
    for options in ({}, *OPTIONS.get(name, [])):
        metric = partial(known.function, **options) if options else name
        spelled = {key: "none" if value is None else value for key, value in options.items()}
        described = description_of({"kind": name, **spelled})
        for weights in (None, WEIGHTS):
            expected = net.evaluate(x, y, loss=loss, metrics=[metric], sample_weight=weights)
            given = [Metric(described, greater_is_better=-1)]
            found = model.evaluate(data_of(x, y, weights), spec, given)
            assert found.keys() == expected.keys()
            for figure, values in expected.items():
                np.testing.assert_array_equal(found[figure], values, err_msg=figure)


def test_an_evaluation_with_functions_and_what_it_refuses(c: CLibrary) -> None:
    x = DENSE.astype(np.float32)
    net, model = pair(c, CLASSIFIER)
    own = MetricFunction(lambda *given: float(given[4]))
    metric = Metric(description_of("mine"), own, None, -1)
    assert model.evaluate(data_of(x, CLASSES), None, [metric])["mine"] == 90.0
    unknown = Metric(description_of("acuracy"), greater_is_better=-1)
    for message, metrics in {
        "acuracy": [unknown],
        "two are named 'mine'": [metric, metric],
        "r2: expected values for 3 outputs, got class indices": [
            Metric(description_of("r2"), greater_is_better=-1)
        ],
    }.items():
        with pytest.raises(ValueError, match=message):
            model.evaluate(data_of(x, CLASSES), None, metrics)
    assert model.evaluate(data_of(x, CLASSES)) == net.evaluate(x, CLASSES)
