"""Networks as models of ONNX: every layer, equal under two runtimes; names, metadata, files."""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("onnx", reason="needs the extra onnx")
pytest.importorskip("onnxruntime", reason="needs the extra test")

import onnx

import lamina as lm
from lamina import _core
from lamina._layers.layers import LAYERS
from onnx_runs import assert_close, run_both

Array = npt.NDArray[Any]
RANDOM = np.random.default_rng(0)
# Random rows of about 3 and 30, zeros, and rows far outside.
X = np.concatenate([RANDOM.normal(size=(20, 5)) * 3, RANDOM.normal(size=(9, 5)) * 30])
X = np.concatenate([X, np.zeros((1, 5)), np.full((1, 5), 1e4), np.full((1, 5), -1e4)])
# Codes, edges, days, missing values and numbers beyond all of them, in turn.
CELLS = np.array([np.nan, 0.0, 1.0, 2.0, 3.0, -1.0, 0.5, 2.5, 7.0, 400.25, -300.5, 1e20, -1e20])
COLUMNS = np.stack([np.roll(np.tile(CELLS, 3), k) for k in (0, 1, 3, 4, 9)], axis=1)
ENCODING = [
    lm.NumberEncoding([-1, 0, 2.5, 2.5, 3], limit=3, fill=0.5, indicator=True),
    lm.CategoryEncoding(3, indicator=True),
    lm.CodeEncoding(2, indicator=True),
    lm.DateEncoding(10, 5, 3, 2, indicator=True),
]
BLOCK = lm.Residual([lm.Dense(5, "relu"), lm.Residual([lm.Dense(3), lm.Dropout(0.3), lm.Dense(5)])])
MEMBER = [lm.Dense(8, "relu"), lm.Residual([lm.Dense(5, "tanh"), lm.Dense(8)]), lm.BatchNorm()]
HEAD = lm.Dense(3, "softmax", parametrization="ntk")
# By name: layers, and the rows that they read.
LAYERS_OF: dict[str, tuple[list[lm.Layer], Array]] = {
    "dense": ([lm.Dense(7, bias=False), lm.Dense(6, "relu", parametrization="ntk")], X),
    "activation": ([lm.Activation("mish")], X),
    "dropout": ([lm.Dropout(0.5)], X),
    "alpha_dropout": ([lm.AlphaDropout(0.2)], X),
    "gaussian_noise": ([lm.GaussianNoise(0.1)], X),
    "batch_norm": ([lm.BatchNorm(), lm.Dense(2)], X),
    "batch_norm without scale": ([lm.BatchNorm(scale=False, epsilon=1e-2)], X),
    "batch_norm without shift": ([lm.BatchNorm(shift=False)], X),
    "layer_norm": ([lm.LayerNorm()], X[:-3]),
    "layer_norm without scale": ([lm.LayerNorm(scale=False)], X[:-3]),
    "layer_norm without shift": ([lm.LayerNorm(shift=False, epsilon=0.1)], X[:-3]),
    "rms_norm": ([lm.RMSNorm()], X),
    "rms_norm without scale": ([lm.RMSNorm(scale=False, epsilon=0.1)], X),
    "prelu": ([lm.PReLU()], X),
    "prelu shared": ([lm.PReLU(shared=True)], X),
    "parametric_activation": ([lm.ParametricActivation("mish")], X),
    "scale": ([lm.Scale(), lm.Scale(shift=True)], X),
    "normalization": ([lm.Normalization(), lm.Dense(3), lm.Normalization()], X),
    "affine": ([lm.Affine(2.0, [1, 2, 3, 4, 5]), lm.Affine(0.5)], X),
    "clip": ([lm.Clip(low=-2), lm.Clip(-1, 2), lm.Clip(high=1)], X),
    "target_scaling": ([lm.Dense(2), lm.TargetScaling()], X),
    "target_scaling clipped": ([lm.Dense(2), lm.TargetScaling(clip=True)], X),
    "residual": ([BLOCK, lm.Residual([lm.Dense(2)])], X),
    "ensemble": ([lm.Ensemble([*MEMBER, lm.PReLU(), HEAD], k=3, adapters="all")], X),
    "ensemble first": (
        [lm.Ensemble([lm.LayerNorm(), lm.Dense(3)], k=3, chunks=[2, 3]), lm.TargetScaling()],
        X,
    ),
    "embedding": ([lm.Embedding({1: 3, 3: 4}, 2), lm.Dense(2)], COLUMNS),
    "piecewise_linear": (
        [lm.PiecewiseLinear({0: [-1, 0, 2.0], 2: [0, 3]}, 4, version="B"), lm.Dense(2)],
        COLUMNS,
    ),
    "piecewise_linear relu": (
        [lm.PiecewiseLinear({0: [-1, 0, 2.0], 4: [1, 1 + 1e-12, 2]}, 4, "A", "relu")],
        COLUMNS,
    ),
    "periodic": ([lm.Periodic([1, 2])], COLUMNS),
    "periodic relu": ([lm.Periodic([3], activation="relu", shared=True)], COLUMNS),
    "periodic plr": ([lm.Periodic([0, 4], "plr", shared=True, frequencies=5)], COLUMNS),
    "column_encoding": ([lm.ColumnEncoding(ENCODING), lm.Dense(3)], COLUMNS),
    "column_encoding plain": ([lm.ColumnEncoding([lm.NumberEncoding()] * 5)], COLUMNS),
}
PARAMETRIC: list[Any] = [
    {"kind": "leaky_relu", "negative_slope": 0.3},
    {"kind": "leaky_relu", "negative_slope": 0.0},
    {"kind": "elu", "alpha": 2.0},
    {"kind": "celu", "alpha": 0.5},
    {"kind": "sin", "frequency": 3.0},
]
ACTIVATIONS: list[Any] = [*_core.catalogue()["activations"], *PARAMETRIC]


