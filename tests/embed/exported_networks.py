"""Networks that have all layers and activations among them, for tests of generated code."""

from typing import Any

import numpy as np

import lamina as lm
from lamina import _core

ACTIVATIONS: list[Any] = [
    *("identity", "relu", "sigmoid", "tanh", "softplus", "gelu", "gelu_tanh", "silu", "selu"),
    *("mish", "softsign", "log_sigmoid", "hard_sigmoid", "hard_tanh", "hard_swish", "relu6"),
    *("gaussian", "softmax", "log_softmax", "step"),
    {"kind": "leaky_relu", "negative_slope": 0.1},
    {"kind": "elu", "alpha": 2.0},
    {"kind": "celu", "alpha": 1.5},
    {"kind": "sin", "frequency": 3.0},
]
# Sums of rows run by vectors in the core, and tanh and gelu use an estimate of the processor's.
INEXACT = {"tanh", "gelu", "softmax", "log_softmax", "norms", "residual", "ensemble", "embeddings"}
INPUTS = 7
WITH_FMA = _core.build_info()["instruction_set"] not in ("sse2", "portable")


def name_of(activation: Any) -> str:
    return activation if isinstance(activation, str) else str(activation["kind"])


def layers_of(name: str) -> list[lm.Layer]:
    """Networks that have all layers of the catalogue among them."""
    if name == "norms":
        normal = [lm.Normalization(), lm.Dense(9), lm.BatchNorm(), lm.Activation("relu")]
        rows = [lm.LayerNorm(), lm.Dense(8), lm.RMSNorm(), lm.PReLU(), lm.Dropout(0.2)]
        scaled = [lm.Dense(4, parametrization="ntk"), lm.ParametricActivation("mish", 0.7)]
        fixed = [lm.Scale(2.0, shift=True), lm.Affine([1, 2, 3, 4.0], 0.5), lm.Clip(-1, 3)]
        return [*normal, *rows, *scaled, *fixed, lm.GaussianNoise(1.0), lm.Dense(3, bias=False)]
    if name == "residual":
        inner = lm.Residual([lm.Dense(4, "tanh"), lm.Dense(INPUTS)])
        block = lm.Residual([lm.Dense(INPUTS, "relu"), inner, lm.Dropout(0.1)])
        more = [lm.Residual([lm.Dense(5)]), lm.Residual([lm.AlphaDropout(0.1)])]
        last = [lm.Dense(2, bias=False, parametrization="ntk"), lm.PReLU(shared=True)]
        scaling = lm.TargetScaling(clip=True)
        return [lm.Affine(0.5, 1.0), block, lm.Activation("silu"), *more, *last, scaling]
    if name == "ensemble":
        inside = [lm.Dense(8, "mish"), lm.LayerNorm(), lm.Residual([lm.Dense(8, "relu")])]
        head = lm.Dense(3, "softmax")
        return [lm.Dense(6, "relu"), lm.Ensemble([*inside, lm.BatchNorm(), head], k=5)]
    if name == "adapters":
        plain = lm.Dense(8, "relu", bias=False, parametrization="ntk")
        heads = lm.Dense(2, parametrization="ntk")
        return [lm.Ensemble([lm.Dense(8, "mish"), plain, heads], k=4, adapters="all")]
    if name == "embeddings":
        first = lm.PiecewiseLinear({0: [-1, 0, 1.0], 3: [-2, -1, 0.5, 4]}, units=3)
        second = lm.PiecewiseLinear({1: [-1, 0, 1.0]}, units=2, version="A", activation="relu")
        waves = [lm.Periodic([2, 9], sigma=1.0), lm.Periodic([0], "plr", units=5, sigma=0.5)]
        shared = lm.Periodic([3, 4], "pbld", shared=True)
        return [first, second, *waves, shared, lm.Dense(4, "tanh"), lm.Dense(2)]
    if name == "columns":
        numbers = [lm.NumberEncoding(edges=[-1, 0, 2.0], limit=3.0, indicator=True)]
        codes = [lm.CategoryEncoding(3, indicator=True), lm.CodeEncoding(4)]
        date = lm.DateEncoding(center=9000.0, scale=400.0, limit=2.0, fill=8000.0, indicator=True)
        plain = lm.NumberEncoding(fill=0.5)
        encoding = lm.ColumnEncoding([*numbers, *codes, date, plain, plain])
        return [encoding, lm.Embedding({8: 4}, units=3), lm.Dense(2)]
    if name in CODED:  # features of which the core looks up the sums, for steps 64 at a time
        number = lm.NumberEncoding(edges=np.linspace(-3, 3, 150), indicator=True)
        date, plain = lm.DateEncoding(center=9000.0, scale=400.0), lm.NumberEncoding(fill=0.5)
        categories = [lm.CategoryEncoding(30, indicator=True), lm.CategoryEncoding(4)]
        encoding = lm.ColumnEncoding([number, *categories, date, plain, plain])
        layers: list[lm.Layer] = [encoding, lm.Dense(32, "relu"), lm.Dense(2)]
        if name != "codes":
            layers[1:1] = [lm.Scale()]
        if name == "masked_codes":  # without the first number's steps
            features = sum(column.features for column in encoding.columns)
            layers[1:1] = [lm.Affine([float(not 0 < i < 150) for i in range(features)])]
        return layers
    return [lm.Dropout(0.3)]


