"""Frames and series of pandas, polars and pyarrow as X, y and sample_weight of a network."""

import decimal
import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import lamina as lm
from networks import bits

RNG = np.random.default_rng(0)
ROWS = 60
VALUES = {
    "age": RNG.uniform(20, 60, ROWS),
    "count": RNG.integers(0, 9, ROWS),
    "member": RNG.integers(0, 2, ROWS).astype(bool),
}
X = np.column_stack([VALUES[name].astype(float) for name in VALUES])
Y = np.sin(X[:, 0])
NAMES = ("age", "count", "member")
FRAMES: dict[str, Any] = {
    "pandas": pd.DataFrame(VALUES),
    "pandas, nullable": pd.DataFrame(VALUES).convert_dtypes(),
    "pandas, Arrow": pd.DataFrame(VALUES).convert_dtypes(dtype_backend="pyarrow"),
    "pandas, Python objects": pd.DataFrame(VALUES).astype(object),
    "pandas, sparse": pd.DataFrame(VALUES).astype({"count": pd.SparseDtype("int64", 0)}),
    "pandas, index not in order": pd.DataFrame(VALUES, index=np.roll(np.arange(ROWS), 7)),
    "polars": pl.DataFrame(VALUES),
    "pyarrow": pa.table(VALUES),
    "pyarrow batch": pa.RecordBatch.from_pydict({k: pa.array(v) for k, v in VALUES.items()}),
}


def network(**options: Any) -> lm.Sequential:
    layers = [lm.Normalization(), lm.Dense(8, "tanh"), lm.Dense(1)]
    return lm.Sequential(layers, seed=3, **options)


def trained(x: Any = FRAMES["pandas"], y: Any = Y, **options: Any) -> lm.Sequential:
    net = network()
    net.fit(x, y, epochs=2, verbose=False, **options)
    return net


@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_trains_and_predicts_as_the_array_of_its_numbers(kind: str) -> None:
    frame = FRAMES[kind]
    net = trained(frame)
    assert bits(net) == bits(trained(X))
    assert net.feature_names == NAMES
    assert np.array_equal(net.predict(frame), net.predict(X))
    assert net.evaluate(frame, Y) == net.evaluate(X, Y)


def test_a_frame_of_one_type_is_not_copied() -> None:
    frame = pd.DataFrame(np.asfortranarray(X), columns=list(NAMES))
    from lamina._checks.frames import columns_of

    array, names = columns_of(frame, "fit")
    assert names == NAMES
    assert np.shares_memory(array, frame.to_numpy())


@pytest.mark.parametrize("place", [0, 1])
def test_columns_in_another_order_are_refused(place: int) -> None:
    net, other = trained(), [*NAMES[:place], NAMES[place + 1], NAMES[place], *NAMES[place + 2 :]]
    for frame in (FRAMES["pandas"][other], FRAMES["polars"].select(other)):
        for use in (
            lambda frame=frame: net.predict(frame),
            lambda frame=frame: net.evaluate(frame, Y),
            lambda frame=frame: net.fit(frame, Y, verbose=False),
            lambda frame=frame: net.fit(X, Y, validation_data=(frame, Y), epochs=1, verbose=False),
            lambda frame=frame: net.forward(frame),
            lambda frame=frame: net.jacobian(frame),
        ):
            before = bits(net)
            with pytest.raises(ValueError, match=r"order of training.* X\[list\(net.feature_names"):
                use()
            assert bits(net) == before
    assert np.array_equal(
        net.predict(FRAMES["pandas"][other][list(net.feature_names or ())]), net.predict(X)
    )


def test_missing_and_extra_columns_are_refused_by_name() -> None:
    net, frame = trained(), FRAMES["pandas"]
    with pytest.raises(ValueError, match=r"got X without 'count'$"):
        net.predict(frame.drop(columns="count"))
    with pytest.raises(ValueError, match="got X with 'city', which the network was not trained on"):
        net.predict(frame.assign(city=1.0))
    with pytest.raises(ValueError, match="without 'age' and with 'Age'"):
        net.predict(frame.rename(columns={"age": "Age"}))


def test_arrays_have_no_names_to_check() -> None:
    net = trained()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(net.predict(X.tolist()), net.predict(X))
        assert np.array_equal(trained(X).predict(FRAMES["pandas"]), net.predict(X))
    assert trained(X).feature_names is None


def test_names_are_kept_by_files_copies_and_pickles_and_forgotten_by_reset(tmp_path: Path) -> None:
    net = trained()
    net.save(tmp_path / "net.safetensors")
    for twin in (
        lm.load(tmp_path / "net.safetensors"),
        net.copy(),
        pickle.loads(pickle.dumps(net)),
        lm.average_networks([net, net]),
    ):
        assert twin.feature_names == NAMES
        with pytest.raises(ValueError, match="order of training"):
            twin.predict(FRAMES["pandas"][["member", "count", "age"]])
    net.reset()
    assert net.feature_names is None


