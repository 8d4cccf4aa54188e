"""Networks at random, with every layer among them, and rows at random, for tests of exports."""

from typing import Any

import numpy as np

import lamina as lm

ELEMENTWISE: list[Any] = [
    *("identity", "relu", "sigmoid", "tanh", "softplus", "gelu", "gelu_tanh", "silu", "selu"),
    *("mish", "softsign", "log_sigmoid", "hard_sigmoid", "hard_tanh", "hard_swish", "relu6"),
    *("gaussian", {"kind": "leaky_relu", "negative_slope": 0.1}, {"kind": "elu", "alpha": 2.0}),
    *({"kind": "celu", "alpha": 1.5}, {"kind": "sin", "frequency": 3.0}),
]
ACTIVATIONS = [*ELEMENTWISE, "softmax", "log_softmax", "step"]
# What a parameter is multiplied by in a network of extremes: beyond float32's range at both ends.
EXTREMES = (0.0, 1e-43, 1e-30, 1e-12, 1.0, 1.0, 1.0, 1e6, 1e18, 1e36)
USUAL_EDGES = (0.0, -0.0, 1e-20, 1.0, -1.0, 100.0)
EDGES = (*USUAL_EDGES, 1e-45, -1e-40, -1e10, 1e30, -3e38)


class RandomNetwork:
    """A network that a seed decides.

    Attributes:
        net: the network. missing: columns in which a row may lack its value.
        is_continuous: it has a gradient, and small errors stay small.
    """

    def __init__(self, seed: int, dtype: str = "float32", *, extreme: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        self.extreme, self.inputs = extreme, self._width()
        self.missing: list[int] = []
        layers = [*self._first(), *self._some(self._count(0, 4)), *self._last()]
        self.net = lm.Sequential(layers, inputs=self.inputs, seed=seed, dtype=dtype)  # type: ignore[arg-type]
        first = self.net.parameters()
        self.net.set_parameters({k: self._moved(k, v) for k, v in first.items()})
        # A network none of whose outputs are numbers is not exported.
        usual = self.rng.normal(size=(8, self.inputs))
        while not np.isfinite(self.net.predict(usual)).all():
            self.net.set_parameters({k: self._moved(k, v) for k, v in first.items()})
        text, first_is = str(self.net.layers), isinstance(layers[0], lm.Embedding)
        self.is_continuous = "'step'" not in text and text.count("Embedding(") == int(first_is)

    def rows(self, count: int) -> Any:
        """Rows [count, inputs]: numbers of about 1, some of them at the edges, some missing."""
        x = self.rng.normal(size=(count, self.inputs)) * self.rng.choice([0.01, 1, 30], (count, 1))
        edge = self.rng.random(x.shape) < self.rng.choice([0.0, 0.3, 1.0], (count, 1))
        edges = EDGES if self.extreme else USUAL_EDGES
        x = np.where(edge, self.rng.choice(edges, x.shape), x)
        for column in self.missing:
            codes = self.rng.integers(-1, 12, count) + self.rng.choice([0.0, 0.0, 0.5], count)
            x[:, column] = np.where(self.rng.random(count) < 0.5, codes, x[:, column])
            x[self.rng.random(count) < 0.2, column] = np.nan
        return x.astype(self.net.dtype)

    def check(self, x: Any, outputs: Any, limits: dict[str, float]) -> None:
        """Assert that outputs are those of `predict`, as far as a network of usual numbers tells.

        Args:
            limits: by dtype, the share of the greatest output that an error may be, beside what
                the last digits of inputs and weights make.
        """
        if self.extreme or not self.is_continuous:
            return
        expected = self.net.predict(x)
        moved = np.abs(self._in_last_digits().predict(self._blurred(x)) - expected)
        limit = limits[self.net.dtype] * np.abs(expected).max() + 4 * moved.max(axis=1)[:, None]
        assert (np.abs(outputs - expected) <= limit).all(), self.net.layers

    def _blurred(self, values: Any) -> Any:
        """Numbers that differ in their last digits."""
        signs = self.rng.choice([-8, 8], values.shape) * np.finfo(values.dtype).eps
        return values * (1 + signs).astype(values.dtype)

    def _in_last_digits(self) -> lm.Sequential:
        """The network with weights that differ in their last digits."""
        net = lm.Sequential(self.net.layers, inputs=self.inputs, dtype=self.net.dtype)
        given = self.net.parameters().items()
        changed = {k: v if k.endswith("rows") else self._blurred(v) for k, v in given}
        net.set_parameters(changed)
        return net

    def _count(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def _width(self) -> int:
        return self._count(1, 4) if self.rng.random() < 0.3 else self._count(1, 70)

    def _one(self, choices: Any) -> Any:
        return choices[self._count(0, len(choices) - 1)]

    def _flag(self, probability: float = 0.5) -> bool:
        return bool(self.rng.random() < probability)

    def _moved(self, name: str, values: Any) -> Any:
        if name.endswith("rows"):
            return np.full_like(values, 9.0)
        moved = values + self.rng.normal(size=values.shape) * self._one([0.1, 1.0])
        if self.extreme and not name.endswith(("frequencies", "mean_low")):
            with np.errstate(over="ignore"):
                moved = moved * self._one(EXTREMES)
        if name.endswith(("running_var", "deviation")) or ".scale" in name:
            moved = np.abs(moved) + 0.1
        if name.endswith((".low", ".high")):
            moved = np.full_like(values, -4.0 if name.endswith("low") else 3.0)
        with np.errstate(over="ignore"):
            return np.nan_to_num(moved.astype(values.dtype))

    def _first(self) -> list[lm.Layer]:
        """A layer that may stand at the beginning alone, or none."""
        n = self.inputs
        columns = sorted(self.rng.permutation(n)[: self._count(1, min(n, 6))].tolist())
        match self._count(0, 8):
            case 0:
                return [lm.Normalization()]
            case 1:
                self.missing = columns
                return [lm.Embedding({c: self._count(1, 9) for c in columns}, self._count(1, 5))]
            case 2:
                self.missing = columns
                edges = {c: self._edges() for c in columns}
                relu = {"version": "A", "activation": "relu"} if self._flag() else {}
                return [lm.PiecewiseLinear(edges, self._count(1, 5), **relu)]  # type: ignore[arg-type]
            case 3:
                self.missing = columns
                shared, form = self._flag(), self._one(["pbld", "plr"])
                units, waves = self._count(2, 6), self._count(1, 9)
                return [lm.Periodic(columns, form, units, waves, 0.2, shared=shared)]
            case 4:
                self.missing = list(range(n))
                return [self._columns()]
            case 5:
                return [lm.Affine(*self._one([(1 / 255, 0.0), ([0.5] * n, -1.0)]))]
        return []

    def _edges(self, most: int = 12) -> list[float]:
        edges = np.cumsum(self.rng.uniform(0.01, 1.0, self._count(2, most))).round(3) - 2
        return [float(edge) for edge in edges]

    def _columns(self) -> lm.Layer:
        made: list[Any] = []
        while (left := self.inputs - sum(column.inputs for column in made)) > 0:
            kind, indicator = self._count(0, 4 if left > 1 else 3), self._flag(0.3)
            limit = self._one([0.0, 3.0])
            if kind == 0:
                made.append(lm.NumberEncoding(limit=limit, indicator=indicator, fill=0.5))
            elif kind == 1:
                made.append(lm.NumberEncoding(self._edges(90), limit=limit, indicator=indicator))
            elif kind == 2:
                made.append(lm.CategoryEncoding(self._count(1, 30), indicator=indicator))
            elif kind == 3:
                made.append(lm.CodeEncoding(self._count(1, 9)))
            else:
                made.append(lm.DateEncoding(9.0, 4.0, limit, indicator=indicator))
        return lm.ColumnEncoding(made)

    def _dense(self, units: int | None = None, activation: Any = None) -> lm.Layer:
        chosen = self._one(ELEMENTWISE) if activation is None else activation
        ways = {"bias": self._flag(0.8), "parametrization": self._one(["standard"] * 4 + ["ntk"])}
        return lm.Dense(units or self._width(), chosen, **ways)

    def _some(self, count: int, depth: int = 0) -> list[lm.Layer]:
        """Layers that may stand anywhere."""
        return [self._any(depth) for _ in range(count)]

    def _any(self, depth: int) -> lm.Layer:
        scale, shift = self._flag(), self._flag()
        # A small one makes of a row's last digits numbers of about 1.
        epsilons = [1e-12, 1e-5] if self.extreme else [1e-3, 1.0]
        match self._count(0, 19):
            case 0:
                return lm.Activation(self._one(ACTIVATIONS))
            case 1:
                return lm.BatchNorm(scale=scale, shift=shift, epsilon=self._one([1e-5, 1e-12]))
            case 2:
                return lm.LayerNorm(self._one(epsilons), scale, shift)
            case 3:
                return lm.RMSNorm(self._one(epsilons), scale)
            case 4:
                return lm.PReLU(shared=self._flag())
            case 5:
                return lm.ParametricActivation(self._one(ELEMENTWISE), 0.7)
            case 6:
                return lm.Scale(2.0, shift=shift)
            case 7:
                return lm.Affine(self._one([-2.0, 0.25]), self._one([0.0, 3.0]))
            case 8:
                return lm.Clip(*self._one([(-1.0, 3.0), (None, 0.5), (-0.5, None)]))
            case 9:
                return self._one([lm.Dropout(0.3), lm.AlphaDropout(0.1), lm.GaussianNoise(1.0)])
            case 10 | 11 if depth < 3:
                return lm.Residual(
                    self._some(self._count(1, 3), depth + 1), self._one(["auto", True])
                )
            case 12:
                return lm.Embedding({0: self._count(1, 9)}, self._count(1, 3))
            case 13:
                return lm.Periodic([0], self._one(["pbld", "plr"]), 3, 4, 0.2)
        return self._dense()

    def _last(self) -> list[lm.Layer]:
        outputs = self._count(1, 6)
        kinds = [kind for kind in ACTIVATIONS if kind not in ("log_sigmoid", "log_softmax")]
        if self._flag(0.3):  # of members, whose outputs have a mean
            head, members = self._dense(outputs, self._one(kinds)), self._count(1, 7)
            inner = [*self._some(self._count(0, 3)), head]
            return [lm.Ensemble(inner, members, self._one(["first", "all"]))]
        if self._flag(0.2):
            return [self._dense(outputs, "identity"), lm.TargetScaling(clip=self._flag())]
        return [self._dense(outputs, self._one(ACTIVATIONS))]
