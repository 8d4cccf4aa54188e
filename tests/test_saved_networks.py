"""Networks to files and back: the same bits, other readers, damage, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamina as lm
from lamina import _core
from lamina._model_file import load_model, save_model
from networks import bits, class_data, classifier


def trained(**options: Any) -> lm.Sequential:
    net = classifier(**options)
    net.fit(*class_data(), epochs=1, verbose=False)
    return net


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_comes_back_to_the_last_bit(tmp_path: Path, dtype: Any) -> None:
    x, _ = class_data()
    net = trained(dtype=dtype, dropout=0.2, seed=7)
    net.save(tmp_path / "m.safetensors")
    twin = lm.load(tmp_path / "m.safetensors")
    assert bits(twin) == bits(net)
    assert bits([twin.predict(x)]) == bits([net.predict(x)])
    assert (twin.dtype, twin.seed, twin.epochs_trained) == (dtype, 7, 1)
    assert twin.to_spec() == net.to_spec()


def test_a_loaded_network_trains_on_as_the_saved_one_would(tmp_path: Path) -> None:
    net = trained(dropout=0.2)
    net.save(tmp_path / "m")
    twin = lm.load(str(tmp_path / "m"))
    for each in (net, twin):
        each.fit(*class_data(), epochs=1, verbose=False)
    assert bits(twin) == bits(net)


@pytest.mark.parametrize("activation", _core.catalogue()["activations"])
def test_every_activation_comes_back(tmp_path: Path, activation: str) -> None:
    layers = [lm.Dense(5, "tanh"), lm.Activation(activation), lm.Dense(3, activation)]
    net = lm.Sequential(layers, inputs=4, seed=2)
    net.save(tmp_path / "m")
    x = np.random.default_rng(0).normal(size=(9, 4))
    assert bits([lm.load(tmp_path / "m").predict(x)]) == bits([net.predict(x)])


def test_other_readers_find_the_weights_under_pytorchs_names(tmp_path: Path) -> None:
    reader = pytest.importorskip("safetensors.numpy")
    net = trained()
    net.save(tmp_path / "m")
    stored = reader.load_file(tmp_path / "m")
    assert stored.keys() == net.parameters().keys()
    x, _ = class_data()
    # What a torch.nn.ModuleList `layers` of Linear(19), Linear(12), Linear(3) computes.
    hidden = np.maximum(x @ stored["layers.0.weight"].T + stored["layers.0.bias"], 0.0)
    hidden = np.tanh(hidden @ stored["layers.1.weight"].T + stored["layers.1.bias"])
    scores = hidden @ stored["layers.2.weight"].T + stored["layers.2.bias"]
    assert (scores.argmax(axis=1) == net.predict(x).argmax(axis=1)).all()


def test_records_and_tensors_of_the_caller_come_back(tmp_path: Path) -> None:
    net, mean = trained(), np.arange(7.0)
    save_model(tmp_path / "m", net, record={"classes": ["a", "b"]}, tensors={"mean": mean})
    twin, record, tensors = load_model(tmp_path / "m")
    assert bits(twin) == bits(net)
    assert record == {"classes": ["a", "b"]}
    np.testing.assert_array_equal(tensors["mean"], mean)
    with pytest.raises(ValueError, match="kept for the network's weights"):
        save_model(tmp_path / "m", net, tensors={"layers.0.weight": mean})


def test_a_file_cut_at_any_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m"
    lm.Sequential([lm.Dense(2)], inputs=2).save(path)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"m.*(cut off|not a lamina model)"):
            lm.load(path)


def test_a_file_with_any_byte_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m"
    lm.Sequential([lm.Dense(2)], inputs=2).save(path)
    data = bytearray(path.read_bytes())
    for place in range(len(data)):
        changed = data.copy()
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(ValueError, match="m"):
            lm.load(path)


def written(path: Path, contents: dict[str, Any], tensors: dict[str, Any]) -> Path:
    """A file with a right checksum over these contents."""
    _core.write_model_file(path, json.dumps(contents), tensors)
    return path


CONTENTS: dict[str, Any] = {
    "network": {"inputs": 2, "layers": [{"kind": "dense", "units": 2}]},
    "dtype": "float32",
    "seed": 0,
    "epochs_trained": 0,
    "record": {},
}
TENSORS = {"layers.0.weight": np.eye(2, dtype="f4"), "layers.0.bias": np.zeros(2, "f4")}


def test_the_contents_below_are_those_of_a_network(tmp_path: Path) -> None:
    assert lm.load(written(tmp_path / "m", CONTENTS, TENSORS)).predict([[1, 2]]).tolist() == [
        [1, 2]
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"network": {"inputs": 2, "layers": [{"kind": "magic"}]}},
        {"network": {"inputs": 2, "layers": [{"kind": "dense", "units": 0}]}},
        {"network": {"inputs": 2, "layers": [{"kind": "dense", "units": 2, "x": 1}]}},
        {"network": {"inputs": 2, "layers": []}},
        {"network": {"inputs": 2}},
        {"network": {"inputs": 3, "layers": CONTENTS["network"]["layers"]}},
        {"network": {"inputs": 2**24, "layers": [{"kind": "dense", "units": 2**24}]}},
        {"network": [1]},
        {"dtype": "float16"},
        {"dtype": "float64"},
        {"seed": -1},
        {"seed": "x"},
        {"epochs_trained": "x"},
        {"record": []},
    ],
    ids=lambda change: json.dumps(change)[:60],
)
def test_a_right_checksum_over_wrong_contents_is_refused(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    path = written(tmp_path / "m", CONTENTS | change, TENSORS)
    with pytest.raises(ValueError, match=str(path)):
        lm.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers.0.bias": None}, "do not agree: layers.0.bias"),
        ({"layers.1.bias": np.zeros(2, "f4")}, "do not agree: layers.1.bias"),
        ({"layers.0.bias": np.zeros(3, "f4")}, r"expected shape \(2,\), got \(3,\)"),
        ({"layers.0.bias": np.zeros(2, "f8")}, "expected dtype float32, got float64"),
        ({"layers.0.bias": np.full(2, np.nan, "f4")}, "expected finite numbers"),
    ],
    ids=["missing", "too many", "shape", "dtype", "nan"],
)
def test_a_right_checksum_over_wrong_weights_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    tensors = {k: v for k, v in (TENSORS | change).items() if v is not None}
    path = written(tmp_path / "m", CONTENTS, tensors)
    with pytest.raises(ValueError, match=message):
        lm.load(path)


def test_paths_that_cannot_be_written_or_read_raise_os_errors(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"cannot save .*absent"):
        trained().save(tmp_path / "absent" / "m")
    with pytest.raises(FileNotFoundError, match=r"absent.*No such file"):
        lm.load(tmp_path / "absent")
