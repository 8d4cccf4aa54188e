"""Predictors: the same outputs as the network's, whatever calls them with whatever."""

import gc
import multiprocessing
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamina as lm
from networks import class_data, classifier, regressor, value_data

pytestmark = pytest.mark.kernels

ACTIVATIONS: list[str] = lm._core.catalogue()["activations"]
DTYPES = ["float32", "float64"]


def tolerance(dtype: Any) -> float:
    """Some roundings of values of about one, in sums of tens of terms."""
    return float(64 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_one_row_has_the_networks_outputs(activation: str, dtype: Any) -> None:
    layers = [lm.Dense(40, activation), lm.Dropout(0.3), lm.Dense(5), lm.Activation(activation)]
    net = lm.Sequential(layers, inputs=7, dtype=dtype)
    x = class_data()[0].astype(dtype)
    predictor = net.compile_predictor()
    expected = net.predict(x)
    got = np.array([predictor(row) for row in x])
    assert got.dtype == dtype
    np.testing.assert_allclose(got, expected, rtol=tolerance(dtype), atol=tolerance(dtype))


@pytest.mark.parametrize("width", [3, 7, 16, 33])
def test_a_softmax_within_a_block_leaves_the_other_values_of_one_row(width: int) -> None:
    inner = lm.Residual([lm.Dense(width, "softmax"), lm.Dense(7, "softmax")])
    blocks: list[lm.Layer] = [
        lm.Residual([lm.Dense(width, "softmax"), lm.Dense(7)]),
        lm.Residual([lm.Dense(7, "tanh"), inner, lm.Dense(7)]),
    ]
    x = class_data(rows=5)[0].astype(np.float64)
    for block in blocks:
        layers = [lm.Dense(7, "tanh"), block, lm.Dense(2)]
        net = lm.Sequential(layers, inputs=7, dtype="float64")
        predictor = net.compile_predictor()
        got = np.array([predictor(row) for row in x])
        np.testing.assert_allclose(got, net.predict(x), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_together_have_the_networks_outputs_to_the_bit(dtype: Any) -> None:
    net = classifier(dropout=0.5, dtype=dtype)
    x = class_data(rows=1001)[0].astype(dtype)
    assert np.array_equal(net.compile_predictor()(x), net.predict(x))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_has_the_same_bits_in_every_form(dtype: Any) -> None:
    predictor = classifier(dtype=dtype).compile_predictor()
    row = class_data()[0][0].astype(dtype)
    expected = predictor(row)
    wide = np.zeros((2, 14), dtype)
    wide[1, ::2] = row
    apart = np.zeros(row.nbytes + 1, np.uint8)[1:].view(dtype)
    apart[:] = row
    forms = [row.astype(np.float64), row.astype(row.dtype.newbyteorder()), wide[1, ::2], apart]
    numbers = [row.tolist(), tuple(row.tolist()), list(row)]
    for form in [*forms, *numbers, np.asfortranarray(row), row[::-1].copy()[::-1]]:
        assert np.array_equal(predictor(form), expected)
        assert np.array_equal(predictor.predict_one(form), expected)
        assert np.array_equal(predictor(np.asarray(form)[None]), expected[None])
    assert np.array_equal(predictor([row.tolist()]), expected[None])


def test_whole_numbers_are_converted() -> None:
    predictor = classifier().compile_predictor()
    x = np.arange(14, dtype=np.uint8).reshape(2, 7)
    assert np.array_equal(predictor(x), predictor(x.astype(np.float32)))
    assert np.array_equal(predictor(x[1]), predictor(x[1].astype(np.float32)))
    assert np.array_equal(predictor(x > 3), predictor((x > 3).astype(np.float32)))


def test_no_rows_give_no_outputs() -> None:
    net, none = classifier(), np.zeros((0, 7), np.float32)
    assert net.compile_predictor()(none).shape == net.predict(none).shape == (0, 3)


def test_rows_in_a_mapped_file_are_read_from_it(tmp_path: Path) -> None:
    net = classifier()
    x = class_data(rows=500)[0]
    mapped = np.memmap(tmp_path / "rows", np.float32, "w+", shape=x.shape)
    mapped[:] = x
    assert np.array_equal(net.compile_predictor()(mapped), net.predict(x))


@pytest.mark.parametrize("dtype", DTYPES)
def test_out_takes_the_outputs_and_is_returned(dtype: Any) -> None:
    predictor = classifier(dtype=dtype).compile_predictor()
    x = class_data()[0].astype(dtype)
    for inputs in (x[0], x[:1], x):
        expected = predictor(inputs)
        out = np.full_like(expected, np.nan)
        assert predictor(inputs, out=out) is out
        assert np.array_equal(out, expected)
        out[:] = np.nan
        assert predictor(inputs.tolist(), out) is out
        assert np.array_equal(out, predictor(inputs.tolist()))
    out = np.empty(3, dtype)
    assert predictor.predict_one(x[0], out=out) is out
    assert predictor(x[0], out=None) is not None


def read_only(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "out",
    [
        np.empty(4, np.float32),
        np.empty((1, 3), np.float32),
        np.empty(3, np.float64),
        np.empty(6, np.float32)[::2],
        np.empty(3, ">f4"),
        read_only(np.empty(3, np.float32)),
        [0.0, 0.0, 0.0],
    ],
)
def test_an_out_that_does_not_fit_is_refused(out: Any) -> None:
    row = class_data()[0][0]
    with pytest.raises(ValueError, match=r"Predictor: expected out as .* float32 and shape \[3\]"):
        classifier().compile_predictor()(row, out=out)


def test_out_may_be_one_rows_inputs_but_not_the_memory_of_many() -> None:
    net = regressor(inputs=4, outputs=4)
    predictor = net.compile_predictor()
    x = value_data(inputs=4)[0]
    expected = predictor(x[0])
    assert np.array_equal(predictor(x[0], out=x[0]), expected)
    with pytest.raises(ValueError, match="expected out in memory of its own"):
        predictor(x, out=x)


@pytest.mark.parametrize(
    ("x", "kind", "sentence"),
    [
        (np.zeros(6, np.float32), ValueError, "Predictor: expected 7 input features, got 6"),
        (np.zeros((2, 8)), ValueError, "Predictor: expected 7 input features, got 8"),
        (np.zeros((1, 8), np.float32), ValueError, "Predictor: expected 7 input features, got 8"),
        (
            np.zeros((1, 1, 7)),
            ValueError,
            r"expected an array of shape \[7\] or \[rows, 7\], got \[1, 1, 7",
        ),
        (1.0, ValueError, r"expected an array of shape \[7\] or \[rows, 7\], got \[\]"),
        ([[1.0], [1.0, 2.0]], ValueError, "Predictor: expected numbers, got "),
        ([1.0] * 8, ValueError, "Predictor: expected 7 input features, got 8"),
        (["a"] * 7, TypeError, "Predictor: expected numbers, got dtype <U1"),
        ([None] * 7, TypeError, "Predictor: expected numbers, got dtype object"),
        (np.zeros(7, np.complex64), TypeError, "Predictor: expected numbers, got dtype complex64"),
        (np.ma.masked_less(np.arange(7.0), 3), TypeError, "got masked values; fill them first"),
    ],
)
def test_other_inputs_are_refused(x: Any, kind: type[Exception], sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        classifier().compile_predictor()(x)


def test_predict_one_takes_one_row_alone() -> None:
    predictor = classifier().compile_predictor()
    with pytest.raises(ValueError, match=r"expected an array of shape \[7\], got \[1, 7\]; call"):
        predictor.predict_one(np.zeros((1, 7), np.float32))


def test_wrong_arguments_are_refused() -> None:
    predictor: Any = classifier().compile_predictor()
    row = np.zeros(7, np.float32)
    with pytest.raises(TypeError, match="expected x and perhaps out, got 0 arguments"):
        predictor()
    with pytest.raises(TypeError, match="expected x and perhaps out, got 3 arguments"):
        predictor(row, None, None)
    with pytest.raises(TypeError, match="unknown argument 'output'; there is out"):
        predictor(row, output=None)
    with pytest.raises(TypeError):
        lm.Predictor()
    with pytest.raises(TypeError, match="expected one that compile_predictor made"):
        lm.Predictor.__new__(lm.Predictor).predict_one(row)
    with pytest.raises(RuntimeError, match="number of input features is not known"):
        classifier(inputs=None).compile_predictor()


def test_nan_goes_through() -> None:
    predictor = classifier().compile_predictor()
    x = class_data()[0]
    x[3, 2] = np.nan
    assert np.isnan(predictor(x[3])).all()
    assert list(np.flatnonzero(np.isnan(predictor(x)).any(axis=1))) == [3]


def test_a_predictor_tells_what_it_is() -> None:
    predictor = classifier(dtype="float64").compile_predictor()
    assert (predictor.inputs, predictor.outputs, predictor.dtype) == (7, 3, "float64")
    assert repr(predictor) == "Predictor(7 inputs, 3 outputs, float64)"


def test_a_predictor_stays_as_it_is_when_the_network_learns_on_or_goes() -> None:
    x, y = class_data()
    net = classifier()
    predictor = net.compile_predictor()
    one, many = predictor(x[0]), predictor(x)
    net.fit(x, y, epochs=2, verbose=False)
    assert not np.array_equal(net.predict(x), many)
    del net
    gc.collect()
    assert np.array_equal(predictor(x[0]), one)
    assert np.array_equal(predictor(x), many)


def test_within_a_fit_the_weights_are_those_of_the_last_epoch() -> None:
    x, y = class_data()
    net = classifier()
    found: list[bool] = []

    class Compare(lm.Callback):
        def on_epoch_end(self, *_: Any) -> None:
            found.append(np.array_equal(net.compile_predictor()(x), net.predict(x)))

    net.fit(x, y, epochs=2, callbacks=[Compare()], verbose=False)
    assert found == [True, True]


@pytest.mark.parametrize("hidden", [16, 600])
def test_many_threads_may_call_one_predictor(hidden: int) -> None:
    # The wider one is large enough to run without Python's lock.
    net = lm.Sequential([lm.Dense(hidden, "tanh"), lm.Dense(300), lm.Dense(3)], inputs=7)
    predictor = net.compile_predictor()
    x = class_data(rows=64)[0]
    rows = np.array([predictor(row) for row in x])
    batch = predictor(x)

    def work(seed: int) -> bool:
        order = np.random.default_rng(seed).permutation(len(x))
        ones = all(np.array_equal(predictor(x[i]), rows[i]) for _ in range(5) for i in order)
        return ones and np.array_equal(predictor(x), batch)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(8)))


def _predict_in_child(predictor: lm.Predictor, x: Any, connection: Any) -> None:
    connection.send((predictor(x[0]), predictor(x)))


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_predicts_the_same() -> None:
    predictor = classifier().compile_predictor()
    x = class_data(rows=2000)[0]
    expected = predictor(x[0]), predictor(x)
    context: Any = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=_predict_in_child, args=(predictor, x, there))
    child.start()
    assert here.poll(60), "the child did not answer"
    got = here.recv()
    child.join()
    assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))


def test_calls_leak_no_references() -> None:
    predictor: Any = classifier().compile_predictor()
    row = class_data()[0][0]
    out = np.empty(3, np.float32)
    before = [sys.getrefcount(o) for o in (row, out, row.dtype, None, predictor)]
    for _ in range(1000):
        predictor(row)
        predictor(row, out=out)
        predictor.predict_one(row.tolist(), out)
        with pytest.raises(ValueError, match="expected 7"):
            predictor(row[:5])
    after = [sys.getrefcount(o) for o in (row, out, row.dtype, None, predictor)]
    # The test's own machinery may hold a few; a leak would be hundreds.
    assert all(abs(a - b) < 100 for a, b in zip(after, before, strict=True))
