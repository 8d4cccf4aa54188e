"""Networks as generated Python and JavaScript."""

import json
from pathlib import Path

import numpy as np
import pytest

from embed.exported_networks import LAYERS, is_exact, limit_of, network, rows_for
from embed.generated_code import module, node, units_apart


@pytest.mark.kernels
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*LAYERS, "mish", "gelu", "log_softmax", "sin"])
def test_python_and_javascript_give_what_predict_gives(
    tmp_path: Path, name: str, dtype: str
) -> None:
    net, x = network(name, dtype), rows_for(name, dtype, 40)
    net.export_python(tmp_path / "model.py", gradient=True)
    net.export_javascript(tmp_path / "model.js", gradient=True)
    python = module(tmp_path / "model.py")
    rows = [[None if value != value else value for value in row] for row in x.tolist()]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    answers = node(tmp_path, _SCRIPT)
    expected, slopes = net.predict(x), net.jacobian(x[3:6])[:, 0]
    assert python.selftest() == answers["selftest"] == 0
    answers_of_python = [python.predict(row) for row in x.tolist()]
    slopes_of_python = [python.gradient(row, 0) for row in x[3:6].tolist()]
    for outputs, gradients in (
        (answers_of_python, slopes_of_python),
        (answers["outputs"], answers["slopes"]),
    ):
        found = np.array(outputs, dtype=dtype)
        if is_exact(name, dtype):
            assert units_apart(found, expected) == 0
        limit = limit_of(name, dtype)
        assert np.abs(found - expected).max() <= limit * np.abs(expected).max()
        off = np.abs(np.array(gradients) - slopes).max()
        assert off <= 5 * limit * max(np.abs(slopes).max(), 1.0)


_SCRIPT = """
const model = require("./model.js");
const rows = JSON.parse(require("fs").readFileSync("rows.json"));
const numbers = rows.map((row) => row.map((value) => (value === null ? NaN : value)));
console.log(JSON.stringify({
  outputs: numbers.map((row) => Array.from(model.predict(row))),
  slopes: numbers.slice(3, 6).map((row) => Array.from(model.gradient(row, 0))),
  selftest: model.selftest(),
}));
"""


def test_javascript_is_a_module_by_import_by_require_and_in_a_browser(tmp_path: Path) -> None:
    net = network("relu", "float32")
    net.export_javascript(tmp_path / "model.js", prefix="my_model")
    net.export_javascript(tmp_path / "model.mjs")
    script = """
      const vm = require("vm");
      const page = { atob, Uint8Array, Float32Array };  // what a browser has; no module, no require
      page.globalThis = page;
      vm.runInNewContext(require("fs").readFileSync("model.js", "utf8"), page);
      Promise.all([import("./model.mjs"), import("./model.js")]).then(([own, common]) => {
        const row = [1, 2, 3, 4, 5, 6, 7];
        const models = [own, common, common.default, require("./model.js"), page.myModel];
        console.log(JSON.stringify(models.map((m) => [m.selftest(), ...m.predict(row)])));
      });
    """
    answers = node(tmp_path, script)
    assert len(answers) == 5
    assert all(answer == answers[0] and answer[0] == 0 for answer in answers)


def test_wrong_rows_raise_in_python_and_javascript(tmp_path: Path) -> None:
    net = network("relu", "float32")
    net.export_python(tmp_path / "model.py")
    net.export_javascript(tmp_path / "model.js")
    with pytest.raises(ValueError, match="x: expected 7 numbers, got 2"):
        module(tmp_path / "model.py").predict([1.0, 2.0])
    call = 'require("./model.js").predict([1])'
    script = f"try {{ {call}; }} catch (error) {{ console.log(JSON.stringify(error.message)); }}"
    assert node(tmp_path, script) == "x: expected 7 numbers, got 1"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ('predict(["1", 2, 3, 4, 5, 6, 7])', "x[0]: expected a number, got string"),
        ("predict([1, 2, null, 4, 5, 6, 7])", "x[2]: expected a number, got object"),
        ("predict([1, 2, 3, 4, 5, 6, undefined])", "x[6]: expected a number, got undefined"),
        ("gradient([1, 2, 3, 4, 5, 6, 7], 0.5)", "expected an output from 0 to 2, got 0.5"),
        ("gradient([1, 2, 3, 4, 5, 6, 7], -1)", "expected an output from 0 to 2, got -1"),
    ],
)
def test_what_is_no_number_raises_in_javascript(tmp_path: Path, call: str, sentence: str) -> None:
    network("relu", "float32").export_javascript(tmp_path / "model.js", gradient=True)
    script = (
        f'try {{ require("./model.js").{call}; }} '
        "catch (error) { console.log(JSON.stringify(error.message)); }"
    )
    assert node(tmp_path, script) == sentence