def test_adapt_remembers_names_and_a_refused_fit_does_not() -> None:
    net = network()
    with pytest.raises(ValueError, match="60 rows"):
        net.fit(FRAMES["pandas"], Y[:-1], verbose=False)
    assert net.feature_names is None
    assert net.inputs is None
    net.adapt(FRAMES["polars"])
    assert net.feature_names == NAMES


def test_numbered_columns_are_names_where_they_do_not_just_count() -> None:
    plain = trained(pd.DataFrame(X))
    assert plain.feature_names is None
    with pytest.raises(ValueError, match=r"numbered in order, got 2, 1, 0; take X\[\[0, 1, 2\]\]"):
        plain.predict(pd.DataFrame(X)[[2, 1, 0]])
    years = trained(pd.DataFrame(X, columns=[1990, 2000, 2010]))
    assert years.feature_names == (1990, 2000, 2010)
    with pytest.raises(ValueError, match="got 2000 in place 0, where 1990 was"):
        years.predict(pd.DataFrame(X, columns=[2000, 1990, 2010]))


def test_columns_of_several_levels_have_the_text_of_their_labels() -> None:
    frame = pd.DataFrame(X, columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)]))
    net = trained(frame)
    assert net.feature_names == ("('a', 1)", "('a', 2)", "('b', 1)")
    with pytest.raises(ValueError, match="order of training"):
        net.predict(frame[[("b", 1), ("a", 1), ("a", 2)]])


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(
        ValueError, match="fit: expected a name for each column of X, got 'a' twice"
    ):
        trained(pd.DataFrame(X, columns=["a", "b", "a"]))


