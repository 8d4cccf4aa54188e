"""What files may hold besides: weights in half the bits, self-tests, newer versions; mapping."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamina as lm
from lamina import _core
from lamina._network.model_file import StoredDtype
from lamina.tabular import TableError, TableModel
from networks import bits, class_data, classifier
from tables import fit, mixed_table

DTYPES: tuple[StoredDtype, ...] = ("float16", "bfloat16")


def trained(**options: Any) -> lm.Sequential:
    net = classifier(**options)
    net.fit(*class_data(), epochs=1, verbose=False)
    return net


@pytest.fixture(scope="module")
def table_model() -> TableModel:
    table, target = mixed_table()
    return fit(table, target, ignore=[], epochs=2, hidden=[8], parse_numbers=["price"])


def rounded(values: Any, dtype: str) -> Any:
    """float32 numbers rounded to nearest even, by numpy or by their bits."""
    if dtype == "float16":
        return values.astype(np.float16).astype(np.float32)
    wide = values.view(np.uint32).astype(np.uint64)
    return ((wide + 0x7FFF + (wide >> 16 & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)


# Halves of weights


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_pattern_of_bits_is_rounded_as_numpy_rounds_it(
    tmp_path: Path, dtype: StoredDtype
) -> None:
    rng = np.random.default_rng(0)
    # All kinds of numbers, halfway cases and subnormal results among them.
    patterns = rng.integers(0, 2**32, 200_000, dtype=np.uint32)
    halves = np.arange(2**16, dtype=np.uint32)[:, None] << 16 | np.array([0x1000, 0x8000, 0x7FFF])
    values = np.concatenate([patterns, halves.ravel().astype(np.uint32)]).view(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        values = values[np.isfinite(values) & np.isfinite(rounded(values, dtype))]
    values = values[: len(values) // 64 * 64].reshape(64, -1)
    net = lm.Sequential([lm.Dense(64)], inputs=values.shape[1])
    net.set_parameters({"layers.0.weight": values})
    net.save(tmp_path / "m", dtype=dtype)
    got = lm.load(tmp_path / "m").parameters()["layers.0.weight"]
    assert bits([got]) == bits([rounded(values, dtype)])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_file_of_halves_is_half_the_size_and_its_network_trains_on(
    tmp_path: Path, dtype: StoredDtype
) -> None:
    net = lm.Sequential([lm.Dense(256, "relu"), lm.Dense(3, "softmax")], inputs=7)
    net.fit(*class_data(), epochs=1, verbose=False)
    net.save(tmp_path / "whole")
    net.save(tmp_path / "half", dtype=dtype)
    weights = 256 * 7 + 256 * 3
    saved = os.path.getsize(tmp_path / "whole") - os.path.getsize(tmp_path / "half")
    assert abs(saved - 2 * weights) <= 64
    twin = lm.load(tmp_path / "half")
    assert twin.dtype == "float32"
    for name, values in net.parameters().items():
        expected = rounded(values, dtype) if values.ndim > 1 else values
        assert bits([twin.parameters()[name]]) == bits([expected])
    twin.fit(*class_data(), epochs=1, verbose=False)


@pytest.mark.parametrize(
    ("dtype", "greatest", "beyond"),
    [("float16", 65519.996, 65520.0), ("bfloat16", 3.3895314e38, 3.4e38)],
)
def test_weights_beyond_the_type_are_refused_by_name(
    tmp_path: Path, dtype: StoredDtype, greatest: float, beyond: float
) -> None:
    net = lm.Sequential([lm.Dense(2)], inputs=2)
    net.set_parameters({"layers.0.weight": [[greatest, 0], [0, -greatest]]})
    net.save(tmp_path / "m", dtype=dtype)
    before = (tmp_path / "m").read_bytes()
    net.set_parameters({"layers.0.weight": [[1, 0], [0, -beyond]]})
    with pytest.raises(ValueError, match=rf"layers\.0\.weight holds -.*greatest number of {dtype}"):
        net.save(tmp_path / "m", dtype=dtype)
    assert (tmp_path / "m").read_bytes() == before


def test_other_types_and_networks_of_float64_are_refused(tmp_path: Path) -> None:
    net: Any = classifier()
    for dtype in ("float32", "int8", ""):
        with pytest.raises(ValueError, match='expected dtype "float16", "bfloat16" or None, got'):
            net.save(tmp_path / "m", dtype=dtype)
    with pytest.raises(TypeError, match="expected dtype as a name or None, got"):
        net.save(tmp_path / "m", dtype=16)
    with pytest.raises(ValueError, match=r"layers\.0\.weight is float64; a network of float32"):
        classifier(dtype="float64").save(tmp_path / "m", dtype="float16")
    assert not (tmp_path / "m").exists()


# Self-tests


@pytest.mark.parametrize("dtype", [None, *DTYPES])
@pytest.mark.parametrize("rows", [np.float32, np.float64, np.int64])
def test_a_network_passes_its_own_self_test(
    tmp_path: Path, dtype: StoredDtype | None, rows: Any
) -> None:
    x, _ = class_data()
    net = trained()
    net.save(tmp_path / "m", dtype=dtype, selftest=(10 * x[:20]).astype(rows))
    for mmap in (False, True):
        twin = lm.load(tmp_path / "m", selftest=True, mmap=mmap)
        assert lm.Sequential.load(tmp_path / "m").predict(x).tobytes() == twin.predict(x).tobytes()


def test_table_models_pass_their_own_self_test(tmp_path: Path, table_model: TableModel) -> None:
    table, _ = mixed_table()
    for dtype in (None, *DTYPES):
        table_model.save(tmp_path / "m", dtype=dtype, selftest=table)
        twin = TableModel.load(tmp_path / "m", selftest=True, mmap=True)
        if dtype is None:
            assert bits([twin.outputs(table)]) == bits([table_model.outputs(table)])
            assert json.dumps(twin.training) == json.dumps(table_model.training)
            record, tensors = _core.read_model_file(tmp_path / "m")
            assert bits([tensors["selftest.outputs"]]) == bits([table_model.outputs(table)])
            assert len(json.loads(record)["selftest"]["rows"]) == len(tensors["selftest.outputs"])


def with_outputs(path: Path, change: Any) -> None:
    """Rewrite the file with other outputs, or another instruction set, in its self-test."""
    text, tensors = _core.read_model_file(path)
    contents = json.loads(text)
    change(contents["selftest"], tensors["selftest.outputs"])
    _core.write_model_file(path, json.dumps(contents), tensors)


@pytest.mark.parametrize("kind", ["network", "table"])
def test_a_self_test_that_fails_names_row_output_and_both_values(
    tmp_path: Path, kind: str, table_model: TableModel
) -> None:
    path = tmp_path / "m"
    load: Any = lm.load if kind == "network" else TableModel.load
    if kind == "network":
        trained().save(path, selftest=class_data()[0][:5])
    else:
        table_model.save(path, selftest=mixed_table()[0])
    row, last = 3, -1

    def nudge(ulps: int, instruction_set: str | None) -> tuple[float, float]:
        values = []

        def change(record: dict[str, Any], outputs: Any) -> None:
            stored = outputs[row, last]
            column = np.abs(outputs[:, last]).max()
            outputs[row, last] += ulps * np.finfo(np.float32).eps * column
            values.extend([float(stored), float(outputs[row, last])])
            record["instruction_set"] = instruction_set or record["instruction_set"]

        with_outputs(path, change)
        return values[0], values[1]

    original = path.read_bytes()
    now, then = nudge(1, None)
    sentence = (
        rf"its self-test fails: row 3, output {0 if kind == 'table' else 2} \(from 0\) was "
        rf"{then!r} when it was saved, and is {now!r} now; allowed is no difference"
    )
    with pytest.raises(ValueError, match=sentence):
        load(path, selftest=True)
    load(path)  # it is run on request alone
    path.write_bytes(original)
    nudge(1000, "another")
    load(path, selftest=True)
    path.write_bytes(original)
    nudge(1050, "another")
    with pytest.raises(ValueError, match="as it was saved on another and runs on "):
        load(path, selftest=True)


def test_a_file_without_a_self_test_is_refused_where_one_is_asked_for(
    tmp_path: Path, table_model: TableModel
) -> None:
    trained().save(tmp_path / "net")
    table_model.save(tmp_path / "table")
    for load, name in ((lm.load, "net"), (TableModel.load, "table")):
        with pytest.raises(ValueError, match=f"{name}: expected a self-test in the file"):
            load(tmp_path / name, selftest=True)
    with pytest.raises(TypeError, match="expected selftest as True or False"):
        lm.load(tmp_path / "net", selftest=1)  # type: ignore[arg-type]


def test_rows_that_do_not_fit_are_refused(tmp_path: Path, table_model: TableModel) -> None:
    net: Any = trained()
    for rows in (np.zeros((0, 7)), np.zeros((2, 3)), np.full((1, 7), np.nan), "x"):
        with pytest.raises((ValueError, TypeError), match="selftest"):
            net.save(tmp_path / "m", selftest=rows)
    table, _ = mixed_table()
    name = table_model.preprocessor.column_names[0]
    with pytest.raises(TableError, match="no column"):
        table_model.save(tmp_path / "m", selftest={k: v for k, v in table.items() if k != name})
    with pytest.raises(TableError, match="at least one row"):
        table_model.save(tmp_path / "m", selftest={k: v[:0] for k, v in table.items()})
    assert not (tmp_path / "m").exists()


@pytest.mark.kernels
def test_a_self_test_passes_on_every_instruction_set(tmp_path: Path) -> None:
    trained().save(tmp_path / "m", selftest=class_data()[0])
    code = "import lamina, sys; lamina.load(sys.argv[1], selftest=True); print('passed')"
    for name in lm.build_info()["instruction_sets"]:
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "m")],
            env=os.environ | {"LAMINA_ISA": name},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "passed\n"


# Mapped files


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the memory of a process")
def test_a_mapped_file_is_not_held_in_memory_a_second_time(tmp_path: Path) -> None:
    net = lm.Sequential([lm.Dense(2048), lm.Dense(2048)], inputs=2048)
    net.save(tmp_path / "m")
    size = os.path.getsize(tmp_path / "m")
    code = (
        "import lamina, resource, sys; lamina.load\n"
        "status = dict(line.split(':') for line in open('/proc/self/status'))\n"
        "used = int(status['VmData'].split()[0])\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (1024 * used + int(sys.argv[3]),) * 2)\n"
        "try: lamina.load(sys.argv[1], mmap=sys.argv[2] == 'map'); print('loaded')\n"
        "except MemoryError: print('refused')"
    )

    def load_within(data: float, how: str) -> str:
        command = [sys.executable, "-c", code, str(tmp_path / "m"), how, str(int(data))]
        environment = os.environ | {"LAMINA_NUM_THREADS": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    # The weights, and room for their transposed copy, which training would fill.
    assert load_within(2.5 * size, "map") == "loaded"
    assert load_within(2.5 * size, "read") == "refused"
    assert load_within(3.5 * size, "read") == "loaded"


def test_a_mapped_network_survives_its_file(tmp_path: Path, table_model: TableModel) -> None:
    x, _ = class_data()
    net = trained()
    net.save(tmp_path / "m")
    twin = lm.load(tmp_path / "m", mmap=True)
    table, _ = mixed_table()
    table_model.save(tmp_path / "t")
    table_twin = TableModel.load(tmp_path / "t", mmap=True)
    for name in ("m", "t"):
        os.truncate(tmp_path / name, 0)
    assert bits([twin.predict(x)]) == bits([net.predict(x)])
    assert bits([table_twin.outputs(table)]) == bits([table_model.outputs(table)])


def test_damaged_mapped_files_are_refused_as_others_are(tmp_path: Path) -> None:
    path = tmp_path / "m"
    lm.Sequential([lm.Dense(2)], inputs=2).save(path)
    data = bytearray(path.read_bytes())
    for place in range(0, len(data), 7):
        changed = data.copy()
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        for mmap in (False, True):
            with pytest.raises(ValueError, match=r"damaged|not a lamina model"):
                lm.load(path, mmap=mmap)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="it is empty"):
        lm.load(path, mmap=True)


# Versions


def of_version(data: bytes, version: str, more: str = "") -> bytes:
    """A model file with another format_version, `more` in its metadata, and a right checksum."""
    from mutate_model_files import CHECKSUM, checksum

    (length,) = struct.unpack("<Q", data[:8])
    header, payload = data[8 : 8 + length].rstrip(), data[8 + length :]
    start = header.index(b'"format_version":"') + len(b'"format_version":"')
    end = header.index(b'"', start)
    header = header[:start] + version.encode() + b'"' + more.encode() + header[end + 1 :]
    header += b" " * (-(8 + len(header)) % 64)
    file = bytearray(struct.pack("<Q", len(header)) + header + payload)
    file[CHECKSUM] = checksum(bytes(file))
    return bytes(file)


def test_a_newer_minor_version_reads_and_a_newer_major_is_refused(
    tmp_path: Path, table_model: TableModel
) -> None:
    path, x = tmp_path / "m", class_data()[0]
    net = trained()
    table, _ = mixed_table()
    for saved in (net, table_model):
        saved.save(path)
        data = path.read_bytes()
        assert b'"format_version":"1"' in data  # which readers of 1.0 read
        path.write_bytes(of_version(data, "1.7", ',"made_by":"a newer lamina"'))
        if saved is net:
            assert bits([lm.load(path).predict(x)]) == bits([net.predict(x)])
        else:
            outputs = TableModel.load(path).outputs(table)
            assert bits([outputs]) == bits([table_model.outputs(table)])
        for version in ("2", "2.1"):
            path.write_bytes(of_version(data, version))
            with pytest.raises(ValueError, match=rf"written by a newer lamina \(format {version}"):
                lm.load(path) if saved is net else TableModel.load(path)
        path.write_bytes(of_version(data, "1.1", ',"made_by":"nobody"'))
        with pytest.raises(ValueError, match='unknown metadata key "made_by"'):
            lm.load(path) if saved is net else TableModel.load(path)


def test_what_needs_a_newer_minor_version_says_so(tmp_path: Path) -> None:
    net, path = trained(), tmp_path / "m"
    for options in ({"dtype": "float16"}, {"selftest": np.zeros((1, 7))}):
        net.save(path, **options)
        assert b'"format_version":"1.1"' in path.read_bytes()


def test_a_newer_minor_version_of_table_records_reads(
    tmp_path: Path, table_model: TableModel
) -> None:
    path, (table, _) = tmp_path / "m", mixed_table()
    table_model.save(path)
    text, tensors = _core.read_model_file(path)

    def write(change: dict[str, Any], **more: Any) -> None:
        contents = json.loads(text)
        for part in (contents["record"], contents["record"]["preprocessor"]):
            part |= change
        _core.write_model_file(path, json.dumps(contents), {**tensors, **more})

    write({"minor": 1, "note": ["new"]}, **{"extra.values": np.zeros(3)})
    outputs = TableModel.load(path).outputs(table)
    assert bits([outputs]) == bits([table_model.outputs(table)])
    _core.load_model(str(path), False, False)
    for change, message in (
        ({"minor": 0, "note": []}, "unknown field 'note'"),
        ({"note": []}, "unknown field 'note'"),
        ({"minor": -1}, "expected field 'minor' of at least 0"),
        ({"minor": "1"}, "expected field 'minor' to be int"),
        ({"version": 4}, r"version 4 is newer than this lamina reads \(2 to 3\)"),
    ):
        write(change)
        with pytest.raises(TableError, match=message):
            TableModel.load(path)
    write({}, **{"extra.values": np.zeros(3)})
    with pytest.raises(TableError, match=r"unknown tensor 'extra\.values'"):
        TableModel.load(path)
