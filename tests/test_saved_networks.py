"""Networks to files and back: the same bits, other readers, damage, and what is refused."""

import copy
import errno
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamina as lm
from lamina import _core
from lamina._network.model_file import Extras, _contents, load_model, save_model
from networks import bits, class_data, classifier

MODELS = Path(__file__).parent / "models"


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


def test_a_file_from_before_pytorchs_names_loads_under_todays() -> None:
    layers = [lm.Normalization(), lm.LayerNorm(), lm.Dense(5), lm.PReLU()]
    inner = [lm.RMSNorm(), lm.Dense(4), lm.PReLU(shared=True), lm.Scale(0.1, shift=True)]
    layers += [lm.Residual(inner), lm.BatchNorm(), lm.Dense(2)]
    net = lm.Sequential(layers, inputs=3, dtype="float64", scale_targets=True)
    loaded = lm.load(MODELS / "scale_shift_slope.lamina")
    assert loaded.to_spec() == net.to_spec()
    # The file's program gave parameter k the values 1 + k + i / 64.
    written = {
        name: 1 + k + np.arange(array.size).reshape(array.shape) / 64
        for k, (name, array) in enumerate(net.parameters().items())
    }
    net.set_parameters(written)
    assert bits(loaded) == bits(net)
    assert load_model(MODELS / "scale_shift_slope.lamina", lm.Sequential)[2] == {}


@pytest.mark.parametrize(
    ("layer", "written"),
    [
        (lm.LayerNorm(), {"weight": "scales"}),
        (lm.LayerNorm(), {"weight": "shift"}),
        (lm.PReLU(), {"weight": "bias"}),
        (lm.TargetScaling(), {"scale": "weight"}),
        (lm.TargetScaling(), {"shift": "bias"}),
    ],
)
def test_names_that_no_version_wrote_are_refused(
    tmp_path: Path, layer: lm.Layer, written: dict[str, str]
) -> None:
    text, tensors = _contents(lm.Sequential([lm.Dense(2), layer], inputs=2), Extras())
    for name, other in written.items():
        tensors[f"layers.1.{other}"] = tensors.pop(f"layers.1.{name}")
    _core.write_model_file(str(tmp_path / "m"), text, tensors)
    with pytest.raises(ValueError, match=r"weights and description do not agree: layers\.1\."):
        lm.load(tmp_path / "m")


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
    save_model(tmp_path / "m", net, Extras({"classes": ["a", "b"]}, {"mean": mean}))
    twin, record, tensors = load_model(tmp_path / "m", lm.Sequential)
    assert bits(twin) == bits(net)
    assert record == {"classes": ["a", "b"]}
    np.testing.assert_array_equal(tensors["mean"], mean)
    for name in ("layers.0.weight", "selftest.inputs"):
        with pytest.raises(ValueError, match="kept for the network's own"):
            save_model(tmp_path / "m", net, Extras(tensors={name: mean}))


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
    sentence = (
        "damaged|not a lamina model as lamina writes it|not a lamina model: a safetensors file"
    )
    for place in range(len(data)):
        changed = data.copy()
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=rf'^model file "{path}": ({sentence})'):
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
        ({"layers.0.bias": np.zeros(3, "f4")}, r"expected shape \[2\], got \[3\]"),
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


def _unreachable(folder: Path) -> list[tuple[str, str | bytes | Path, type[OSError], int]]:
    """What is called, with which path, and what the system says of it."""
    (folder / "file").write_bytes(b"text")
    (folder / "loop").symlink_to("loop")
    cases: list[tuple[str, str | bytes | Path, type[OSError], int]] = []
    for call in ("save", "load"):
        cases += [
            (call, folder / "absent" / "m", FileNotFoundError, errno.ENOENT),
            (call, "", FileNotFoundError, errno.ENOENT),
            (call, str(folder), IsADirectoryError, errno.EISDIR),
            (call, os.fsencode(folder / "file" / "m"), NotADirectoryError, errno.ENOTDIR),
            (call, str(folder / ("x" * 300)), OSError, errno.ENAMETOOLONG),
            (call, folder / "loop", OSError, errno.ELOOP),
            (call, "/dev/full", OSError, errno.EINVAL),
        ]
    return cases


