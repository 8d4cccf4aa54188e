"""Models of tables as generated C, JavaScript and Python: columns, targets, presets, cells."""

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embed.generated_code import (
    compiled,
    module,
    node,
    run,
    table_answers,
    table_driver,
    units_apart,
)
from lamina._export._identifiers import identifiers
from lamina.tabular import TableModel, TableWarning
from tables import OPTIONS, fit, make

FUNCTIONS = {
    "predict_row": "predictRow",
    "predict_quantiles": "predictQuantiles",
    "predict_interval": "predictInterval",
}


def numbers_table(rows: int = 200) -> dict[str, Any]:
    table = make(rows)
    table["x"][3] = np.nan
    return table


def answers_of(model: TableModel, table: Any, function: str) -> Any:
    """What a function of a row gives for all rows, by the model itself."""
    if function != "predict_row":
        ask = model.predict_quantiles if "quantiles" in function else model.predict_interval
        return ask(table).reshape(len(table["x"]), -1)
    if model.target.task == "classification":
        return model.predict_probabilities(table)
    return np.asarray(model.predict(table)).reshape(len(table["x"]), -1)


TARGETS: list[tuple[Any, dict[str, Any]]] = [
    ("kind", {}),
    ("kind", {"calibrate": True}),
    ("a", {}),
    (["a", "b"], {"interval": 0.8, "quantiles": [0.3]}),
    ("kind", {"preset": "realmlp-td", "epochs": 2, "hidden": [8]}),
    ("a", {"preset": "tabm-mini", "epochs": 2, "hidden": [16]}),
    ("a", {"preset": "realmlp-td-s", "epochs": 2, "hidden": [8]}),
    ("kind", {"preset": "ensemble", "epochs": 2, "n_members": 3, "hidden": [8]}),
]


@pytest.mark.kernels
@pytest.mark.parametrize(("target", "options"), TARGETS)
@pytest.mark.filterwarnings("ignore::lamina.tabular.TableWarning")
def test_each_target_and_preset_is_as_the_model_says(
    tmp_path: Path, target: Any, options: Any
) -> None:
    model = fit(numbers_table(), target, **options)
    x = [-1.0, -0.3, 0.0, 0.25, 0.9999, 5.0, None, 1e30]
    table = {"x": np.array([np.nan if value is None else value for value in x])}
    model.export_c(tmp_path / "model.h")
    model.export_python(tmp_path / "model.py")
    model.export_javascript(tmp_path / "model.js")
    python = module(tmp_path / "model.py")
    functions = [name for name in FUNCTIONS if hasattr(python, name)]
    assert python.selftest() == 0
    for function in functions:
        expected = answers_of(model, table, function)
        count = expected.shape[1]
        source = table_driver(tmp_path / "model.h", {"x": "number"}, count, function)
        in_c = table_answers(compiled(source), [[value] for value in x], count)
        assert (in_c[:, 0] == 0).all()
        script = (
            f'const model = require("./model.js"); const x = {json.dumps(x)};'
            f"console.log(JSON.stringify([model.selftest(), x.map((value) => "
            f"Array.from(model.{FUNCTIONS[function]}({{x: value}})))]))"
        )
        selftest, in_javascript = node(tmp_path, script)
        assert selftest == 0
        in_python = [getattr(python, function)({"x": value}) for value in x]
        for found in (in_c[:, 1:], in_javascript, in_python):
            off = np.abs(np.asarray(found) - expected).max()
            assert off <= 1e-6 * max(np.abs(expected).max(), np.abs(expected).std())
    has_spread = "interval" in options
    assert len(functions) == (3 if has_spread else 1)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[TableModel, Path]:
    """A model whose columns are of every kind, with names that are no identifiers."""
    rng = np.random.default_rng(0)
    rows = 300
    day = np.datetime64("2020-01-01") + rng.integers(0, 900, rows).astype("timedelta64[D]")
    table: dict[str, Any] = {
        "unit price (€)": rng.normal(5, 2, rows).round(2),
        "class": rng.choice(["a?b", 'quo"te', "größe", "*/", "x"], rows).astype(object),
        "grade": rng.choice(["1", "2.5", "1000", "007"], rows).astype(object),
        "paid": rng.choice(["true", "false"], rows).astype(object),
        "9th": day,
        "Class": rng.integers(0, 2, rows).astype(np.float64),
    }
    for name in ("class", "grade"):
        table[name][rng.random(rows) < 0.1] = None
    table["unit price (€)"][:9] = np.nan
    table["unit price (€)"][9:20] = -999.0
    score = table["unit price (€)"] + 2.0 * (table["class"] == "x") + (table["paid"] == "true")
    table["y"] = np.where(np.nan_to_num(score) > 6.0, "high", "low").astype(object)
    options = OPTIONS | {"missing": [-999], "categorical": ["grade"], "numeric": ["Class"]}
    model = TableModel.fit(table, target="y", **options)
    folder = tmp_path_factory.mktemp("mixed")
    model.export_c(folder / "model.h")
    model.export_python(folder / "model.py")
    model.export_javascript(folder / "model.js")
    return model, folder