def network(layers: list[lm.Layer], rows: Array, dtype: Any) -> lm.Sequential:
    """Layers with random parameters."""
    net = lm.Sequential(layers, inputs=rows.shape[1], dtype=dtype)
    random = np.random.default_rng(1)
    for name, array in net.parameters().items():
        positive = name.endswith(("running_var", "deviation"))
        values = random.uniform(0.5 if positive else -1.0, 1.5, array.shape)
        limits = {"low": np.full(array.shape, -1.0), "high": np.full(array.shape, 1.0)}
        net.set_parameters({name: limits.get(name.rpartition(".")[2], values)})
    return net


def check(net: lm.Sequential, rows: Array) -> None:
    """Both runtimes give what `predict` gives."""
    model = net.export_onnx()
    onnx.checker.check_model(model, full_check=True)
    expected = net.predict(rows)
    assert np.isfinite(expected).all()
    for outputs in run_both(model, {"input": rows.astype(net.dtype)}):
        assert_close(outputs["output"], expected)


def of_codes(name: str, rows: Array) -> Array:
    """The rows whose numbers are legal for the layers: NaN is in columns that they embed alone."""
    kept = rows.copy()
    if name.startswith(("embedding", "piecewise", "periodic")):
        used = LAYERS_OF[name][0][0].missing_columns or ()
        rest = [column for column in range(rows.shape[1]) if column not in used]
        kept[:, rest] = np.clip(np.nan_to_num(kept[:, rest]), -9, 9)
    if name.startswith("periodic"):
        kept = np.clip(kept, -20, 20)
    if name.startswith("piecewise"):
        kept = np.clip(kept, -1e6, 1e6)
    return kept


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LAYERS_OF)
def test_every_layer_gives_the_same_under_the_reference_and_onnx_runtime(
    name: str, dtype: Any
) -> None:
    layers, rows = LAYERS_OF[name]
    check(network(layers, rows, dtype), of_codes(name, rows))


def test_every_layer_of_the_catalogue_is_among_those_above() -> None:
    assert {name.partition(" ")[0] for name in LAYERS_OF} == LAYERS.keys()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_every_activation_gives_the_same_far_from_0_too(activation: Any, dtype: Any) -> None:
    check(network([lm.Activation(activation)], X, dtype), X)
    check(network([lm.Dense(6, activation), lm.Dense(3)], X, dtype), X[:20])


@pytest.mark.parametrize("name", ["dense", "ensemble", "column_encoding", "embedding"])
def test_no_rows_and_one_row_are_rows_too(name: str) -> None:
    layers, rows = LAYERS_OF[name]
    net = network(layers, rows, "float32")
    for count in (0, 1):
        check(net, of_codes(name, rows)[:count])