@pytest.mark.skipif(sys.platform != "linux", reason="errors as Linux has them")
def test_paths_that_cannot_be_written_or_read_raise_the_os_errors_of_python(tmp_path: Path) -> None:
    net = classifier()
    for call, path, kind, code in _unreachable(tmp_path):
        with pytest.raises(kind) as caught:
            net.save(path) if call == "save" else lm.load(path)
        error = caught.value
        assert (type(error), error.errno) == (kind, code), (call, path)
        assert error.filename == os.fspath(path)
        if code != errno.EINVAL:
            assert error.strerror == os.strerror(code)
    assert sorted(os.listdir(tmp_path)) == ["file", "loop"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs a user who may not write everywhere")
def test_a_folder_without_permission_raises_a_permission_error(tmp_path: Path) -> None:
    code = (
        "import os, sys, lamina as lm\n"
        "net = lm.Sequential([lm.Dense(1)], inputs=1)\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "try: net.save(sys.argv[1] + '/m')\n"
        "except PermissionError as error: print(error.errno, error.filename)"
    )
    tmp_path.chmod(0o555)
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    tmp_path.chmod(0o755)
    # The folders above it may refuse too, with the same error.
    assert done.stdout.strip() == f"{errno.EACCES} {tmp_path}/m"


@pytest.mark.parametrize("path", ["a\0b", b"a\0b", Path("a\0b"), "\ud800"], ids=repr)
def test_paths_that_no_system_takes_are_value_errors(path: Any) -> None:
    for call in (classifier().save, lm.load):
        with pytest.raises(ValueError, match="expected a path"):
            call(path)


def test_names_that_are_not_text_are_kept(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("names of any bytes are a thing of Linux")
    net = classifier()
    for path in (os.fsencode(tmp_path) + b"/\xff\xfe", os.fsdecode(b"%s/\xfd" % bytes(tmp_path))):
        net.save(path)
        assert bits(lm.load(path)) == bits(net)
    assert sorted(os.listdir(bytes(tmp_path))) == [b"\xfd", b"\xff\xfe"]


@pytest.mark.parametrize("field", ["network", "dtype", "seed", "epochs_trained", "record"])
def test_a_description_with_any_other_type_in_a_field_is_refused_in_a_sentence(
    tmp_path: Path, field: str
) -> None:
    values = [None, True, -1, 0.5, 2**64, "7", "x", [], [1], {"a": 1}]
    for value in values:
        if field == "record" and isinstance(value, dict):
            continue
        path = written(tmp_path / "m", CONTENTS | {field: value}, TENSORS)
        with pytest.raises(ValueError, match="description of the network is wrong: "):
            lm.load(path)


def _with_each_value_changed(spec: Any, values: list[Any]) -> Iterator[Any]:
    """`spec` with one of its parts, at any depth, replaced by each of `values`, or left out."""
    places = spec.items() if isinstance(spec, dict) else enumerate(spec)
    for key, part in list(places):
        for value in values:
            changed = copy.copy(spec)
            changed[key] = value
            yield changed
        if isinstance(part, dict | list):
            for inner in _with_each_value_changed(part, values):
                changed = copy.copy(spec)
                changed[key] = inner
                yield changed


def test_every_option_of_every_layer_takes_every_type_or_says_so(tmp_path: Path) -> None:
    block = lm.Residual([lm.Dense(4, "relu"), lm.PReLU()])
    layers = [lm.Dense(4, {"kind": "leaky_relu", "negative_slope": 0.1}, l2=0.1, max_norm=2.0)]
    layers += [lm.BatchNorm(), block, lm.LayerNorm(), lm.RMSNorm(), lm.Scale(), lm.Affine(2.0)]
    layers += [lm.Clip(-1.0, 1.0), lm.Dropout(0.5), lm.GaussianNoise(0.1), lm.Normalization()]
    net = lm.Sequential(layers, inputs=4)
    tensors = net.parameters()
    contents = {"network": net.to_spec(), "dtype": "float32", "seed": 0}
    contents |= {"epochs_trained": 0, "record": {}}
    values = [None, True, -1, 3, 2**70, 0.5, "x", [], [1, "x"], {}, {"kind": "x"}, {"kind": []}]
    for changed in _with_each_value_changed(contents["network"], values):
        path = written(tmp_path / "m", contents | {"network": changed}, tensors)
        try:
            lm.load(path)
        except ValueError as error:
            assert str(error).startswith(str(path))  # noqa: PT017
            assert "incompatible function arguments" not in str(error)  # noqa: PT017
            assert "unexpected keyword" not in str(error)  # noqa: PT017


class _CountedName(str):
    """A name that counts how often it is compared."""

    comparisons = 0

    def __eq__(self, other: object) -> bool:
        _CountedName.comparisons += 1
        return str(self) == other

    def __hash__(self) -> int:
        return hash(str(self))


def test_each_name_of_a_parameter_is_looked_up_once() -> None:
    net = lm.Sequential([lm.Dense(1) for _ in range(200)], inputs=1)
    parameters = {_CountedName(name): array for name, array in net.parameters().items()}
    _CountedName.comparisons = 0
    net.set_parameters(parameters)
    assert _CountedName.comparisons <= 2 * len(parameters)


@pytest.mark.long
def test_loading_and_saving_take_time_in_proportion_to_the_number_of_layers(tmp_path: Path) -> None:
    def seconds(layers: int) -> float:
        net = lm.Sequential([lm.Dense(1) for _ in range(layers)], inputs=4)
        start = time.process_time()
        net.save(tmp_path / "m")
        lm.load(tmp_path / "m").copy().summary()
        net.value_and_grad(np.ones((4, 4)), np.ones(4))
        return time.process_time() - start

    few, many = min(seconds(1000) for _ in range(3)), min(seconds(8000) for _ in range(2))
    assert many < 16 * few  # 8 in proportion, 64 in the square


def test_no_first_weights_are_drawn_for_networks_that_get_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[Any] = []
    build = _core.make_network

    def noted(spec: str, dtype: str, seed: int | None, *options: Any) -> Any:
        seeds.append(seed)
        return build(spec, dtype, seed, *options)

    net = trained(seed=5)
    net.save(tmp_path / "m")
    monkeypatch.setattr(_core, "make_network", noted)
    twins = [lm.load(tmp_path / "m"), net.copy(), pickle.loads(pickle.dumps(net))]
    assert seeds == [None]  # those of files are not made by it
    for twin in twins:
        assert bits(twin) == bits(net)
        twin.reset()
        assert bits(twin) == bits(classifier(seed=5))
