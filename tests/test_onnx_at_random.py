"""Networks and tables at random as models of ONNX, under the reference and ONNX Runtime."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra onnx")
pytest.importorskip("onnxruntime", reason="needs the extra test")

import onnx

from onnx_runs import run_both, table_feeds
from random_networks import RandomNetwork
from random_tables import RandomTable

OUTPUTS = {
    "predict_row": ("variable", "probabilities"),
    "predict_quantiles": ("quantiles",),
    "predict_interval": ("interval",),
}


def check_networks(seeds: Any) -> None:
    for seed in seeds:
        random = RandomNetwork(seed, "float64" if seed % 3 == 0 else "float32")
        x = random.rows(8)
        model = random.net.export_onnx()
        onnx.checker.check_model(model, full_check=True)
        for outputs in run_both(model, {"input": x}):
            assert outputs["output"].dtype == x.dtype
            random.check(x, outputs["output"], {"float32": 1e-5, "float64": 1e-6})


def check_tables(seeds: Any) -> None:
    for seed in seeds:
        table = RandomTable(seed)
        rows = table.rows(16, any_spelling=False)
        model = table.model.export_onnx()
        onnx.checker.check_model(model, full_check=True)
        for outputs in run_both(model, table_feeds(table.model, table.as_columns(rows))):
            # A column of such a name keeps it, and the output has another.
            named = {name.removesuffix("_1"): value for name, value in outputs.items()}
            for function in table.functions:
                expected = table.answers(rows, function)
                found = next(named[name] for name in OUTPUTS[function] if name in named)
                limit = 1e-5 * max(1.0, np.abs(expected).max())
                assert np.abs(found.reshape(expected.shape) - expected).max() <= limit, seed
            if "label" in named:
                classes = table.model.predict(table.as_columns(rows))
                assert named["label"].ravel().tolist() == classes.tolist()


def test_networks_at_random_give_the_same() -> None:
    check_networks(range(1, 25))


@pytest.mark.filterwarnings("ignore::lamina.tabular.TableWarning")
def test_tables_with_the_worst_names_give_the_same() -> None:
    check_tables(range(1, 9))


@pytest.mark.long
@pytest.mark.parametrize("first", range(1000, 1600, 100))
def test_many_networks_at_random_give_the_same(first: int) -> None:
    check_networks(range(first, first + 100))


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::lamina.tabular.TableWarning")
@pytest.mark.parametrize("first", range(1000, 1200, 50))
def test_many_tables_give_the_same(first: int) -> None:
    check_tables(range(first, first + 50))