# Cells of the columns above, and what each means.
CELLS = [
    [4.5, "x", "1", "true", "2020-05-06", 1.0],
    [None, None, None, None, None, None],
    [-999.0, "a?b", "1.0", "TRUE", "2021-12-31", 0.0],
    [1e6, 'quo"te', "1e3", "1", "1969-12-31", 7.0],
    [4.5, "größe", "2.50", "0", "2020-02-29", 1.0],
    [4.5, "*/", "+2.5", "False", "2030-01-01", 0.0],
    [4.5, " x ", "007", "false", "2020-01-01", 0.0],
    [4.5, "unseen", "7", "maybe", "2020-01-01", 0.0],
    [4.5, "NA", "0001", "?", "2020-01-01", 0.0],
    [4.5, "?", "1,0", "t", "2020-01-01", 0.0],
]


def as_table(model: TableModel, rows: Any) -> dict[str, Any]:
    """Rows of cells as columns of the model; blanks around texts are what readers take away."""
    columns: dict[str, Any] = {}
    for i, name in enumerate(model.preprocessor.column_names):
        values = [row[i] for row in rows]
        kind = model.preprocessor.encoders[i].kind
        if kind == "number":
            columns[name] = np.array([np.nan if v is None else v for v in values])
        elif kind == "date":
            columns[name] = np.array(["NaT" if v is None else v for v in values], "datetime64[D]")
        else:
            columns[name] = np.array([v if v is None else v.strip() for v in values], dtype=object)
    return columns


def seconds(day: str | None) -> float | None:
    if day is None:
        return None
    moment = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.UTC)
    return moment.timestamp()


def with_seconds(row: Any, kinds: list[str]) -> list[Any]:
    """The row with its dates as generated code has them."""
    return [seconds(v) if k == "date" else v for v, k in zip(row, kinds, strict=True)]


@pytest.mark.filterwarnings("ignore::lamina.tabular.TableWarning")
def test_cells_mean_what_they_mean_in_the_table(mixed: tuple[TableModel, Path]) -> None:
    model, folder = mixed
    kinds = [encoder.kind for encoder in model.preprocessor.encoders]
    assert sorted(kinds) == ["category"] * 3 + ["date"] + ["number"] * 2
    expected = model.predict_probabilities(as_table(model, CELLS))
    names = model.preprocessor.column_names
    rows = [
        [seconds(v) if k == "date" else v for v, k in zip(row, kinds, strict=True)] for row in CELLS
    ]
    fields = dict(
        zip(
            identifiers(names),
            ["text" if kind == "category" else "number" for kind in kinds],
            strict=True,
        )
    )
    in_c = table_answers(compiled(table_driver(folder / "model.h", fields, 2)), rows, 2)
    objects = [dict(zip(names, row, strict=True)) for row in rows]
    script = (
        f'const model = require("./model.js"); const rows = {json.dumps(objects)};'
        "console.log(JSON.stringify(rows.map((row) => Array.from(model.predictRow(row)))))"
    )
    python = module(folder / "model.py")
    assert (in_c[:, 0] == 0).all()
    for found in (in_c[:, 1:], node(folder, script), [python.predict_row(row) for row in objects]):
        assert np.abs(np.asarray(found) - expected).max() <= 1e-6
    classes = [python.predict_class(row) for row in objects]
    assert classes == model.predict(as_table(model, CELLS)).tolist()


