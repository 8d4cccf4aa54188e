"""Table models through lamina.h predict what Python's TableModel predicts, to the bit."""

import ctypes as ct

import numpy as np
import pytest

from c_interface import CLibrary, load_library
from c_structs import CLASS_INDICES, INTERVALS, PREDICTIONS, QUANTILES, Cell, Column
from lamina.tabular import TableModel

RNG = np.random.default_rng(5)


@pytest.fixture(scope="module")
def c() -> CLibrary:
    """The C interface of the library that Python's module uses, too."""
    return load_library()


def table():
    """Columns of three kinds, with missing values, and both kinds of target."""
    rows = 300
    size = RNG.normal(size=rows)
    size[::17] = np.nan
    colour = np.array([["red", "blue", None][i] for i in RNG.integers(0, 3, rows)], dtype=object)
    day = np.array([f"2024-0{1 + i % 9}-1{i % 9}" for i in range(rows)], dtype=object)
    price = np.nan_to_num(size) + (colour == "red") + 0.1 * RNG.normal(size=rows)
    paid = np.where(price > 0.3, "yes", np.where(price > -0.3, "perhaps", "no")).astype(object)
    return {"size": size, "colour": colour, "day": day}, price, paid


def encoded(value):
    return None if value is None else value.encode()


def columns_of(c, columns):
    """An array of lamina_column."""
    array = (Column * len(columns))()
    array.kept = []
    for column, (name, values) in zip(array, columns.items(), strict=True):
        column.name = name.encode()
        if values.dtype == object:
            texts = (ct.c_char_p * len(values))(*map(encoded, values))
            array.kept.append(texts)
            column.texts = texts
        else:
            column.numbers = values.ctypes.data
    return array


def predict_table(c, model, columns, kind, shape):
    """lamina_table_predict_columns, and the same row by row."""
    rows = shape[0]
    y, single = np.empty(shape), np.empty(shape)
    assert c.table_outputs(model.handle, kind) == int(np.prod(shape[1:]))
    array = columns_of(c, columns)
    pointer = y.ctypes.data_as(ct.c_void_p)
    counts = ct.c_size_t(len(columns)), ct.c_size_t(rows)
    c.table_predict_columns(model.handle, array, *counts, kind, pointer)
    for row in range(0, rows, 7):
        cells = (Cell * len(columns))()
        for cell, (name, values) in zip(cells, columns.items(), strict=True):
            cell.column, value = name.encode(), values[row]
            if isinstance(value, float):
                cell.number = value
            else:
                cell.text, cell.number = encoded(value), np.nan
        place = single[row].ctypes.data_as(ct.c_void_p)
        c.table_predict(model.handle, cells, ct.c_size_t(len(columns)), kind, place)
        assert single[row].tobytes() == y[row].tobytes()
    return y


def test_table_models_of_classes(c, tmp_path):
    columns, _, paid = table()
    trained = TableModel.fit(
        {**columns, "paid": paid}, target="paid", split="time", epochs=3, verbose=False
    )
    trained.save(tmp_path / "model")
    model = c.load(tmp_path / "model")
    names = [c.class_name(model.handle, ct.c_size_t(i)).decode() for i in range(3)]
    assert names == list(trained.target.classes)
    assert c.classes(model.handle) == 3
    expected = trained.predict_probabilities(columns)
    assert predict_table(c, model, columns, PREDICTIONS, (300, 3)).tobytes() == expected.tobytes()
    chosen = predict_table(c, model, columns, CLASS_INDICES, (300, 1))[:, 0].astype(int)
    assert [names[i] for i in chosen] == list(trained.predict(columns))
    model.save(tmp_path / "again")
    again = TableModel.load(tmp_path / "again")
    assert again.predict_probabilities(columns).tobytes() == expected.tobytes()
    assert again.training == TableModel.load(tmp_path / "model").training


def test_table_models_of_numbers_with_quantiles_and_intervals(c, tmp_path):
    columns, price, _ = table()
    options = {
        "split": "time",
        "epochs": 3,
        "quantiles": [0.1, 0.5, 0.9],
        "interval": 0.8,
        "verbose": False,
    }
    trained = TableModel.fit({**columns, "price": price}, target="price", **options)
    trained.save(tmp_path / "model")
    model = c.load(tmp_path / "model")
    expected = trained.predict(columns)
    assert (
        predict_table(c, model, columns, PREDICTIONS, (300, 1))[:, 0].tobytes()
        == expected.tobytes()
    )
    quantiles = trained.predict_quantiles(columns)
    assert predict_table(c, model, columns, QUANTILES, (300, 3)).tobytes() == quantiles.tobytes()
    intervals = trained.predict_interval(columns)
    assert predict_table(c, model, columns, INTERVALS, (300, 2)).tobytes() == intervals.tobytes()
