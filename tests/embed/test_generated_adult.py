"""Adult's model as generated C, against Python on the official test rows."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("polars")

from embed.generated_code import (
    C_COMPILERS,
    compiled,
    module,
    node,
    table_answers,
    table_driver,
    units_apart,
)
from lamina import _core
from lamina.cli._read import TextFormat, read_table
from lamina.tabular import TableModel

FOLDER = Path(__file__).parents[2] / "examples" / "adult"
pytestmark = pytest.mark.filterwarnings("ignore::lamina.tabular.TableWarning")
# The core's kernels have fma in these; in others their own roundings are what is different.
WITH_FMA = _core.build_info()["instruction_set"] not in ("sse2", "portable")


def read(part: str, step: int = 1) -> dict[str, Any]:
    """Every `step`-th row of a table."""
    table = read_table(FOLDER / f"adult-{part}.csv.gz", TextFormat())
    return {name: np.array(column.tolist(), dtype=object)[::step] for name, column in table.items()}


def compare(model: TableModel, table: Any, folder: Path, compilers: Any) -> None:
    """The C of every compiler within 4 units of float32 of Python, for all rows."""
    exported = model.export_c(folder / "model.h")
    expected = model.predict_probabilities(table)
    names = model.preprocessor.column_names
    kinds = {
        e.name: "text" if e.kind == "category" else "number" for e in model.preprocessor.encoders
    }
    rows = list(zip(*(table[name].tolist() for name in names), strict=True))
    source = table_driver(folder / "model.h", kinds, 2)
    for compiler in compilers:
        found = table_answers(compiled(source, compiler), rows, 2)
        assert (found[:, 0] == 0).all()
        assert units_apart(found[:, 1:].astype(np.float32), expected.astype(np.float32)) <= 4
    assert exported.constants > 10_000


@pytest.fixture(scope="module")
def small() -> TableModel:
    """A model of some of the rows, quickly trained."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options: dict[str, Any] = {"preset": "ensemble", "n_members": 2, "epochs": 2}
        return TableModel.fit(
            read("train", 40), target="income", hidden=[64], verbose=False, **options
        )


@pytest.mark.kernels
@pytest.mark.skipif(not WITH_FMA, reason="the core's kernels have no fma here")
def test_c_for_adult_is_within_four_units_of_python(small: TableModel, tmp_path: Path) -> None:
    compare(small, read("test", 8), tmp_path, ["gcc"])


@pytest.mark.kernels
@pytest.mark.skipif(not WITH_FMA, reason="the core's kernels have no fma here")
def test_python_and_javascript_for_adult_too(small: TableModel, tmp_path: Path) -> None:
    table = read("test", 800)
    small.export_python(tmp_path / "model.py")
    small.export_javascript(tmp_path / "model.js")
    expected = small.predict_probabilities(table).astype(np.float32)
    names = small.preprocessor.column_names
    rows = [
        dict(zip(names, row, strict=True))
        for row in zip(*(table[n].tolist() for n in names), strict=True)
    ]
    found = np.array([module(tmp_path / "model.py").predict_row(row) for row in rows[:1]])
    python = module(tmp_path / "model.py")
    found = np.array([python.predict_row(row) for row in rows], np.float32)
    assert units_apart(found, expected) <= 4
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    script = (
        'const model = require("./model.js"); const rows = require("./rows.json");'
        "console.log(JSON.stringify(rows.map((row) => Array.from(model.predictRow(row)))))"
    )
    assert units_apart(np.array(node(tmp_path, script), np.float32), expected) <= 4


@pytest.mark.long
@pytest.mark.kernels
@pytest.mark.skipif(not WITH_FMA, reason="the core's kernels have no fma here")
@pytest.mark.parametrize("preset", ["plain", "ensemble"])
def test_c_for_adult_is_within_four_units_on_all_test_rows(preset: str, tmp_path: Path) -> None:
    model = TableModel.fit(read("train"), target="income", preset=preset, verbose=False)
    table = read("test")
    assert len(table["age"]) == 16281
    compare(model, table, tmp_path, C_COMPILERS)
