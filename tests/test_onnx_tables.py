"""Models of tables as models of ONNX: columns in, classes, numbers, quantiles and intervals out."""

import gzip
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra onnx")
pytest.importorskip("onnxruntime", reason="needs the extra test")

import onnx

import lamina as lm
from lamina.tabular import PRESETS, TableModel, TableWarning
from onnx_runs import Array, assert_close, run_both, table_feeds

ROWS = 300
RNG = np.random.default_rng(0)
TABLE: dict[str, Any] = {
    "num": np.where(np.arange(ROWS) % 7 == 0, np.nan, RNG.normal(size=ROWS) * 100),
    "count": RNG.integers(0, 9, ROWS),
    "cat": np.where(np.arange(ROWS) % 11 == 0, None, RNG.choice(["a", "b", "c", "dd"], ROWS)),
    "flag": RNG.choice([True, False], ROWS),
    "code": RNG.choice([1, 2, 30], ROWS),
    "many": RNG.choice(list("ABCDEFGHIJKLM"), ROWS),  # embedded by preset realmlp-td
    "day": np.datetime64("2020-01-01T00:00:00") + RNG.integers(0, 10**8, ROWS),
}
SCORE = np.nan_to_num(TABLE["num"]) / 100 + (TABLE["cat"] == "a") * 2 + TABLE["flag"] * 1.0
TARGETS: dict[str, Any] = {
    "two": np.where(SCORE > 1, "yes", "no"),
    "three": np.where(SCORE > 1.5, "high", np.where(SCORE < 0, "low", "middle")),
    "number": 1e4 + 1e3 * SCORE,
    "other": SCORE * 3 - 1,
}
# Missing, unseen, empty and huge values, and dates far away.
EDGES: dict[str, Any] = {
    "num": np.array([np.nan, 1e30, -1e30, 0.0, 1e-30, 3e5, -7.0, np.nan]),
    "count": np.array([0, 10**6, -5, 1, 2, 3, 4, 5]),
    "cat": np.array([None, "zzz", "", "a", "?", "A", "b", "NA"], dtype=object),
    "flag": np.array([True, False, True, False, True, False, True, False]),
    "code": np.array([77, 1, 2, 30, 0, -1, 1, 1]),
    "many": np.array(["A", "Z", "", "M", "a", "NA", "B", "C"], dtype=object),
    "day": np.array(
        ["NaT", "1900-01-01T12:34:56", "2999-01-01T00:00:00", "2021-06-30T23:59:59"] * 2,
        dtype="datetime64[s]",
    ),
}


def fit(target: Any, **options: Any) -> TableModel:
    """A model of few epochs."""
    names = [target] if isinstance(target, str) else target
    table = TABLE | {name: TARGETS[name] for name in names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)
        return TableModel.fit(
            table, target=target, categorical=["code"], verbose=False, **{"epochs": 2} | options
        )