def test_fields_are_identifiers_and_none_is_there_twice(mixed: tuple[TableModel, Path]) -> None:
    text = (mixed[1] / "model.h").read_text()
    for field in ("double unit_price", "char* class_2", "double column_9th", "double Class"):
        assert f"{field};" in text
    text.encode("ascii")
    names = ["a b", "a-b", "", "int", "A_B", "größe", "数", "1", "a_b_2"]
    fields = ["a_b", "a_b_2", "column_3", "int_4", "A_B_5", "groe", "column_7", "column_1"]
    assert identifiers(names) == [*fields, "a_b_2_9"]


def test_a_number_beyond_measure_is_told_and_writes_nothing(
    mixed: tuple[TableModel, Path], tmp_path: Path
) -> None:
    model, folder = mixed
    place = model.preprocessor.column_names.index("unit price (€)")
    source = folder / "beyond.c"
    source.write_text(
        '#include <stdio.h>\n#include "model.h"\nint main(void) {\n'
        "  model_row row = model_empty_row();\n  double y[2] = {7, 7};\n"
        "  row.unit_price = 1e101;\n"
        '  int wrong = model_predict_row(&row, y);\n  printf("%d %g %g", wrong, y[0], y[1]);\n'
        "  return 0;\n}\n"
    )
    assert run(compiled(source), b"")[0].decode() == f"{place + 1} 7 7"
    python = module(folder / "model.py")
    row = dict.fromkeys(python.COLUMNS)
    with pytest.raises(ValueError, match=r"'unit price .*expected a number of at most 1e"):
        python.predict_row(row | {"unit price (€)": float("inf")})
    with pytest.raises(ValueError, match="no column 'paid'"):
        python.predict_row({name: None for name in row if name != "paid"})
    with pytest.raises(TypeError, match="expected a number, got '4'"):
        python.predict_row(row | {"unit price (€)": "4"})


def test_cells_of_another_kind_raise_in_python_and_javascript(
    mixed: tuple[TableModel, Path],
) -> None:
    python = module(mixed[1] / "model.py")
    row = dict.fromkeys(python.COLUMNS)
    with pytest.raises(TypeError, match=r"column 'grade': expected a text, got \['1'\]"):
        python.predict_row(row | {"grade": ["1"]})
    cases = {
        '"unit price (\\u20ac)": {}': "column unit price (€): expected a number, got object",
        '"grade": new Date(0)': "column grade: expected a text, got object",
        '"9th": new Date("no date")': "column 9th: expected a date or null, got an invalid Date",
        '"9th": "2020-01-01"': "column 9th: expected a number, got string",
    }
    script = (
        'const { predictRow, columns } = require("./model.js");'
        "const row = Object.fromEntries(columns.map((name) => [name, null])); const told = [];"
        f"for (const own of [{', '.join(f'{{{case}}}' for case in cases)}]) {{"
        "  try { predictRow({ ...row, ...own }); } catch (error) { told.push(error.message); }"
        "} console.log(JSON.stringify(told));"
    )
    assert node(mixed[1], script) == list(cases.values())