CODED = ("codes", "scaled_codes", "masked_codes")
LAYERS = (
    *("norms", "residual", "ensemble", "adapters", "embeddings", "columns"),
    *(*CODED, "nothing"),
)


def network(name: str, dtype: str) -> lm.Sequential:
    """A network with weights that are not those of the start."""
    activation = next((a for a in ACTIVATIONS if name_of(a) == name), None)
    layers = layers_of(name) if activation is None else [lm.Dense(19, activation), lm.Dense(3)]
    net = lm.Sequential(layers, inputs=INPUTS, seed=1, dtype=dtype)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    parameters = net.parameters()
    for key, value in parameters.items():
        moved = value + 0.3 * rng.normal(size=value.shape)
        if key.endswith(("running_var", "deviation", "scale")):
            moved = np.abs(moved) + 0.5
        if key.endswith((".low", ".high")):
            moved = np.full_like(value, -4.0 if key.endswith("low") else 3.0)
        parameters[key] = moved.astype(value.dtype)
    net.set_parameters(parameters)
    return net


def rows_for(name: str, dtype: str, rows: int = 200) -> Any:
    """Rows that reach all cases: large and small numbers; codes, dates and missing values."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(rows, INPUTS)) * rng.choice([0.01, 1.0, 4.0], (rows, 1))
    x[:3] *= 40.0
    if name in CODED:
        x[:, 0] = rng.uniform(-20, 170, rows)
    if name in ("columns", *CODED):
        x[:, 1] = rng.integers(-1, 5, rows)
        x[:, 2] = rng.integers(-1, 5, rows) + (rng.random(rows) < 0.1) * 0.5
        x[:, 3], x[:, 4] = rng.integers(7000, 11000, rows), rng.integers(0, 86400, rows) / 86400
        x[rng.random(x.shape) < 0.1] = np.nan
        x[0, 0], x[1, 0] = 1e30, -1e30
    return x.astype(dtype)


def is_exact(name: str, dtype: str) -> bool:
    """Whether the core's bits are to be met: its kernels then have fma, as generated code has."""
    return name not in INEXACT and dtype == "float32" and WITH_FMA


def limit_of(name: str, dtype: str) -> float:
    """How far outputs may be, as a share of the greatest one."""
    limit = {"float32": 2e-6, "float64": 4e-15}[dtype]
    # Where sums are rounded otherwise, as those of float64 are without an instruction fma, waves of
    # large numbers, and a clip to small ones, make more of the difference.
    alike = WITH_FMA and dtype == "float32"
    return limit if alike or name not in ("sin", "embeddings", "residual") else 40 * limit