def predicted(model: TableModel, table: dict[str, Any], **options: Any) -> dict[str, Array]:
    """What the model says, under the names of the graph's outputs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)
        answer = model.predict(table, **options)
        if hasattr(model.target, "classes"):
            return {"label": answer, "probabilities": model.predict_probabilities(table)}
        outputs = {"variable": answer.reshape(len(answer), -1)}
        if model.target.spread is not None:
            outputs["quantiles"] = model.predict_quantiles(table)
            if model.target.spread.coverage is not None:
                outputs["interval"] = model.predict_interval(table)
    return outputs


def check(model: TableModel, table: dict[str, Any], dtype: Any = "float64", **options: Any) -> Any:
    """Both runtimes give what the model predicts, for numbers of that dtype."""
    graph = model.export_onnx(dtype=dtype, **options)
    rounded = {
        name: column.astype(dtype) if column.dtype == np.float64 else column
        for name, column in table.items()
    }
    expected = predicted(model, rounded, **options)
    # Networks compute in float32, in units of the target's deviation.
    each = getattr(model.target, "each", ())
    unit = min((number.scale for number in each), default=1.0)
    for outputs in run_both(graph, table_feeds(model, table, dtype)):
        assert outputs.keys() == expected.keys()
        for name, values in expected.items():
            if name == "label":
                assert outputs[name].tolist() == values.tolist()
            else:
                assert_close(outputs[name], values.astype(dtype), unit)
    return graph


TASKS: dict[str, tuple[Any, dict[str, Any]]] = {
    "two classes": ("two", {}),
    "calibrated classes": ("three", {"calibrate": True}),
    "calibrated two": ("two", {"calibrate": True}),
    "number": ("number", {}),
    "quantiles": ("number", {"quantiles": [0.25, 0.75]}),
    "interval": ("number", {"interval": 0.8}),
    "several": (["number", "other"], {}),
    "several intervals": (["number", "other"], {"interval": 0.8, "quantiles": [0.3]}),
}


@pytest.mark.parametrize("task", TASKS)
def test_every_task_gives_the_same_on_seen_and_on_edge_rows(task: str) -> None:
    target, options = TASKS[task]
    model = fit(target, preset="plain", **options)
    for dtype in ("float64", "float32"):
        check(model, TABLE, dtype)
        check(model, EDGES, dtype)


@pytest.mark.parametrize("target", ["two", "number"])
@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_gives_the_same_with_all_its_networks(preset: str, target: str) -> None:
    small = {"hidden": [32]} if preset == "tabm-mini" else {}
    model = fit(target, preset=preset, **small)
    assert len(model.networks) == (10 if preset == "ensemble" else 1)
    embedded = any(isinstance(layer, lm.Embedding) for layer in model.networks[0].layers)
    assert embedded == (preset == "realmlp-td")
    check(model, TABLE)
    check(model, EDGES)


@pytest.mark.parametrize("numbers", ["standard", "robust"])
def test_numbers_without_edges_give_the_same(numbers: Any) -> None:
    model = fit("three", preset="plain", numbers=numbers)
    check(model, TABLE, "float32")
    check(model, EDGES)


def test_a_threshold_decides_the_label() -> None:
    model = fit("two", preset="plain", epochs=5)
    default, low = check(model, TABLE), check(model, TABLE, threshold=0.2)
    feeds = table_feeds(model, TABLE)
    labels = [run_both(graph, feeds)[0]["label"].tolist() for graph in (default, low)]
    assert labels[0] != labels[1]
    with pytest.raises(ValueError, match="decides between two classes"):
        fit("number", preset="plain").export_onnx(threshold=0.5)
    with pytest.raises(ValueError, match="expected dtype float64 or float32, got 'int8'"):
        model.export_onnx(dtype="int8")  # type: ignore[arg-type]


def test_inputs_and_metadata_say_what_the_graph_takes(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    model = fit("three", preset="plain")
    model.export_onnx(path)
    graph = onnx.load(path)
    kinds = {value.name: value.type.tensor_type.elem_type for value in graph.graph.input}
    text, wide = onnx.TensorProto.STRING, onnx.TensorProto.DOUBLE
    assert kinds == {
        "num": wide, "count": wide, "cat": text, "flag": text, "code": text, "many": text,
        "day": wide,
    }  # fmt: skip
    about = {entry.key: entry.value for entry in graph.metadata_props}
    assert about["lamina_version"] == lm.__version__
    assert json.loads(about["classes"]) == list(model.target.classes)
    assert json.loads(about["columns"])["day"] == "seconds since 1970-01-01 UTC"
    assert [value.name for value in graph.graph.output] == ["label", "probabilities"]
    spread = fit("number", preset="plain", interval=0.8).export_onnx()
    about = {entry.key: entry.value for entry in spread.metadata_props}
    assert json.loads(about["quantile_levels"]) == pytest.approx([0.1, 0.5, 0.9])
    assert float(about["interval_coverage"]) == 0.8
    assert [value.name for value in spread.graph.output] == ["variable", "quantiles", "interval"]


def test_categories_are_found_in_their_usual_spellings() -> None:
    flags = np.resize([True, False], 100)
    codes = np.resize([1, 2, 2, 1, 3], 100)
    table = {"flag": flags, "code": codes, "y": flags * 2.0 + codes + 0.1}
    model = TableModel.fit(
        table, target="y", categorical=["code", "flag"], preset="plain", epochs=3, verbose=False
    )
    graph = model.export_onnx()

    def answers(flag: str, code: str) -> list[float]:
        feeds = {"flag": np.array([[flag]], object), "code": np.array([[code]], object)}
        return [float(outputs["variable"][0, 0]) for outputs in run_both(graph, feeds)]

    for flag in ("true", "True", "TRUE", "1", "false", "False", "FALSE", "0"):
        for code in ("1", "1.0", "1.00", "2", "2.0", "2.0000"):
            expected = float(model.predict({"flag": flag, "code": code})[0])
            assert answers(flag, code) == pytest.approx([expected] * 2, rel=1e-5)
    assert answers("true", "1") != answers("false", "1")
    assert answers("true", "1") != answers("true", "2")


def test_texts_and_numbers_that_stand_for_a_missing_value_are_missing() -> None:
    number = np.resize([1.0, 2.0, -999.0, 4.0], 120)
    colour = np.resize(["red", "none", "blue"], 120).astype(object)
    table = {"number": number, "colour": colour, "y": RNG.normal(size=120)}
    options: dict[str, Any] = {"missing": [-999, "none"], "preset": "plain", "epochs": 2}
    model = TableModel.fit(table, target="y", verbose=False, **options)
    rows = {"number": np.array([-999.0, np.nan, 1.0]), "colour": np.array(["none", "", "red"])}
    for dtype in ("float64", "float32"):
        check(model, rows, dtype)
        (first, second, third) = run_both(
            model.export_onnx(dtype=dtype), table_feeds(model, rows, dtype)
        )[1]["variable"][:, 0]
        assert first == second != third


def test_columns_may_have_the_names_of_outputs_and_operators() -> None:
    names = ["label", "probabilities", "Where", "IsNaN", "constant", "a b/ü"]
    table: dict[str, Any] = {name: RNG.normal(size=80) for name in names}
    table["y"] = np.where(table["label"] + table["Where"] > 0, "up", "down")
    model = TableModel.fit(table, target="y", preset="plain", epochs=2, verbose=False)
    for outputs in run_both(model.export_onnx(), table_feeds(model, table)):
        label, probabilities = outputs.values()
        assert outputs.keys() == {"label_1", "probabilities_1"}
        assert label.tolist() == model.predict(table).tolist()
        assert_close(probabilities, model.predict_probabilities(table))


def test_columns_of_marked_numbers_and_formatted_dates_take_numbers_and_seconds() -> None:
    price = [f"${value:,.2f}" for value in RNG.uniform(1, 9999, 120)]
    days = np.datetime64("2024-01-01") + np.arange(120)
    sold = [f"{day.astype(object):%d.%m.%Y}" for day in days]
    table = {"price": price, "sold": sold, "y": np.arange(120.0) % 7 + 0.5}
    options: dict[str, Any] = {"parse_numbers": ["price"], "date_format": {"sold": "%d.%m.%Y"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)
        model = TableModel.fit(
            table, target="y", preset="plain", epochs=2, verbose=False, **options
        )
        expected = model.predict(table)[:, None]
    feeds = {
        "price": np.array([[float(text[1:].replace(",", ""))] for text in price]),
        "sold": days.astype("datetime64[s]").astype(np.int64).astype(float)[:, None],
    }
    for outputs in run_both(model.export_onnx(), feeds):
        assert_close(outputs["variable"], expected)


def rows_of(path: Path, separator: str = ",") -> dict[str, Any]:
    """A table of text by columns, numbers as numbers where all are."""
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    header, *rows = (line.split(separator) for line in lines)
    columns = {}
    for name, cells in zip(header, zip(*rows, strict=True), strict=True):
        try:
            columns[name] = np.array(cells, dtype=float)
        except ValueError:
            columns[name] = np.array(cells, dtype=object)
    return columns


def test_adults_model_gives_the_same_on_all_test_rows(repository: Path) -> None:
    folder = repository / "examples" / "adult"
    train, test = (rows_of(folder / f"adult-{part}.csv.gz") for part in ("train", "test"))
    train = {name: column[:4000] for name, column in train.items()}
    model = TableModel.fit(train, target="income", epochs=2, n_members=3, verbose=False)
    assert (test["workclass"] == "?").sum() > 500
    graph = check(model, test)
    assert len(graph.graph.input) == len(model.preprocessor.column_names)


def test_californias_model_gives_the_same_on_rows_that_it_did_not_see(shared_data: Path) -> None:
    path = shared_data / "california-housing" / "537_houses.tsv.gz"
    table = {name: column[::2] for name, column in rows_of(path, "\t").items()}
    part = {name: column[::4] for name, column in table.items()}
    options: dict[str, Any] = {"epochs": 2, "n_members": 3, "interval": 0.9, "verbose": False}
    model = TableModel.fit(part, target="target", **options)
    check(model, {name: column[1::2] for name, column in table.items()})


def test_networks_of_both_dtypes_share_one_preprocessing() -> None:
    model = fit("number", preset="plain")
    (narrow,) = model.networks
    wide = lm.Sequential.from_spec(narrow.to_spec(), dtype="float64")
    wide.set_parameters({name: 0.9 * array for name, array in narrow.parameters().items()})
    both = TableModel(model.preprocessor, model.target, [narrow, wide], shares=[1.0, 3.0])
    check(both, TABLE)
    check(both, EDGES)


def test_the_command_writes_the_same_file(tmp_path: Path) -> None:
    pytest.importorskip("polars")
    pytest.importorskip("rich")
    from lamina.cli import main

    model = fit("two", preset="plain")
    model.save(tmp_path / "m.lamina")
    out = tmp_path / "m.onnx"
    assert main(["export", str(tmp_path / "m.lamina"), "--to", "onnx", "-o", str(out)]) == 0
    assert onnx.load(out) == model.export_onnx()
