"""Record the published RealMLP-TD-S on rows of the phoneme data into torch_realmlp.npz.

Run: `python tests/parity/record_torch_realmlp.py STANDALONE PHONEME`, with a copy of
https://github.com/dholzmueller/realmlp-td-s_standalone (its files `mlp.py` and `preprocessing.py`)
and the phoneme data as text: five numbers and a class a line (OpenML 1489), apart by tabs
or commas. Needs PyTorch 2.13, scikit-learn and pandas; CPU, one thread.

The classes of those files run as they are, for all their 256 epochs. What they draw is replaced:
the first weights by `first_weights`, which any reader can draw again, and the order of rows by
`epoch_order`. The program works in float32, whose roundings grow to differences within some
epochs; so that all of it can be compared, it runs in float64 too, given that type for float32.

    about                 JSON: versions and sizes
    {task}/x, y           [1024, n], [1024] rows after the published preprocessing, exact in float32
    {task}/val_x, val_y   [300, n], [300]
    {task}/D/losses       [steps] of each batch before its step; of float32 the first 40
    {task}/float64/outputs  of the validation rows by the weights that the program keeps

Tasks: "classes" (the class; outputs are probabilities) and "values" (the first column from the
others, standardised by the program; outputs are in the column's own unit).
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROWS, VALIDATION, WIDTH, EPOCHS, BATCH = 1024, 300, 256, 256, 256
FLOAT32_STEPS = 40


def first_weights(inputs: int, outputs: int) -> dict[str, np.ndarray]:
    """Weights [inputs, outputs] and biases like the program's, by numpy's frozen generator."""
    random, widths = np.random.RandomState(7), [inputs, WIDTH, WIDTH, WIDTH, outputs]
    drawn = {}
    for layer in range(4):
        shape = (widths[layer], widths[layer + 1])
        factor = 0.0 if layer == 3 else 1.0
        drawn[f"{layer}.weight"] = factor * random.standard_normal(shape).astype(np.float32)
        drawn[f"{layer}.bias"] = factor * random.standard_normal(shape[1]).astype(np.float32)
    return drawn


def epoch_order(rows: int, epoch: int) -> np.ndarray:
    """Row numbers of an epoch, from 0."""
    return np.random.RandomState(1000 + epoch).permutation(rows)


class Orders(torch.utils.data.Sampler):
    """The rows in the order of one epoch after the other."""

    def __init__(self, rows: int) -> None:
        self.rows, self.epoch = rows, -1

    def __iter__(self) -> Iterator[int]:
        self.epoch += 1
        return iter(epoch_order(self.rows, self.epoch).tolist())

    def __len__(self) -> int:
        return self.rows


class Like:
    """A module with some of its names replaced."""

    def __init__(self, module: Any, **names: Any) -> None:
        self.__dict__.update(names)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def published(folder: Path) -> Any:
    """The module `mlp`, whose names of numpy are those from before version 2."""
    for name, value in (("Inf", np.inf), ("NaN", np.nan)):
        setattr(np, name, value)
    sys.path.insert(0, str(folder))
    import mlp

    return mlp


def run(mlp: Any, dtype: torch.dtype, is_classes: bool, data: dict[str, np.ndarray]) -> Any:
    """The program's fitted model, and the loss of each step."""
    drawn = first_weights(data["x"].shape[1], 2 if is_classes else 1)
    losses: list[float] = []
    made = iter(range(4))
    loader, linear = torch.utils.data.DataLoader, mlp.NTPLinear

    class Linear(linear):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            layer = next(made)
            with torch.no_grad():
                self.weight.copy_(torch.tensor(drawn[f"{layer}.weight"]))
                self.bias.copy_(torch.tensor(drawn[f"{layer}.bias"])[None])

    def noting(kind: type[torch.nn.Module]) -> type[torch.nn.Module]:
        class Noting(kind):  # type: ignore[misc, valid-type]
            def forward(self, *arguments: Any) -> torch.Tensor:
                value = super().forward(*arguments)
                losses.append(value.item())
                return value

        return Noting

    def load(dataset: Any, *, shuffle: bool, **options: Any) -> Any:
        order = {"sampler": Orders(len(dataset))} if shuffle else {}
        return loader(dataset, **order, **options)

    torch.set_default_dtype(dtype)
    names = vars(mlp)
    before = dict(names)
    names["torch"] = Like(torch, float32=dtype)
    names["nn"] = Like(
        torch.nn,
        CrossEntropyLoss=noting(torch.nn.CrossEntropyLoss),
        MSELoss=noting(torch.nn.MSELoss),
    )
    names["NTPLinear"], names["DataLoader"] = Linear, load
    try:
        model = mlp.SimpleMLP(is_classes)
        model.fit(data["x"], data["y"], data["val_x"], data["val_y"])
        inputs = data["val_x"]
        outputs = model.predict_proba(inputs) if is_classes else model.predict(inputs)
    finally:
        names.update(before)
        torch.set_default_dtype(torch.float32)
    return np.array(losses), outputs


def main() -> None:
    torch.set_num_threads(1)
    mlp = published(Path(sys.argv[1]))
    text = Path(sys.argv[2]).read_text(encoding="utf-8").replace(",", "\t")
    lines = [line.split("\t") for line in text.splitlines()]
    table = np.array([[float(cell) for cell in line] for line in lines])
    table = table[np.random.RandomState(0).permutation(len(table))[: ROWS + VALIDATION]]
    about = {"torch": torch.__version__, "rows": ROWS, "epochs": EPOCHS, "batch": BATCH}
    arrays: dict[str, np.ndarray] = {"about": np.array(json.dumps(about))}
    for task, x, y in (
        ("classes", table[:, :5], table[:, 5].astype(np.int64)),
        ("values", table[:, 1:5], table[:, 0]),
    ):
        # The pipeline's other part encodes categories, of which there are none.
        scaling = sys.modules["preprocessing"].RobustScaleSmoothClipTransform()
        data = {"x": scaling.fit_transform(x[:ROWS]), "val_x": scaling.transform(x[ROWS:])}
        data = {name: array.astype(np.float32) for name, array in data.items()}
        data |= {"y": y[:ROWS], "val_y": y[ROWS:]}
        arrays |= {f"{task}/{name}": array for name, array in data.items()}
        for name, dtype in (("float32", torch.float32), ("float64", torch.float64)):
            losses, outputs = run(mlp, dtype, task == "classes", data)
            print(task, name, len(losses), losses[0], losses[-1])
            arrays[f"{task}/{name}/losses"] = losses[: FLOAT32_STEPS if name == "float32" else None]
            if name == "float64":
                arrays[f"{task}/{name}/outputs"] = outputs
    path = Path(__file__).with_name("torch_realmlp.npz")
    np.savez_compressed(path, **arrays)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
