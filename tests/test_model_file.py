"""Model files from Python: round trips, other readers, damage, and what is refused."""

import json
import os
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import lamina as lm
from lamina import _core

RECORD = json.dumps({"layers": [{"type": "dense", "units": 3}], "name": "café", "rate": 1e-3})


@pytest.fixture
def tensors():
    rng = np.random.default_rng(0)
    return {
        "layers.0.weight": rng.standard_normal((3, 4)).astype(np.float32),
        "layers.0.bias": np.array([0.0, -0.0, np.nan], np.float32),
        "preprocessing.mean": rng.standard_normal(4),
        "preprocessing.index": np.array([[2**62], [-1]]),
        "flags": np.array([0, 255], np.uint8),
        "nothing": np.zeros((0, 5)),
        "one": np.array(1.5),
    }


def assert_same(got, expected):
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        assert got[name].dtype == array.dtype
        assert got[name].shape == array.shape
        assert got[name].tobytes() == array.tobytes()


def test_a_file_gives_back_record_and_tensors_bit_for_bit(tmp_path, tensors):
    path = tmp_path / "modèle.safetensors"
    _core.write_model_file(path, RECORD, tensors)
    record, got = _core.read_model_file(path)
    assert record == RECORD
    assert_same(got, tensors)


def test_bytes_are_those_of_the_file(tmp_path, tensors):
    path = tmp_path / "m.safetensors"
    _core.write_model_file(str(path), RECORD, tensors)
    data = _core.serialize_model(RECORD, tensors)
    assert path.read_bytes() == data
    record, got = _core.parse_model(pickle.loads(pickle.dumps(data)))
    assert record == RECORD
    assert_same(got, tensors)


def test_arrays_are_writable_aligned_and_outlive_everything_else(tensors):
    weight = _core.parse_model(_core.serialize_model(RECORD, tensors))[1]["layers.0.weight"]
    assert weight.flags.aligned
    weight += 1
    np.testing.assert_array_equal(weight, tensors["layers.0.weight"] + 1)


def test_safetensors_reads_the_same_tensors(tmp_path, tensors):
    safetensors = pytest.importorskip("safetensors")
    from safetensors.numpy import load_file

    path = tmp_path / "m.safetensors"
    _core.write_model_file(path, RECORD, tensors)
    assert_same(load_file(path), tensors)
    with safetensors.safe_open(path, "numpy") as file:
        assert json.loads(file.metadata()["lamina"]) == json.loads(RECORD)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_a_safetensors_file_of_another_library_is_named_as_such(tmp_path, tensors, metadata):
    save_file = pytest.importorskip("safetensors.numpy").save_file
    path = tmp_path / "torch.safetensors"
    save_file(tensors, path, metadata)
    with pytest.raises(ValueError, match="not a lamina model: a safetensors file"):
        _core.read_model_file(path)


def test_a_model_rewritten_by_another_program_is_refused(tmp_path, tensors):
    save_file = pytest.importorskip("safetensors.numpy").save_file
    metadata = {"format": "lamina", "format_version": "1", "lamina": "{}", "checksum": "0" * 16}
    path = tmp_path / "rewritten.safetensors"
    save_file(tensors, path, metadata)
    with pytest.raises(ValueError, match=r"not a lamina model|damaged"):
        _core.read_model_file(path)


def test_a_file_cut_at_any_byte_is_refused(tmp_path, tensors):
    data = _core.serialize_model(RECORD, tensors)
    path = tmp_path / "cut.safetensors"
    path.write_bytes(data)
    for length in reversed(range(len(data))):
        os.truncate(path, length)
        with pytest.raises(ValueError, match=r"cut\.safetensors.*(cut off|not a lamina model)"):
            _core.read_model_file(path)


def test_a_file_with_any_byte_changed_is_refused(tensors):
    data = bytearray(_core.serialize_model(RECORD, tensors))
    for place, value in enumerate(data):
        data[place] = value ^ 0x20
        with pytest.raises(ValueError, match="model data: "):
            _core.parse_model(bytes(data))
        data[place] = value