def test_python_takes_dates_and_values_that_are_no_texts(mixed: tuple[TableModel, Path]) -> None:
    python = module(mixed[1] / "model.py")
    row = dict.fromkeys(python.COLUMNS)
    day = datetime.date(2020, 5, 6)
    aware = datetime.datetime(2020, 5, 6, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    answers = [
        python.predict_row(row | {"9th": each}) for each in (day, aware, seconds("2020-05-06"))
    ]
    assert answers[0] == answers[1] == answers[2] != python.predict_row(row)
    for value, text in ((1, "1"), (2.5, "2.5"), (1000.0, "1000")):
        assert python.predict_row(row | {"grade": value}) == python.predict_row(
            row | {"grade": text}
        )
    assert python.predict_row(row | {"paid": True}) == python.predict_row(row | {"paid": "true"})


@pytest.mark.filterwarnings("ignore::lamina.tabular.TableWarning")
def test_a_table_in_integers_answers_almost_as_the_model(
    mixed: tuple[TableModel, Path], tmp_path: Path
) -> None:
    model, _ = mixed
    table = as_table(model, CELLS)
    plain = model.export_c(tmp_path / "plain.h")
    small = model.export_python(tmp_path / "model.py", dtype="int8", calibration=table)
    model.export_c(tmp_path / "model.h", dtype="int8", calibration=table)
    assert small.constants < plain.constants
    python = module(tmp_path / "model.py")
    assert python.selftest() == 0
    source = tmp_path / "main.c"
    source.write_text('#include "model.h"\nint main(void) { return model_selftest(); }\n')
    assert run(compiled(source), b"")[1] == 0
    names, kinds = model.preprocessor.column_names, [e.kind for e in model.preprocessor.encoders]
    expected = model.predict_probabilities(table)
    for row, probabilities in zip(CELLS, expected, strict=True):
        found = python.predict_row(dict(zip(names, with_seconds(row, kinds), strict=True)))
        assert abs(found[1] - probabilities[1]) < 0.05


def test_the_gradient_of_a_table_is_refused(mixed: tuple[TableModel, Path], tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"gradient is of networks of numbers.*TableModel\.network"
    ):
        mixed[0].export_c(tmp_path / "model.h", gradient=True)
    with pytest.raises(ValueError, match="needs calibration"):
        mixed[0].export_c(tmp_path / "model.h", dtype="int8")


def test_the_network_of_a_table_has_a_gradient_by_encoded_rows(
    mixed: tuple[TableModel, Path], tmp_path: Path
) -> None:
    model, _ = mixed
    model.network.export_python(tmp_path / "model.py", gradient=True)
    x = model.preprocessor.transform(as_table(model, CELLS[:1]))
    slopes = module(tmp_path / "model.py").gradient(x[0].tolist(), 0)
    assert np.abs(np.array(slopes) - model.network.jacobian(x)[0, 0]).max() < 1e-6


def test_units_apart_counts_over_zero() -> None:
    a = np.array([-1e-45, 1.0], np.float32)
    assert (
        units_apart(a, np.array([1e-45, np.nextafter(np.float32(1), np.float32(2))], np.float32))
        == 2
    )


@pytest.mark.parametrize("compiler", ["gcc", "clang++"])
def test_infinity_may_stand_for_a_missing_number(tmp_path: Path, compiler: str) -> None:
    table = numbers_table(80)
    table["x"][::7] = np.inf
    model = fit(table, "a", missing=["inf"], epochs=1)
    model.export_c(tmp_path / "model.h")
    source = table_driver(tmp_path / "model.h", {"x": "number"}, 1)
    found = table_answers(compiled(source, compiler), [["inf"], [None]], 1)
    assert found[0].tolist() == found[1].tolist()
    assert found[0, 0] == 0


def test_true_among_other_texts_is_found_in_any_letters(tmp_path: Path) -> None:
    answer = np.resize(np.array(["True", "False", "maybe"], dtype=object), 90)
    table = {"answer": answer, "y": np.resize([1.0, 2.0, 3.0], 90) + np.arange(90) / 1e3}
    model = TableModel.fit(table, target="y", **OPTIONS | {"categorical": ["answer"]})
    texts = ["True", "TRUE", "true ", "FALSE", "false", "maybe", "Maybe", "tru", "truest", "1"]
    cells = {"answer": np.array([text.strip() for text in texts], dtype=object)}
    with pytest.warns(TableWarning):
        expected = model.predict(cells)
    model.export_c(tmp_path / "model.h")
    model.export_python(tmp_path / "model.py")
    source = table_driver(tmp_path / "model.h", {"answer": "text"}, 1)
    in_c = table_answers(compiled(source), [[text] for text in texts], 1)[:, 1]
    python = module(tmp_path / "model.py")
    in_python = [python.predict_row({"answer": text})[0] for text in texts]
    for found in (in_c, in_python):
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert len(set(expected.tolist())) == 4