def test_a_first_normalization_keeps_the_digits_of_time_stamps_given_as_float64() -> None:
    rows = 1.7e9 + np.arange(50.0)[:, None]
    net = lm.Sequential([lm.Normalization(), lm.Dense(2)], inputs=1)
    net.adapt(rows)
    net.set_parameters({"layers.1.weight": [[1.0], [2.0]]})
    (model, narrow) = net.export_onnx(input_dtype="float64"), net.export_onnx()
    for outputs in run_both(model, {"input": rows}):
        assert_close(outputs["output"], net.predict(rows))
    rounded = rows.astype("float32")
    for outputs in run_both(narrow, {"input": rounded}):
        assert_close(outputs["output"], net.predict(rounded))
    assert len(np.unique(net.predict(rows)[:, 0])) == 50
    assert len(np.unique(net.predict(rounded)[:, 0])) < 5


def test_a_trained_network_goes_into_a_file_with_names_and_metadata(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"width": X[:, 0], "height": X[:, 1]})
    net = lm.Sequential([lm.Dense(4, "relu"), lm.Dense(1, "sigmoid")])
    net.fit(frame, X[:, 0] > 0, epochs=1, verbose=False)
    path = tmp_path / "net.onnx"
    path.write_text("an older file")
    returned = net.export_onnx(
        path, input_name="rows", output_name="chance", class_names=["no", "yes"]
    )
    model = onnx.load(path)
    assert model == returned
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]
    assert (model.graph.input[0].name, model.graph.output[0].name) == ("rows", "chance")
    shape = model.graph.input[0].type.tensor_type.shape.dim
    assert (shape[0].dim_param, shape[1].dim_value) == ("rows", 2)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert about["lamina_version"] == model.producer_version == lm.__version__
    assert json.loads(about["classes"]) == ["no", "yes"]
    assert json.loads(about["feature_names"]) == ["width", "height"]
    assert {opset.domain: opset.version for opset in model.opset_import} == {"": 17}


def test_names_that_cannot_be_are_refused(tmp_path: Path) -> None:
    net = network([lm.Dense(3)], X, "float32")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"input_dtype": "int8"}, "expected input_dtype float32 or float64, got 'int8'"),
        ({"input_name": ""}, "expected input_name as a text, got ''"),
        ({"output_name": 3}, "expected output_name as a text, got 3"),
        ({"input_name": "x", "output_name": "x"}, "expected two names, got 'x' twice"),
        ({"class_names": ["a", "b"]}, "expected 3 class_names for 3 outputs, got 2"),
        ({"class_names": "abc"}, "expected class_names as a list, got 'abc'"),
    ]
    for options, sentence in wrong:
        with pytest.raises((TypeError, ValueError), match=f"export_onnx: {sentence}"):
            net.export_onnx(**options)
    with pytest.raises(TypeError, match="export_onnx: expected the path of a file, got 3"):
        net.export_onnx(3)  # type: ignore[arg-type]
    with pytest.raises(IsADirectoryError):
        net.export_onnx(tmp_path)
    with pytest.raises(FileNotFoundError):
        net.export_onnx(tmp_path / "no folder" / "net.onnx")
    assert not list(tmp_path.iterdir())
    with pytest.raises(RuntimeError, match="number of input features is not known"):
        lm.Sequential([lm.Dense(3)]).export_onnx()


def test_a_network_of_more_than_2_gib_is_refused_before_its_file_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net = lm.Sequential([lm.Dense(100)], inputs=100)
    net.export_onnx()
    monkeypatch.setattr("lamina._onnx.graph._MOST_BYTES", 40_000)
    with pytest.raises(
        ValueError, match=r"the weights take 40,400 bytes, and a file of ONNX holds"
    ):
        net.export_onnx()


def test_names_of_inputs_and_outputs_may_be_those_of_operators() -> None:
    net = network([lm.Dense(3, "relu")], X, "float32")
    model = net.export_onnx(input_name="Gemm", output_name="Relu")
    for outputs in run_both(model, {"Gemm": X.astype("float32")}):
        assert_close(next(iter(outputs.values())), net.predict(X))


def test_without_the_package_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith(("lamina._onnx", "onnx"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with warnings.catch_warnings(), pytest.raises(ImportError, match=r"lamina\[onnx\]"):
        network([lm.Dense(3)], X, "float32").export_onnx()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("limits", [lm.Activation("relu6"), lm.Clip(0.5, 2.0), lm.Clip(high=1.0)])
def test_limits_behind_a_relu_are_read_by_onnx_runtime(limits: lm.Layer, dtype: Any) -> None:
    net = lm.Sequential([lm.Dense(4, "relu"), limits], inputs=3, dtype=dtype)
    x = 5 * np.random.default_rng(0).normal(size=(20, 3)).astype(dtype)
    for outputs in run_both(net.export_onnx(), {"input": x}):
        assert_close(outputs["output"], net.predict(x))
