"""A C++ program loads a table model that Python has saved, and gives the same outputs."""

import csv
import gzip
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lamina as lm
from lamina.tabular import (
    MISSING_VALUES,
    NumberTarget,
    NumberTargets,
    Preprocessor,
    Spread,
    TableModel,
    TableWarning,
    fit_target,
)

ADULT = Path(__file__).parents[1] / "examples" / "adult"


def adult(part):
    """The columns of a part of the Adult table, as texts."""
    with gzip.open(ADULT / f"adult-{part}.csv.gz", "rt") as file:
        names, *rows = csv.reader(file)
    columns = zip(*rows, strict=True)
    return {name: np.array(c, dtype=object) for name, c in zip(names, columns, strict=True)}


@pytest.fixture(scope="module")
def model():
    """A model of the Adult table, trained for a moment."""
    table = adult("train")
    income = table.pop("income")
    target = fit_target("income", income, MISSING_VALUES)
    preprocessor = Preprocessor().fit(table)
    layers = [preprocessor.layer(), lm.Dense(32, "relu"), lm.Dense(1, "sigmoid")]
    net = lm.Sequential(layers, inputs=preprocessor.inputs)
    y = target.encode(income, MISSING_VALUES)
    net.fit(preprocessor.transform(table), y, epochs=1, verbose=False)
    return TableModel(preprocessor, target, net)


@pytest.fixture(scope="module")
def program(repository, tmp_path_factory):
    """cpp/tests/test_table_model.cpp, linked to the core."""
    # Of the build of this package, not of those for other processors or with sanitizers.
    builds = [*repository.glob("build/cp*"), repository / "build" / "test"]
    built = [folder for folder in builds if (folder / "liblamina_core.a").exists()]
    libraries = sorted(built[0].glob("liblamina_*.a")) if built else []
    if not libraries or not shutil.which("c++"):
        pytest.skip("needs a build of the core below build/, and c++")
    program = tmp_path_factory.mktemp("program") / "test_table_model"
    source = repository / "cpp" / "tests" / "test_table_model.cpp"
    folders = [f"-I{repository / 'cpp' / folder}" for folder in ("src", "tests")]
    command = [
        "c++",
        "-std=c++20",
        *folders,
        source,
        *libraries,
        *libraries,
        "-pthread",
        "-o",
        program,
    ]
    subprocess.run(list(map(str, command)), check=True)
    return program


def run(program, model, columns, folder):
    """What the program says of its outputs for a CSV file of these columns."""
    paths = [folder / name for name in ("adult.lamina", "adult.csv", "outputs")]
    model.save(paths[0])
    with open(paths[1], "w", newline="") as file:
        csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
    paths[2].write_bytes(model.outputs(columns).tobytes())
    done = subprocess.run([program, *paths], capture_output=True, text=True)
    return done.returncode, done.stdout


def test_it_predicts_all_adult_test_rows_from_strings_and_numbers(program, model, tmp_path):
    assert run(program, model, adult("test"), tmp_path) == (0, "16281 outputs equal Python's\n")


def test_it_averages_the_networks_of_a_model_with_the_same_bits(program, model, tmp_path):
    layers, inputs = list(model.network.layers), model.preprocessor.inputs
    others = [lm.Sequential(layers, inputs=inputs, seed=seed) for seed in (1, 2)]
    networks = [model.network, *others]
    several = TableModel(model.preprocessor, model.target, networks, shares=[0.3, 0.3, 0.4])
    rows = {name: column[:500] for name, column in adult("test").items()}
    assert run(program, several, rows, tmp_path) == (0, "500 outputs equal Python's\n")


def test_it_reads_a_model_with_vectors_of_categories(program, tmp_path):
    table = {name: column[:2000] for name, column in adult("train").items()}
    options = {"preset": "realmlp-td", "epochs": 1, "hidden": [16], "verbose": False}
    embedded = TableModel.fit(table, target="income", **options)
    assert len(embedded.preprocessor.embedded) > 2
    rows = {name: column[:500].copy() for name, column in adult("test").items()}
    rows["occupation"][:3] = ["Astronaut", "?", ""]  # unseen and missing
    with pytest.warns(TableWarning, match="'occupation' 1 unseen category"):
        found = run(program, embedded, rows, tmp_path)
    assert found == (0, "500 outputs equal Python's\n")


def test_it_calibrates_probabilities_with_the_same_bits(program, model, tmp_path):
    target = replace(model.target, temperature=1.7)
    calibrated = TableModel(model.preprocessor, target, model.network)
    rows = {name: column[:500] for name, column in adult("test").items()}
    assert not np.array_equal(calibrated.outputs(rows), model.outputs(rows))
    assert run(program, calibrated, rows, tmp_path) == (0, "500 outputs equal Python's\n")


def test_it_reads_a_model_of_quantiles_of_two_numbers(program, model, tmp_path):
    spread = Spread((0.1, 0.5, 0.9), np.array([-1.0, 0.0, 1.0]), 0.8, 0.1)
    numbers = tuple(NumberTarget(name, 3.0, 2.0, spread) for name in ("a", "b"))
    layers = [model.preprocessor.layer(), lm.Dense(6)]
    network = lm.Sequential(layers, inputs=model.preprocessor.inputs)
    several = TableModel(model.preprocessor, NumberTargets(numbers), network)
    rows = {name: column[:300] for name, column in adult("test").items()}
    assert run(program, several, rows, tmp_path) == (0, "1800 outputs equal Python's\n")


def test_another_model_gives_other_outputs(program, model, tmp_path):
    other = TableModel(model.preprocessor, model.target, model.network.copy())
    (name, *_), (weights, *_) = zip(*other.network.parameters().items(), strict=True)
    rows = {name: column[:50] for name, column in adult("test").items()}
    expected = model.outputs(rows)
    other.network.set_parameters({name: np.nextafter(weights, np.float32(9))})
    assert not np.array_equal(other.outputs(rows), expected)
    assert run(program, other, rows, tmp_path)[0] == 0
    (tmp_path / "outputs").write_bytes(expected.tobytes())
    paths = [tmp_path / name for name in ("adult.lamina", "adult.csv", "outputs")]
    assert subprocess.run([program, *paths]).returncode == 1
