"""The JSON schema of docs/ describes every header that lamina writes, and no wrong one."""

import copy
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lamina as lm
from lamina import _core
from lamina._layers.layers import LAYERS
from make_saved_models import MODELS

jsonschema = pytest.importorskip("jsonschema")

FILES = sorted(MODELS.glob("**/*.lamina"))


@pytest.fixture(scope="module")
def schema(repository: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((repository / "docs/model_file.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(found)
    return found


def header_of(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header: dict[str, Any] = json.loads(data[8 : 8 + length])
    return header


def fits(schema: dict[str, Any], header: dict[str, Any]) -> bool:
    """Whether a header and the contents within it are what the schema describes."""
    contents = schema | {"$ref": "#/$defs/contents"}
    for name in ("properties", "required", "additionalProperties"):
        del contents[name]
    text = header.get("__metadata__", {}).get("lamina", "null")
    return bool(
        jsonschema.Draft202012Validator(schema).is_valid(header)
        and jsonschema.Draft202012Validator(contents).is_valid(json.loads(text))
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(MODELS)))
def test_files_of_every_version_fit(schema: dict[str, Any], path: Path) -> None:
    assert fits(schema, header_of(path))


def test_a_table_model_with_vectors_of_categories_fits(
    schema: dict[str, Any], tmp_path: Path
) -> None:
    table = {"kind": ["a", "b", "c", "d"] * 9, "y": [k * 7 % 36 / 8 for k in range(36)]}
    options: Any = {"preset": "plain", "hidden": [2], "epochs": 1, "verbose": False}
    model = lm.tabular.TableModel.fit(table, target="y", max_one_hot=0, **options)
    model.save(tmp_path / "m.lamina")
    header = header_of(tmp_path / "m.lamina")
    assert fits(schema, header)
    contents = json.loads(header["__metadata__"]["lamina"])
    contents["record"]["preprocessor"]["columns"][0]["embedded"] = 1
    header["__metadata__"]["lamina"] = json.dumps(contents)
    assert not fits(schema, header)


def test_every_layer_is_in_the_schema_with_all_its_options(schema: dict[str, Any]) -> None:
    described = {
        case["then"]["properties"]["kind"]["const"]: set(case["then"]["properties"])
        for case in schema["$defs"]["layer"]["allOf"]
    }
    assert described.keys() == set(LAYERS)
    refused = {"kind", "layers"}
    for kind, options in described.items():
        for option in options - refused:
            # The core knows the option: what it says of this value is another sentence.
            spec = {"inputs": 2, "layers": [{"kind": kind, option: [[]]}]}
            with pytest.raises((ValueError, TypeError)) as caught:
                _core.parameter_shapes(json.dumps(spec))
            assert "unknown" not in str(caught.value).split("expected")[0], (kind, option)


def changed_contents(header: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Headers whose contents are wrong, and what is wrong with them."""
    contents = json.loads(header["__metadata__"]["lamina"])
    wrong: list[tuple[tuple[Any, ...], Any]] = [
        (("network",), None),
        (("network", "inputs"), 0),
        (("network", "layers"), []),
        (("network", "layers", 0, "kind"), "magic"),
        (("network", "layers", 0, "more"), 1),
        (("dtype",), "float16"),
        (("seed",), -1),
        (("epochs_trained",), 0.5),
        (("record",), []),
        (("feature_names",), "x"),
        (("selftest",), {}),
    ]
    if contents["record"]:
        wrong += [
            (("record", "version"), 4),
            (("record", "more"), 1),
            (("record", "preprocessor", "columns", 0, "kind"), "image"),
            (("record", "target", "task"), "ranking"),
        ]
    for path, value in wrong:
        other = copy.deepcopy(contents)
        place = other
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        metadata = header["__metadata__"] | {"lamina": json.dumps(other)}
        yield f"{path} = {value}", header | {"__metadata__": metadata}


@pytest.mark.parametrize("name", ["1/layers", "1/table-classes"])
def test_wrong_headers_do_not_fit(schema: dict[str, Any], name: str) -> None:
    header = header_of(MODELS / f"{name}.lamina")
    assert fits(schema, header)
    for what, wrong in changed_contents(header):
        assert not fits(schema, wrong), what
    metadata = header["__metadata__"]
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    wrongs: list[dict[str, Any]] = [
        {"__metadata__": {k: v for k, v in metadata.items() if k != "checksum"}},
        {"__metadata__": metadata | {"format_version": "2"}},
        {"__metadata__": metadata | {"format_version": "1.01"}},
        {"__metadata__": metadata | {"checksum": "x"}},
        {"__metadata__": metadata | {"more": "x"}},
        {"x": tensor | {"dtype": "F8"}},
        {"x": tensor | {"shape": [-1]}},
        {"x": tensor | {"shape": [1] * 9}},
        {"x": tensor | {"data_offsets": [0]}},
        {"x": tensor | {"more": 1}},
    ]
    for part in wrongs:
        assert not fits(schema, header | part), part
    newer = metadata | {"format_version": "1.2", "more": "x"}
    assert fits(schema, header | {"__metadata__": newer, "x": tensor})


def test_what_is_written_now_fits(schema: dict[str, Any], tmp_path: Path) -> None:
    layers: list[lm.Layer] = [lm.Dense(3, "gelu", l2=0.1, max_norm=2.0, trainable=False)]
    layers += [lm.Residual([lm.Dense(3)], projection=True), lm.Dense(2, non_negative=True)]
    net = lm.Sequential(layers, inputs=2)
    for options in ({}, {"dtype": "bfloat16", "selftest": [[0.5, 1.0]]}):
        net.save(tmp_path / "m", **options)
        assert fits(schema, header_of(tmp_path / "m"))
