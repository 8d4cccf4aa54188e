"""Writes tests/models: files of every version, and their outputs on every instruction set.

Files that are there stay as they are: what makes them worth keeping is that they were written then.
What a later version can write goes into a folder of its own.
Run: python tests/make_saved_models.py
"""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import lamina as lm
from lamina import _core
from lamina.tabular import TableModel, TableWarning
from tables import fit, make, mixed_table

MODELS = Path(__file__).parent / "models"
OUTPUTS = MODELS / "outputs.npz"
ROWS = 6


def rows_of(net: lm.Sequential) -> Any:
    """Rows [ROWS, inputs] for a network, with whole codes where it embeds categories."""
    x = np.random.default_rng(5).normal(size=(ROWS, net.inputs or 0))
    if isinstance(net.layers[0], lm.Embedding):
        x[:, :2] = np.arange(2 * ROWS).reshape(ROWS, 2) % 3
    return x


def table() -> dict[str, Any]:
    """Rows for the table models, with cells that training did not see."""
    names: dict[str, Any] = {**make(ROWS, seed=9), **mixed_table(ROWS)[0]}
    names["colour"][1] = "violet"
    return names


def outputs_of(path: Path) -> Any:
    """What the model of a file gives for these rows."""
    if path.name.startswith("table"):
        with warnings.catch_warnings():  # of what training did not see
            warnings.simplefilter("ignore", TableWarning)
            return TableModel.load(path).outputs(table())
    net = lm.load(path)
    return net.predict(rows_of(net))


def networks() -> dict[str, lm.Sequential]:
    """Small networks that have every layer and activation of the catalogue."""
    activations: list[lm.Layer] = []
    for name in _core.catalogue()["activations"]:
        activations += [lm.Dense(4, name), lm.LayerNorm()]
    inner: list[lm.Layer] = [lm.RMSNorm(), lm.Dense(6, "tanh"), lm.Scale(0.3, shift=True)]
    layers: list[lm.Layer] = [lm.Normalization(), lm.Affine(0.5, 0.1), lm.Clip(-3.0, 3.0)]
    layers += [lm.GaussianNoise(0.1), lm.Dense(8, {"kind": "leaky_relu", "negative_slope": 0.1})]
    layers += [
        lm.BatchNorm(),
        lm.PReLU(),
        lm.Dropout(0.2),
        lm.Residual(inner),
        lm.AlphaDropout(0.1),
    ]
    layers += [lm.ParametricActivation("swish"), lm.Dense(3, "softmax")]
    edges = {0: [-2.0, -0.5, 0.4, 2.0], 2: [-1.0, 1.0]}
    columns: list[lm.Layer] = [lm.Embedding({0: 3, 1: 3}, 2), lm.Activation("tanh")]
    numbers: list[lm.Layer] = [lm.PiecewiseLinear(edges, 3), lm.Dense(5, "relu")]
    waves: list[lm.Layer] = [lm.Periodic([0, 1], units=3, frequencies=4), lm.Dense(2)]
    members: list[lm.Layer] = [lm.Ensemble([lm.Dense(6, "relu"), lm.Dense(2)], k=3)]
    return {
        "activations": lm.Sequential(activations, inputs=3, seed=1),
        "layers": lm.Sequential(layers, inputs=5, seed=2),
        "layers-float64": lm.Sequential(layers, inputs=5, seed=3, dtype="float64"),
        "embedding": lm.Sequential([*columns, lm.Dense(2)], inputs=4, seed=4),
        "piecewise": lm.Sequential([*numbers, lm.Dense(1)], inputs=3, seed=5, scale_targets=True),
        "periodic": lm.Sequential(waves, inputs=2, seed=6),
        "ensemble": lm.Sequential(members, inputs=4, seed=7),
    }


def settled(net: lm.Sequential) -> lm.Sequential:
    """The network with weights that are not the first ones, statistics and scales among them."""
    rng = np.random.default_rng(net.seed)
    changed = {}
    for name, values in net.parameters().items():
        noise = rng.normal(0.0, 0.1, values.shape)
        changed[name] = np.abs(values) + np.abs(noise) if "var" in name else values + noise
    net.set_parameters(changed)
    return net


def table_models() -> dict[str, TableModel]:
    """Models of tables: columns of every kind, quantiles, several targets, several networks."""
    mixed, label = mixed_table()
    made = make(60)
    return {
        "table-classes": fit(
            mixed, label, ignore=[], epochs=2, hidden=[6], calibrate=True, parse_numbers=["price"]
        ),
        "table-quantiles": fit(made, "a", epochs=2, hidden=[6], quantiles=[0.1, 0.9], interval=0.8),
        "table-numbers": fit(made, ["a", "b"], epochs=2, hidden=[6], numbers="piecewise", bins=4),
        "table-several": fit(made, "kind", epochs=2, hidden=[6], n_members=2),
    }


def as_version_2(source: Path, target: Path) -> None:
    """A table model as version 2 wrote it: of one network, without `networks` and their shares."""
    text, tensors = _core.read_model_file(source)
    contents = json.loads(text)
    contents["record"]["version"] = 2
    del contents["record"]["networks"], tensors["networks.shares"]
    _core.write_model_file(target, json.dumps(contents), tensors)


def write_files() -> None:
    """Write the files that are not there yet."""

    def missing(version: str, name: str) -> Path | None:
        path = MODELS / version / f"{name}.lamina"
        path.parent.mkdir(exist_ok=True)
        return None if path.exists() else path

    for name, net in networks().items():
        net = settled(net)
        if path := missing("1", name):
            net.save(path)
        if name in ("layers", "ensemble"):
            for dtype in ("float16", "bfloat16"):
                if path := missing("1.1", f"{name}-{dtype}"):
                    net.save(path, dtype=dtype, selftest=rows_of(net))
    for name, model in table_models().items():
        if path := missing("1", name):
            model.save(path)
        if name == "table-classes" and (path := missing("1.1", name)):
            model.save(path, dtype="float16", selftest=table())
    if path := missing("1", "table-version-2"):
        as_version_2(MODELS / "1" / "table-quantiles.lamina", path)


def all_outputs() -> dict[str, Any]:
    """The outputs of every file on the instruction set in use, by folder and name."""
    files = sorted(MODELS.glob("1*/*.lamina"))
    return {str(path.relative_to(MODELS)): outputs_of(path) for path in files}


def main() -> None:
    """Writes the files, then their outputs on each instruction set, in a process of its own."""
    if len(sys.argv) == 2:
        np.savez(sys.argv[1], **all_outputs())
        return
    write_files()
    kept = dict(np.load(OUTPUTS)) if OUTPUTS.exists() else {}
    for name in _core.build_info()["instruction_sets"]:
        part = MODELS / f"{name}.npz"
        environment = os.environ | {"LAMINA_ISA": name}
        subprocess.run([sys.executable, __file__, str(part)], env=environment, check=True)
        with np.load(part) as found:
            kept = {f"{name}/{key}": found[key] for key in found.files} | kept
        part.unlink()
    np.savez_compressed(OUTPUTS, **kept)


if __name__ == "__main__":
    main()