def test_unreadable_paths_raise_os_errors_that_name_them(tmp_path):
    with pytest.raises(OSError, match=r"No such file.*absent"):
        _core.read_model_file(tmp_path / "absent")
    with pytest.raises(OSError, match="Is a directory"):
        _core.read_model_file(tmp_path)
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(ValueError, match=r"not a lamina model: it is empty"):
        _core.read_model_file(empty)


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_a_file_larger_than_memory_raises_a_memory_error(tmp_path, tensors):
    path = tmp_path / "huge"
    _core.write_model_file(path, RECORD, tensors)
    os.truncate(path, 8 << 30)  # sparse
    code = (
        "import resource, sys; from lamina import _core\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))\n"
        "try: _core.read_model_file(sys.argv[1])\n"
        "except MemoryError as error: print(error)"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "not enough memory for its 8589934592 bytes" in done.stdout


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a POSIX thing")
def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        _core.read_model_file(tmp_path / "pipe")


def test_what_killed_processes_have_left_goes_with_a_later_save(tmp_path, tensors):
    old, locked, new = (tmp_path / f".lamina-1-{kind}-0.tmp" for kind in ("old", "locked", "new"))
    other = tmp_path / "lamina-1-2.tmp"
    for path in (old, locked, new, other):
        path.write_bytes(b"left over")
    for path in (old, locked, other):
        os.utime(path, (0, 0))
    fcntl = pytest.importorskip("fcntl")
    with open(locked) as holder:  # stands for a process that is still at it
        fcntl.flock(holder, fcntl.LOCK_EX)
        _core.write_model_file(tmp_path / "m", RECORD, tensors)
    assert not old.exists()
    assert [path.exists() for path in (locked, new, other)] == [True, True, True]


def test_a_failed_save_keeps_the_old_file_and_leaves_no_temporary(tmp_path, tensors):
    resource = pytest.importorskip("resource")
    path = tmp_path / "m.safetensors"
    _core.write_model_file(path, RECORD, tensors)
    before = path.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))  # stands for a full disk
    try:
        with pytest.raises(OSError, match=r"File too large.*m\.safetensors"):
            _core.write_model_file(path, RECORD, {"big": np.zeros(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize(
    ("tensor", "got"),
    [
        (np.zeros(4, np.float32)[::2], "float32, not C-contiguous"),
        (np.zeros(2, ">f4"), ">f4"),
        (np.zeros(2, np.float16), "float16"),
        (np.zeros(2, np.complex64), "complex64"),
        (np.array([None]), "object"),
        ([1.0], "list"),
    ],
)
def test_tensors_of_other_kinds_are_refused(tensor, got):
    with pytest.raises(TypeError, match=f"tensor 'w': expected .* got .*{got}"):
        _core.serialize_model("{}", {"w": tensor})


@pytest.mark.parametrize("record", ["", "[]", "{", '{"a": NaN}', '{"a": 1, "a": 2}', "{}\0"])
def test_a_record_that_is_no_json_object_is_refused(record):
    with pytest.raises(ValueError, match="the record: "):
        _core.serialize_model(record, {})


def test_other_threads_run_while_a_file_is_written_and_read(tmp_path):
    path = tmp_path / "m.safetensors"
    tensors = {"w": np.zeros(10_000_000, np.float32)}
    _core.write_model_file(path, RECORD, tensors)
    finished = threading.Event()

    def work():
        _core.write_model_file(path, RECORD, tensors)
        _core.read_model_file(path)
        finished.set()

    thread = threading.Thread(target=work)
    thread.start()
    turns = 0
    while not finished.is_set():
        time.sleep(0.001)
        turns += 1
    thread.join()
    # Were the lock held in either call, a turn would come between them alone.
    assert turns > 10


def test_an_error_leaves_out_the_middle_of_what_a_file_says_at_length(tmp_path):
    path = tmp_path / "long.lamina"
    layers = [{"kind": "é" * 1_000_000}]
    contents = {"network": {"inputs": 1, "layers": layers}, "dtype": "float32", "seed": 0}
    _core.write_model_file(path, json.dumps(contents | {"epochs_trained": 0, "record": {}}), {})
    with pytest.raises(ValueError, match="layer: unknown kind 'é") as caught:
        lm.load(path)
    sentence = str(caught.value)
    assert len(sentence) < 5000
    assert " [...] " in sentence
    assert "expected one of dense" in sentence


def mutation_outcomes(count, *options):
    if sys.platform != "linux":
        pytest.skip("the programme forks and limits memory as Linux does")
    programme = Path(__file__).with_name("mutate_model_files.py")
    command = [sys.executable, str(programme), "--mutants", str(count), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    outcomes = json.loads(done.stdout)
    del outcomes["seconds"]
    return outcomes


def test_every_damaged_file_is_refused_with_a_value_error():
    assert mutation_outcomes(3000) == {"refused": 3000}


def test_damage_under_a_right_checksum_never_crashes_hangs_or_exhausts_memory():
    outcomes = mutation_outcomes(3000, "--repair")
    assert outcomes.keys() <= {"refused", "same content", "different content"}
    assert outcomes["refused"] > 1000


@pytest.mark.long
@pytest.mark.parametrize("options", [(), ("--repair",)])
def test_a_million_damaged_files_never_crash_or_hang(options):
    outcomes = mutation_outcomes(1_000_000, *options)
    allowed = {"refused", "same content", "different content"} if options else {"refused"}
    assert outcomes.keys() <= allowed


# How many mutants or calls each programme of cpp/tests is given.
FUZZERS = {
    "test_c_api_mutants": 100_000,
    "test_c_api_sequences": 200_000,
    "test_description_mutants": 100_000,
}


@pytest.fixture(scope="module")
def sanitized(repository, tmp_path_factory):
    """The folder of those programmes, all of whose code is built with sanitizers."""
    folder = tmp_path_factory.mktemp("sanitized")
    options = ("-DLAMINA_SANITIZE=address,undefined", "-DLAMINA_BUILD_TESTS=ON")
    options += ("-DLAMINA_BUILD_PYTHON=OFF", "-G", "Ninja")
    subprocess.run(["cmake", "-S", repository, "-B", folder, *options], check=True)
    subprocess.run(
        ["cmake", "--build", folder, "--parallel", "2", "--target", *FUZZERS], check=True
    )
    return folder / "cpp/tests"


@pytest.mark.long
@pytest.mark.parametrize("programme", FUZZERS)
def test_a_hundred_thousand_mutants_of_models_under_sanitizers(sanitized, programme):
    command = [sanitized / programme, str(FUZZERS[programme])]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
