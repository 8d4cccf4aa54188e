"""Record models of ONNX that PyTorch, Keras and scikit-learn export into tests/models/peers.

Run: `KERAS_BACKEND=torch python tests/parity/record_onnx_peers.py` (needs PyTorch 2.13, onnxscript,
Keras 3.15, scikit-learn 1.9 and skl2onnx 1.20; CPU). Beside the files, peers.npz holds for each
model rows and the outputs that its library gives for them (float32: probabilities, numbers, or
distances from planes):

    {name}/rows, {name}/outputs

Names end in the exporter: "script" is torch.onnx.export(dynamo=False), "dynamo" its successor,
"keras" Keras' own (over the backend torch), "sklearn" skl2onnx. Places in source files, which take
most of the room, are taken out.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import torch
from keras import layers as kl
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from torch import nn

FOLDER = Path(__file__).parents[1] / "models" / "peers"
ROWS = 20
ACTIVATIONS = (
    *(nn.GELU(), nn.GELU(approximate="tanh"), nn.SiLU(), nn.Mish(), nn.Hardswish(), nn.ELU(0.5)),
    *(nn.CELU(0.5), nn.SELU(), nn.LeakyReLU(0.2), nn.Softplus(), nn.LogSigmoid(), nn.Softsign()),
    *(nn.Hardsigmoid(), nn.Hardtanh(), nn.ReLU6(), nn.Tanh(), nn.Sigmoid(), nn.LogSoftmax(1)),
)


class TwoPaths(nn.Module):
    """A residual block of equal widths, and one with a product beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(5, 8), nn.Linear(8, 5)
        self.beside, self.last = nn.Linear(5, 3), nn.Linear(5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.second(torch.relu(self.first(x)))
        return self.last(torch.tanh(x)) + self.beside(x)


def torch_models() -> Iterator[tuple[str, nn.Module, tuple[bool, ...]]]:
    """Name, module, and by which exporters (True: dynamo) it is written."""
    both = (False, True)
    plain = [nn.Linear(5, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 3)]
    yield "plain", nn.Sequential(*plain, nn.Softmax(1)), both
    for name, first in (("smooth", 0), ("bent", 6), ("limited", 12)):
        chosen = ACTIVATIONS[first : first + 6]
        steps = [module for a in chosen for module in (nn.Linear(5, 5), a)]
        yield name, nn.Sequential(*steps), both
    norms = [nn.Flatten(), nn.LayerNorm(5), nn.Linear(5, 8, bias=False), nn.PReLU()]
    norms += [nn.Linear(8, 8), nn.PReLU(8), nn.BatchNorm1d(8, affine=False), nn.Linear(8, 1)]
    yield "norms", nn.Sequential(*norms), both
    yield "root", nn.Sequential(nn.Linear(5, 8), nn.RMSNorm(8), nn.Linear(8, 2)), (True,)
    yield "residual", TwoPaths(), both
    yield "half", nn.Sequential(nn.Linear(5, 8), nn.SiLU(), nn.Linear(8, 2)).half(), (False,)
    yield "double", nn.Sequential(nn.Linear(5, 8), nn.SiLU(), nn.Linear(8, 2)).double(), (False,)


def keras_models() -> Iterator[tuple[str, Any]]:
    """Name and model, whose weights are random."""
    x = keras.Input((6,))
    h = kl.Dropout(0.2)(kl.BatchNormalization()(kl.Dense(8, "relu")(x)))
    h = kl.Add()([h, kl.Dense(8, "swish")(h)])
    for name in ("gelu", "softplus", "elu", "hard_sigmoid", "mish", "selu", "tanh"):
        h = kl.Dense(8, name)(h)
    h = kl.LeakyReLU(negative_slope=0.2)(kl.Dense(8)(h))
    yield "functional", keras.Model(x, kl.Dense(3, "softmax")(h))
    scaled = kl.Normalization(mean=np.linspace(-1, 1, 12), variance=np.linspace(1, 3, 12))
    steps = [keras.Input((4, 3)), kl.Flatten(), scaled, kl.Dense(5, "tanh"), kl.Dense(1, "sigmoid")]
    yield "images", keras.Sequential(steps)


def sklearn_models(X: Any) -> Iterator[tuple[str, Any, Callable[[Any], Any]]]:
    """Name, fitted estimator, and what it predicts."""
    small: dict[str, Any] = {"max_iter": 5, "hidden_layer_sizes": (6,), "random_state": 0}
    three = (X[:, 0] > 1).astype(int) + (X[:, 1] > 1)
    two, number = three > 0, X @ np.arange(1.0, 5.0)
    classes = MLPClassifier(activation="tanh", **small)
    values = MLPRegressor(activation="logistic", **small)
    chances = "predict_proba"
    for name, estimator, y, method in (
        ("classes", make_pipeline(StandardScaler(), classes), three, chances),
        ("two", make_pipeline(MinMaxScaler(), MLPClassifier(**small)), two, chances),
        ("number", make_pipeline(StandardScaler(), values), number, "predict"),
        ("logistic_two", LogisticRegression(), two, chances),
        ("logistic", make_pipeline(MaxAbsScaler(), LogisticRegression()), three, chances),
        ("linear", make_pipeline(RobustScaler(), LinearRegression()), number, "predict"),
        ("perceptron", Perceptron(), three, "decision_function"),
    ):
        estimator.fit(X, y)
        yield name, estimator, getattr(estimator, method)


def randomize(module: nn.Module) -> nn.Module:
    """Parameters and statistics of which none is what a module begins with."""
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.dtype.is_floating_point:
                many = tensor.ndim == 2
                values = 0.9 * torch.randn(tensor.shape) if many else torch.rand(tensor.shape) + 0.1
                tensor.copy_(values)
    return module.eval()


def strip(path: Path) -> None:
    """Take places in source files out of a model."""
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    del model.metadata_props[:]
    path.write_bytes(model.SerializeToString())


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    random, arrays = np.random.default_rng(0), {}

    def keep(name: str, rows: Any, outputs: Any) -> None:
        arrays[f"{name}/rows"] = np.asarray(rows, np.float32).reshape(len(rows), -1)
        arrays[f"{name}/outputs"] = np.asarray(outputs, np.float32).reshape(len(rows), -1)
        assert np.ptp(arrays[f"{name}/outputs"], axis=0).min() > 1e-2, name

    torch.manual_seed(0)
    for name, module, exporters in torch_models():
        dtype = next(randomize(module).parameters()).dtype
        rows = torch.from_numpy(random.normal(size=(ROWS, 5))).float().to(dtype)
        with torch.no_grad():  # float16 is what the weights are kept in, not what is computed in
            outputs = module.float()(rows.float()) if name == "half" else module(rows)
        for dynamo in exporters:
            path = FOLDER / f"{name}_{'dynamo' if dynamo else 'script'}.onnx"
            axes = {"dynamic_shapes": ({0: "rows"},)} if dynamo else {"dynamic_axes": {"x": [0]}}
            own = module.half() if name == "half" else module
            torch.onnx.export(own, (rows,), path, input_names=["x"], dynamo=dynamo, **axes)
            keep(path.stem, rows.float(), outputs.float())
    keras.utils.set_random_seed(0)
    for name, model in keras_models():
        rows = random.normal(size=(ROWS, *model.input_shape[1:])).astype(np.float32)
        model(rows)
        for weight in model.weights:
            if weight.dtype.startswith("float"):
                many = len(weight.shape) == 2
                uniform = random.uniform(0.1, 1.0, weight.shape)
                weight.assign(random.normal(0, 0.7, weight.shape) if many else uniform)
        path = FOLDER / f"{name}_keras.onnx"
        model.export(path, format="onnx", verbose=False)
        keep(path.stem, rows, model(rows, training=False).detach())
    data = random.normal(size=(200, 4)).astype(np.float32) * 3 + 1
    for name, estimator, predict in sklearn_models(data):
        path = FOLDER / f"{name}_sklearn.onnx"
        path.write_bytes(to_onnx(estimator, data[:1]).SerializeToString())
        keep(path.stem, data[:ROWS], predict(data[:ROWS]))
    for path in FOLDER.glob("*.onnx"):
        strip(path)
    for path in FOLDER.glob("*.data"):  # of weights too small for a file of their own
        assert not path.read_bytes()
        path.unlink()
    np.savez_compressed(FOLDER / "peers.npz", **arrays)
    print(sum(os.path.getsize(path) for path in FOLDER.iterdir()), "bytes")


if __name__ == "__main__":
    main()