WITH = FRAMES["pandas"]
NULLABLE = FRAMES["pandas, nullable"]
REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "pandas.NA": (
        NULLABLE.assign(count=NULLABLE["count"].where(NULLABLE.index != 4)),
        ValueError,
        r"in each row of column 'count', got a missing value in row 4 \(1 in all\)",
    ),
    "None in polars": (
        pl.DataFrame({**VALUES, "count": [None, *VALUES["count"].tolist()[1:]]}),
        ValueError,
        "column 'count', got a missing value in row 0",
    ),
    "null in Arrow": (
        pa.table({**VALUES, "member": [True] * 59 + [None]}),
        ValueError,
        "column 'member', got a missing value in row 59",
    ),
    "None among objects": (
        WITH.assign(age=pd.Series([None, None, *VALUES["age"].tolist()[2:]], dtype=object)),
        ValueError,
        r"column 'age', got a missing value in row 0 \(2 in all\)",
    ),
    "NaN": (
        WITH.assign(age=WITH["age"].where(WITH.index != 2)),
        ValueError,
        r"got nan in row 2, column 0 \('age'\)",
    ),
    "text": (WITH.assign(age="old"), TypeError, "column 'age', got text, 'old' in row 0; .*Table"),
    "text in polars": (
        pl.DataFrame({**VALUES, "count": ["3"] * ROWS}),
        TypeError,
        "column 'count', got text, '3' in row 0",
    ),
    "text in Arrow": (
        pa.table({**VALUES, "count": ["3"] * ROWS}),
        TypeError,
        "column 'count', got text, '3' in row 0",
    ),
    "categories": (
        WITH.astype({"count": "category"}),
        TypeError,
        "column 'count', got categories; lamina.tabular.TableModel",
    ),
    "categories in polars": (
        pl.DataFrame({**VALUES, "count": pl.Series(["3"] * ROWS, dtype=pl.Categorical)}),
        TypeError,
        "column 'count', got categories",
    ),
    "dates": (
        WITH.assign(age=pd.date_range("2024-01-01", periods=ROWS)),
        TypeError,
        "column 'age', got dates; give",
    ),
    "dates in a zone": (
        WITH.assign(age=pd.date_range("2024-01-01", periods=ROWS, tz="UTC")),
        TypeError,
        "column 'age', got dates; give",
    ),
    "dates in polars": (
        pl.DataFrame(WITH.assign(age=pd.date_range("2024-01-01", periods=ROWS))),
        TypeError,
        "column 'age', got dates; give",
    ),
    "time differences": (
        WITH.assign(age=pd.to_timedelta(np.arange(ROWS), unit="s")),
        TypeError,
        "column 'age', got time differences; give",
    ),
    "complex numbers": (WITH.assign(age=1j), TypeError, "column 'age', got complex"),
    "a lazy frame": (pl.LazyFrame(VALUES), TypeError, r"got a lazy one; call its collect\(\)"),
    "lists": (
        WITH.assign(age=[[1.0]] * ROWS),
        TypeError,
        r"column 'age', got list objects, \[1.0\] in row 0",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_columns_of_no_numbers_are_refused_by_name(kind: str) -> None:
    frame, error, text = REFUSED[kind]
    with pytest.raises(error, match=f"^fit: .*{text}"):
        trained(frame)
    net = trained()
    with pytest.raises(error, match=f"^predict: .*{text}"):
        net.predict(frame)


def test_decimals_and_half_precision_are_numbers() -> None:
    halves = pd.DataFrame(VALUES).astype({"age": np.float16})
    rounded = halves.to_numpy(dtype=float)
    assert np.array_equal(trained(halves).predict(halves), trained(rounded).predict(rounded))
    exact = [decimal.Decimal(str(round(value, 2))) for value in VALUES["age"]]
    plain = np.column_stack([[float(value) for value in exact], X[:, 1:]])
    for frame in (
        pd.DataFrame({**VALUES, "age": exact}),
        pl.DataFrame({**VALUES, "age": exact}),
        pa.table({**VALUES, "age": pa.array(exact)}),
    ):
        assert bits(trained(frame)) == bits(trained(plain))


Y_COUNT = np.arange(ROWS) % 3
TARGETS: dict[str, Any] = {
    "pandas": pd.Series(Y_COUNT),
    "pandas, nullable": pd.Series(Y_COUNT, dtype="Int64"),
    "pandas, Arrow": pd.Series(Y_COUNT, dtype="int64[pyarrow]"),
    "pandas, a frame": pd.DataFrame({"y": Y_COUNT}),
    "polars": pl.Series(Y_COUNT),
    "polars, a frame": pl.DataFrame({"y": Y_COUNT}),
    "pyarrow": pa.array(Y_COUNT),
    "pyarrow, in chunks": pa.chunked_array([Y_COUNT[:20], Y_COUNT[20:]]),
    "pyarrow, a table": pa.table({"y": Y_COUNT}),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_targets_and_weights_may_be_series_and_frames_of_one_column(kind: str) -> None:
    y = TARGETS[kind]
    for layers, loss in ([lm.Dense(3, "softmax")], None), ([lm.Dense(1)], "mse"):
        nets = []
        for target in (y, Y_COUNT):
            net = lm.Sequential(layers, seed=0)
            net.fit(X, target, loss=loss, epochs=2, verbose=False)
            assert net.evaluate(X, target, metrics=["accuracy"] if loss is None else ["rmse"])
            nets.append(bits(net))
        assert nets[0] == nets[1]
    if "frame" not in kind and "table" not in kind:
        assert bits(trained(X, sample_weight=y)) == bits(trained(X, sample_weight=Y_COUNT))


def test_missing_targets_are_refused() -> None:
    for y in (pd.Series([1, None] * 30, dtype="Int64"), pl.Series([1.0, None] * 30)):
        with pytest.raises(
            ValueError, match=r"fit, y: .* got a missing value in row 1 \(30 in all"
        ):
            trained(X, y)


def test_rows_belong_together_by_place_and_an_index_in_another_order_is_said() -> None:
    x = pd.DataFrame(X, columns=list(NAMES))
    y = pd.Series(Y).sample(frac=1.0, random_state=0)
    with pytest.warns(UserWarning, match="fit: X and y have the same index in another order"):
        net = trained(x, y)
    assert bits(net) == bits(trained(X, y.to_numpy()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(x, y.loc[x.index])
        trained(x, y.reset_index(drop=True))
        trained(x.set_index(np.arange(100, 160)), y)


def test_labels_of_a_perceptron_may_be_a_series() -> None:
    names = np.where(VALUES["member"], "up", "down")
    expected = lm.Perceptron().fit(X, names).predict(X)
    for y in (pd.Series(names), pl.Series(names), pd.Series(names, dtype="category")):
        found = lm.Perceptron().fit(FRAMES["pandas"], y).predict(FRAMES["polars"])
        assert found.tolist() == expected.tolist()


def test_pandas_needs_no_narwhals_and_others_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "narwhals", None)
    assert bits(trained(FRAMES["pandas, nullable"])) == bits(trained(X))
    with pytest.raises(ImportError, match=r"polars DataFrame; run pip install lamina\[frames\]"):
        trained(FRAMES["polars"])
    with pytest.raises(ImportError, match="pyarrow Table"):
        trained(FRAMES["pyarrow"])


def test_a_frame_without_rows_predicts_nothing() -> None:
    net = trained()
    assert net.predict(FRAMES["pandas"].iloc[:0]).shape == (0, 1)
    assert net.predict(FRAMES["polars"].head(0)).shape == (0, 1)
