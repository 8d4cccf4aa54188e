"""Arrays from users: every real type and layout is taken rightly, anything else refused."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lamina as lm
from lamina import _core
from lamina._network.checked_data import checked_inputs
from networks import bits, class_data, classifier, regressor

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]


def misaligned(x: Array) -> Array:
    """The same numbers at an address that is no multiple of their size."""
    raw = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:]
    return raw.view(x.dtype).reshape(x.shape)


def with_gaps(x: Array) -> Array:
    wide = np.ones((2 * len(x), 3 * x.shape[1]), x.dtype)
    wide[::2, 1::3] = x
    return wide[::2, 1::3]


def read_only(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS: dict[str, Callable[[Array], Any]] = {
    "Fortran order": np.asfortranarray,
    "strided": with_gaps,
    "rows backwards": lambda x: x[::-1].copy()[::-1],
    "columns backwards": lambda x: x[:, ::-1].copy()[:, ::-1],
    "both backwards": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "padded rows": lambda x: np.pad(x, ((0, 0), (0, 5)))[:, : x.shape[1]],
    "transposed": lambda x: x.T.copy().T,
    "misaligned": misaligned,
    "read-only": read_only,
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "lists": lambda x: x.tolist(),
    "float64": lambda x: x.astype(np.float64),
    "long double": lambda x: x.astype(np.longdouble),
}
# Numbers that each type holds exactly, so that a float32 copy is the same numbers.
TYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", ">f2", ">f8", ">i4"]


def numbers_of(kind: str, rows: int = 203, columns: int = 7) -> Array:
    dtype = np.dtype(kind)
    low = 0 if dtype.kind in "ub" else -100
    whole = np.random.default_rng(0).integers(low, 2 if dtype.kind == "b" else 100, (rows, columns))
    return (whole / 4 if dtype.kind == "f" else whole).astype(dtype)


def results(net: lm.Sequential, x: Any, y: Any) -> bytes:
    """Bits of everything that a network does with X."""
    arrays = [net.predict(x), net.forward(x), np.array(net.evaluate(x, y)["loss"])]
    arrays += net.value_and_grad(x, y)[1].values()
    net.fit(x, y, epochs=1, validation_fraction=0.2, verbose=False)
    return bits([*arrays, *net.parameters().values()])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_gives_what_its_plain_copy_gives(layout: str) -> None:
    x, y = class_data()
    expected = results(classifier(), np.ascontiguousarray(x, np.float32), y)
    assert results(classifier(), LAYOUTS[layout](x), y) == expected


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("layout", ["plain", "strided", "both backwards", "Fortran order"])
def test_any_type_gives_what_its_float32_copy_gives(kind: str, layout: str) -> None:
    x, (_, y) = numbers_of(kind), class_data()
    form = x if layout == "plain" else LAYOUTS[layout](x)
    assert results(classifier(), form, y) == results(classifier(), x.astype(np.float32), y)


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_memory_mapped_rows_give_what_their_copies_give(tmp_path: Path, mode: Any) -> None:
    x, y = class_data()
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode=mode)
    assert results(classifier(), mapped, y) == results(classifier(), x, y)


def test_repeated_rows_of_no_stride_give_what_their_copies_give() -> None:
    row = class_data()[0][:1]
    given = np.broadcast_to(row, (50, 7))
    net = classifier()
    assert bits([net.predict(given)]) == bits([net.predict(given.copy())])


def test_targets_of_any_type_and_layout_give_the_same() -> None:
    x, y = class_data()
    expected = results(classifier(), x, y)
    forms: list[Any] = [y.astype(kind) for kind in ("i1", "u8", "f2", "f8", ">i4", ">f4")]
    forms += [y.tolist(), y[::-1].copy()[::-1], np.repeat(y, 3)[::3], y.reshape(-1, 1)]
    for form in forms:
        assert results(classifier(), x, form) == expected


def test_sample_weights_of_any_type_and_layout_give_the_same() -> None:
    x, y = class_data()
    weight = np.random.default_rng(0).integers(1, 9, len(x))
    net = classifier()
    expected = net.evaluate(x, y, sample_weight=weight.astype(np.float32))
    for form in (weight, weight.astype(">f8"), weight.tolist(), np.repeat(weight, 2)[::2]):
        assert net.evaluate(x, y, sample_weight=form) == expected


def test_nothing_is_written_to_the_users_arrays() -> None:
    x, y = class_data()
    weight = np.ones(len(x), np.float32)
    before = bits([x, y, weight])
    classifier().fit(x, y, sample_weight=weight, class_weight="balanced", epochs=2, verbose=False)
    assert bits([x, y, weight]) == before


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 120),
    columns=st.integers(1, 70),
    outputs=st.integers(1, 40),
    kind=st.sampled_from(TYPES),
    layout=st.sampled_from(["plain", "Fortran order", "both backwards", "padded rows"]),
    cut=st.tuples(st.integers(0, 119), st.integers(1, 120)),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_any_shape_type_layout_and_cut_give_the_bits_of_the_plain_whole(
    rows: int, columns: int, outputs: int, kind: str, layout: str, cut: Any, dtype: Any
) -> None:
    x = numbers_of(kind, rows, columns)
    x = x if layout == "plain" else LAYOUTS[layout](x)
    net = lm.Sequential([lm.Dense(outputs, "tanh")], inputs=columns, dtype=dtype)
    whole = net.predict(np.ascontiguousarray(x, dtype))
    first = min(cut[0], rows - 1)
    part = slice(first, first + cut[1])
    assert bits([net.predict(x[part])]) == bits([whole[part]])


# Refusals: one sentence, and nothing has changed

X, Y = class_data(rows=10)


def changed(array: Array, place: Any, value: Any, dtype: Any = None) -> Array:
    array = array.astype(dtype or array.dtype)
    array[place] = value
    return array


REFUSED: dict[str, tuple[Any, Any, type[Exception], str]] = {
    "no rows": (X[:0], Y[:0], ValueError, "expected at least one row and one feature"),
    "no columns": (X[:, :0], Y, ValueError, r"expected 7 input features, got 0"),
    "empty list": ([], [], ValueError, r"expected X of shape \[rows, features\]"),
    "one row as a vector": (X[0], Y[:1], ValueError, r"one row X.reshape\(1, -1\)"),
    "three axes": (X[None], Y, ValueError, r"expected X of shape \[rows, features\]"),
    "other width": (X[:, :6], Y, ValueError, "expected 7 input features, got 6"),
    "y too short": (X, Y[:9], ValueError, r"expected y for 10 rows as X has, got shape \(9,\)"),
    "y too long": (X[:9], Y, ValueError, r"expected y for 9 rows as X has, got shape \(10,\)"),
    "y of three axes": (X, Y.reshape(-1, 1, 1), ValueError, r"expected y of shape \[10, 3\]"),
    "class too large": (X, changed(Y, 3, 3), ValueError, "class indices from 0 to 2 .* got 3"),
    "class negative": (X, changed(Y, 3, -1), ValueError, "class indices from 0 to 2 .* got -1"),
    "class broken": (X, changed(Y, 3, 0.5, "f8"), ValueError, "whole class indices in y, got 0.5"),
    "no probabilities": (X, np.full((10, 3), 0.5), ValueError, "sum to 1 for cross_entropy"),
    "probability above 1": (X, np.full((10, 3), 2.0), ValueError, "between 0 and 1"),
    "text": (X.astype(str), Y, TypeError, "expected numbers in X, got text"),
    "bytes": (X.astype("S9"), Y, TypeError, "expected numbers in X, got text"),
    "text in y": (X, list("abcabcabca"), TypeError, "expected numbers in y, got text"),
    "NaN": (changed(X, (3, 1), np.nan), Y, ValueError, "in X, got nan in row 3, column 1"),
    "infinity": (changed(X, (3, 1), -np.inf), Y, ValueError, "in X, got -inf in row 3, column 1"),
    "NaN in float16": (changed(X, (3, 1), np.nan, "f2"), Y, ValueError, "row 3, column 1"),
    "NaN in float64": (changed(X, (3, 1), np.nan, "f8"), Y, ValueError, "row 3, column 1"),
    "NaN in y": (X, changed(Y, 2, np.nan, "f8"), ValueError, "in y, got nan in row 2"),
    "beyond float32": (changed(X, (0, 0), 1e39, "f8"), Y, ValueError, "beyond float32's range"),
    "complex": (X + 1j, Y, TypeError, "expected numbers in X, got complex numbers"),
    "objects": (X.astype(object), Y, TypeError, r"Python objects \(dtype object\)"),
    "objects in y": (X, Y.astype(object), TypeError, "expected numbers in y, got Python objects"),
    "ragged rows": (
        [[1.0], [1.0, 2.0]],
        Y[:2],
        ValueError,
        "table of numbers, got rows of unequal lengths$",
    ),
    "nothing": (None, Y, TypeError, "expected numbers in X, got None"),
    "dates": (np.zeros((10, 7), "M8[s]"), Y, TypeError, "expected numbers in X, got dates"),
    "masked": (np.ma.masked_less(X, 0), Y, TypeError, "got masked values"),
    "structured": (np.zeros((10, 7), "f4,f4"), Y, TypeError, "expected numbers in X, got dtype"),
}


def uses(net: lm.Sequential, y_matters: bool) -> dict[str, Callable[[Any, Any], Any]]:
    """Everything that takes X and y, but for what does not look at y where only y is wrong."""
    with_targets: dict[str, Callable[[Any, Any], Any]] = {
        "fit": lambda x, y: net.fit(x, y, verbose=False),
        "fit, validation_data": lambda x, y: net.fit(X, Y, validation_data=(x, y), verbose=False),
        "evaluate": net.evaluate,
        "value_and_grad": net.value_and_grad,
        "train_step": lambda x, y: net.train_step(x, y, optimizer=lm.SGD()),
    }
    if y_matters:
        return with_targets
    return with_targets | {
        "predict": lambda x, y: net.predict(x),
        "forward": lambda x, y: net.forward(x),
    }


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_arrays_are_refused_in_one_sentence_and_change_nothing(case: str) -> None:
    x, y, error, message = REFUSED[case]
    net = classifier()
    before = bits(net)
    for where, use in uses(net, y_matters=x is X or " y " in f" {case} ").items():
        if (where, case) == ("predict", "no rows"):  # gives no rows
            continue
        with pytest.raises(error, match=message) as caught:
            use(x, y)
        sentence = str(caught.value)
        assert sentence.startswith(f"{where}: ")
        assert "\n" not in sentence
    assert (bits(net), net.epochs_trained) == (before, 0)
    net.fit(X, Y, epochs=1, verbose=False)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_found_in_every_layout(layout: str, wrong: float) -> None:
    net = classifier()
    for row, column in ((0, 0), (9, 6), (4, 5)):
        x = LAYOUTS[layout](changed(X, (row, column), wrong))
        with pytest.raises(ValueError, match=rf"got -?(nan|inf) in row {row}, column {column}$"):
            net.predict(x)


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("limit", [1.0, float(np.finfo(np.float32).max)])
def test_a_limit_is_held_to_the_last_bit(kind: str, limit: float) -> None:
    edge = np.array(limit, kind)
    with np.errstate(over="ignore"):
        beyond = np.nextafter(edge, np.array(np.inf, kind))
    for value in (0.0, -0.0, 1e-45, edge, -edge):
        assert _core.values_within(np.array([[value]], kind), limit)
    for value in (beyond, -beyond, np.inf, -np.inf, np.nan, -np.nan):
        assert not _core.values_within(np.array([[0.0, value]], kind), limit)
        allowed = _core.values_within(np.array([[0.0, value]], kind), limit, nan_allowed=True)
        assert allowed == np.isnan(value)


def test_the_largest_numbers_are_taken_and_the_last_of_many_rows_is_looked_at() -> None:
    net, largest = regressor(inputs=1, dtype="float64"), np.finfo(np.float64).max
    checked_inputs(net, np.array([[largest], [-largest], [np.finfo(np.float32).max]]), "predict")
    many = np.zeros((20_001, 1))
    many[-1] = np.nan
    with pytest.raises(ValueError, match="got nan in row 20000, column 0"):
        net.predict(many)


@pytest.mark.parametrize(
    ("weight", "error", "message"),
    [
        (-np.ones(10), ValueError, "sample_weight of at least 0, got -1.0"),
        (np.zeros(10), ValueError, "above 0 somewhere, got only zeros"),
        (np.ones(9), ValueError, r"sample_weight of shape \(10,\), got shape \(9,\)"),
        (np.full(10, np.nan), ValueError, "finite numbers in sample_weight"),
        (["a"] * 10, TypeError, "expected numbers in sample_weight, got text"),
    ],
    ids=["negative", "zeros", "short", "nan", "text"],
)
def test_wrong_sample_weights_are_refused_and_change_nothing(
    weight: Any, error: type[Exception], message: str
) -> None:
    net = classifier()
    before = bits(net)
    with pytest.raises(error, match=message):
        net.fit(X, Y, sample_weight=weight)
    assert bits(net) == before


@pytest.mark.parametrize(
    "call",
    [
        lambda net, x: net.forward(x),
        lambda net, x: net.jacobian(x),
        lambda net, x: net.activations(x),
        lambda net, x: net.compile_predictor()(x),
    ],
    ids=["forward", "jacobian", "activations", "predictor"],
)
def test_sparse_matrices_are_refused_with_the_way_out(call: Any) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match=r"got a sparse matrix; .*toarray\(\)"):
        call(classifier(), sparse.csr_matrix(X))


@pytest.mark.parametrize(("dtype", "digits"), [("float32", 24), ("float64", 53)])
def test_whole_numbers_beyond_the_exact_range_are_warned_of(dtype: Any, digits: int) -> None:
    net = regressor(inputs=1, outputs=1, dtype=dtype)
    net.set_parameters({})  # its first weights are meant
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.predict(np.array([[2**digits], [-(2**digits)]]))
    with pytest.warns(UserWarning, match=rf"beyond {dtype}'s exact range \(2\^{digits}\)"):
        net.predict(np.array([[2**digits + 1], [0]]))


def test_float64_networks_take_what_float32_cannot_hold() -> None:
    x = np.array([[1e39]])
    assert lm.Sequential([lm.Dense(1)], inputs=1, dtype="float64").predict(x).dtype == np.float64


SMALL_HALVES = np.concatenate(
    [np.arange(0, 0x0500), np.arange(0x7B00, 0x7C00), np.arange(0x8000, 0x8500)]
)


@pytest.mark.parametrize("rows", [1, 7, 64])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_halves_are_converted_exactly_down_to_the_smallest(rows: int, dtype: Any) -> None:
    halves = SMALL_HALVES.astype(np.uint16).view(np.float16)
    columns = 4
    net = lm.Sequential([lm.Dense(columns)], inputs=columns, dtype=dtype)
    factor = 2.0**20
    net.set_parameters(
        {"layers.0.weight": factor * np.eye(columns), "layers.0.bias": np.zeros(columns)}
    )
    predictor = net.compile_predictor()
    values = np.resize(halves, (len(halves) // rows + 1, rows, columns))
    for layout in (values, np.ascontiguousarray(values.swapaxes(1, 2)).swapaxes(1, 2)):
        for part in layout[:: max(1, len(layout) // 50)]:
            right = part.astype(dtype) * np.dtype(dtype).type(factor)
            assert np.array_equal(net.predict(part), right)
            assert np.array_equal(predictor(part), right)
            assert np.array_equal(net.forward(part), right)


@pytest.mark.parametrize("layer", ["identity", "relu", "dense", "scale"])
@pytest.mark.parametrize("value", [1e-40, -1e-40, 1e-310, 5e-324, 1.2e-38, 3e-39])
@pytest.mark.parametrize("given", ["float32", "float64", "list"])
def test_a_number_below_the_normal_range_gives_the_same_in_a_row_and_in_a_batch(
    layer: str, value: float, given: str
) -> None:
    layers: dict[str, lm.Layer] = {
        "identity": lm.Activation("identity"),
        "relu": lm.Activation("relu"),
        "dense": lm.Dense(4),
        "scale": lm.Scale(),
    }
    net = lm.Sequential([layers[layer]], inputs=4)
    if layer == "dense":
        net.set_parameters({"layers.0.weight": np.eye(4), "layers.0.bias": np.zeros(4)})
    row: Any = np.full(4, value, "f8" if given == "list" else given)
    batch = np.tile(row, (7, 1))
    row = row.tolist() if given == "list" else row
    predictor = net.compile_predictor()
    right = net.predict(batch)[0]
    for found in (net.predict([row])[0], predictor(row), predictor([row])[0], predictor(batch)[3]):
        assert np.array_equal(found, right)
