"""Sparse matrices: the same training as dense rows, in memory of their stored elements."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse as sp

import lamina as lm
from networks import bits, same_for_any_threads

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
OPTIONS: dict[str, Any] = {"epochs": 3, "batch_size": 16, "verbose": False}


def sparse_data(
    rows: int = 131, columns: int = 1500, density: float = 0.01, dtype: Any = np.float32
) -> tuple[Any, Array]:
    """A CSR matrix, with rows of no element among others, and classes that depend on it."""
    random = np.random.default_rng(0)
    x = sp.random(rows, columns, density, format="csr", random_state=1, dtype=dtype)
    x.data[:] = random.normal(size=x.nnz)
    x = x.tolil()
    x[[3, rows - 1]] = 0
    x = x.tocsr()
    x.sum_duplicates()
    return x, (x @ random.normal(size=(columns, 3))).argmax(axis=1)


def network(*first: lm.Layer, dtype: Any = "float32", units: int = 19) -> lm.Sequential:
    layers = [*first, lm.Dense(units, "gelu"), lm.Dense(3, "softmax")]
    return lm.Sequential(layers, seed=4, dtype=dtype)


OPTIMIZERS: dict[str, Callable[[], lm.Optimizer]] = {
    "adam": lambda: lm.Adam(0.01),
    "sgd": lambda: lm.SGD(0.1),
    "momentum": lambda: lm.SGD(0.1, momentum=0.9),
    "adagrad": lambda: lm.Adagrad(0.1),
    "sgd with decay": lambda: lm.SGD(0.1, weight_decay=0.01),
    "clipped": lambda: lm.SGD(0.1, clip_norm=0.5),
    "muon": lambda: lm.Muon(0.01, first_and_last=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_has_the_bits_of_dense_rows(name: str, dtype: Any) -> None:
    x, y = sparse_data()
    sparse, dense = network(dtype=dtype), network(dtype=dtype)
    rows = x.toarray()
    first = sparse.fit(x, y, optimizer=OPTIMIZERS[name](), validation_data=(x, y), **OPTIONS)
    second = dense.fit(rows, y, optimizer=OPTIMIZERS[name](), validation_data=(rows, y), **OPTIONS)
    assert bits(sparse) == bits(dense)
    assert first["loss"] == second["loss"]
    assert first["val_loss"] == second["val_loss"]
    np.testing.assert_array_equal(sparse.predict(x), sparse.predict(rows))


@pytest.mark.parametrize("units", [3, 64, 150])
@pytest.mark.parametrize("batch_size", [1, 7, 131])
def test_bits_do_not_depend_on_threads(units: int, batch_size: int) -> None:
    x, y = sparse_data()

    def train() -> Any:
        net = network(units=units)
        net.fit(x, y, optimizer="adam", epochs=1, batch_size=batch_size, verbose=False)
        net.fit(x, y, optimizer=lm.SGD(0.1), epochs=1, batch_size=batch_size, verbose=False)
        return bits(net), net.predict(x).tobytes(), net.evaluate(x, y)["loss"]

    same_for_any_threads(train)


FORMS: dict[str, Callable[[Any], Any]] = {
    "csr_array": sp.csr_array,
    "csc_matrix": sp.csc_matrix,
    "coo_array": sp.coo_array,
    "int64 indices": lambda x: _with_indices(x, np.int64),
    "unsorted": lambda x: sp.csr_matrix(
        (x.data[::-1].copy(), x.indices[::-1].copy(), x.nnz - x.indptr[::-1]), shape=x.shape
    )[::-1],
}


def _with_indices(x: Any, kind: Any) -> Any:
    copy = x.copy()
    copy.indices, copy.indptr = copy.indices.astype(kind), copy.indptr.astype(kind)
    return copy


@pytest.mark.parametrize("form", FORMS)
def test_every_format_is_read(form: str) -> None:
    x, y = sparse_data()
    net, twin = network(), network()
    net.fit(FORMS[form](x), y, **OPTIONS)
    twin.fit(x, y, **OPTIONS)
    assert bits(net) == bits(twin)


@pytest.mark.parametrize("kind", [np.float64, np.int8, np.uint16, np.int64, np.bool_])
def test_every_type_of_number_is_read(kind: Any) -> None:
    x, y = sparse_data()
    x = x.astype(kind) if kind is np.float64 else (x * 3).astype(kind)
    net, twin = network(), network()
    net.fit(x, y, **OPTIONS)
    twin.fit(x.toarray(), y, **OPTIONS)
    np.testing.assert_allclose(net.predict(x), twin.predict(x.toarray()), rtol=1e-3, atol=1e-6)


def test_elements_stored_twice_count_as_their_sum() -> None:
    x, y = sparse_data()
    twice = sp.csr_matrix(
        (np.repeat(x.data / 2, 2), np.repeat(x.indices, 2), 2 * x.indptr), shape=x.shape
    )
    net, twin = network(), network()
    net.fit(twice, y, **OPTIONS)
    twin.fit(x, y, **OPTIONS)
    assert bits(net) == bits(twin)
    assert twice.nnz == 2 * x.nnz


def test_single_steps_are_those_of_dense_rows() -> None:
    x, y = sparse_data()
    weight = np.random.default_rng(2).uniform(0.5, 2.0, len(y))
    net, twin = (network(dtype="float64") for _ in range(2))
    value, gradients = net.value_and_grad(x, y, sample_weight=weight)
    expected, dense = twin.value_and_grad(x.toarray(), y, sample_weight=weight)
    assert value == pytest.approx(expected, rel=1e-12)
    for name, array in gradients.items():
        np.testing.assert_allclose(array, dense[name], rtol=1e-9, atol=1e-15)
    for model, rows in ((net, x), (twin, x.toarray())):
        optimizer = lm.Adam(0.01)
        for _ in range(3):
            model.train_step(rows[:5], y[:5], optimizer=optimizer)
            model.train_step(rows[5:6], y[5:6], optimizer=optimizer)
    np.testing.assert_allclose(net.predict(x), twin.predict(x.toarray()), rtol=1e-9)
    np.testing.assert_allclose(
        net.sample_gradient_norms(x[:9], y[:9]), twin.sample_gradient_norms(x[:9].toarray(), y[:9])
    )


@pytest.mark.parametrize(
    "first",
    [
        lm.Dropout(0.2),
        lm.LayerNorm(),
        lm.Residual([lm.Dense(1500, "tanh", l2=1e-3)]),
        lm.Dense(8, "softmax"),
        lm.Dense(8, "mish", l1=1e-3, l2=1e-3),
        lm.Dense(8, "relu", max_norm=1.0),
        lm.Dense(8, "relu", non_negative=True, bias=False),
        lm.Dense(8, trainable=False),
    ],
    ids=repr,
)
def test_other_first_layers_train_as_on_dense_rows(first: lm.Layer) -> None:
    x, y = sparse_data()
    options: dict[str, Any] = {**OPTIONS, "validation_fraction": 0.2, "metrics": ["accuracy"]}
    nets = [network(first, dtype="float64"), network(first, dtype="float64")]
    for net, rows in zip(nets, (x, x.toarray()), strict=True):
        net.fit(rows, y, optimizer=lm.SGD(0.1), accumulate=2, **options)
    for name, array in nets[0].parameters().items():
        np.testing.assert_allclose(array, nets[1].parameters()[name], rtol=1e-7, atol=1e-10)


def test_a_normalization_with_figures_takes_batches_made_dense() -> None:
    x, y = sparse_data()
    nets = [network(lm.Normalization(), dtype="float64") for _ in range(2)]
    with pytest.raises(ValueError, match=r"dense rows for a Normalization .* adapt\(X\[:n\]"):
        nets[0].fit(x, y, **OPTIONS)
    for net, rows in zip(nets, (x, x.toarray()), strict=True):
        net.adapt(x.toarray())
        net.fit(rows, y, **OPTIONS)
    assert bits(nets[0]) == bits(nets[1])


def test_full_batch_methods_and_custom_losses_take_them() -> None:
    x, y = sparse_data(rows=40, columns=30, density=0.2)
    target = np.eye(3)[y]

    def squared(outputs: Array, targets: Array) -> tuple[float, Array]:
        return float(((outputs - targets) ** 2).mean()), 2 * (outputs - targets) / targets.size

    for options in (
        {"loss": squared, "epochs": 2},
        {"loss": "mse", "optimizer": lm.LBFGS(max_iterations=3)},
        {"loss": "mse", "optimizer": lm.LevenbergMarquardt(max_iterations=3)},
    ):
        nets = [
            lm.Sequential([lm.Dense(3, "tanh"), lm.Dense(3)], dtype="float64") for _ in range(2)
        ]
        for net, rows in zip(nets, (x, x.toarray()), strict=True):
            copied = {key: getattr(v, "fresh", lambda v=v: v)() for key, v in options.items()}
            net.fit(rows, target, validation_data=(rows, target), verbose=False, **copied)
        np.testing.assert_allclose(nets[0].predict(x), nets[1].predict(x.toarray()), rtol=1e-6)


def test_a_step_that_is_not_finite_leaves_the_weights_of_the_step_before() -> None:
    x, y = sparse_data()
    target = np.eye(3, dtype=np.float32)[y]
    target[70] = 3e38
    nets = [lm.Sequential([lm.Dense(5, "relu"), lm.Dense(3)], seed=1) for _ in range(2)]
    for net, rows in zip(nets, (x, x.toarray()), strict=True):
        with pytest.raises(lm.NotFiniteError, match="epoch 1, step 5"):
            net.fit(rows, target, optimizer=lm.SGD(0.1), shuffle=False, loss="mse", **OPTIONS)
    for name, array in nets[0].parameters().items():
        np.testing.assert_allclose(array, nets[1].parameters()[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda x: x[:, :9], ValueError, "expected 1500 input features, got 9"),
        (lambda x: x[:0], ValueError, "at least one row and one feature"),
        (lambda x: x.astype(complex), TypeError, "a sparse matrix of complex128"),
        (lambda x: _with_value(x, np.nan), ValueError, "got nan in row 5, column"),
        (lambda x: _with_value(x, np.inf), ValueError, "got inf in row 5, column"),
        (lambda x: _with_value(x.astype(np.float64), 1e39), ValueError, "beyond float32's range"),
        (lambda x: x[:130], ValueError, "expected y for 130 rows as X has"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_matrices_that_do_not_fit_are_refused(
    change: Callable[[Any], Any], error: type[Exception], message: str
) -> None:
    x, y = sparse_data()
    net = network()
    net.fit(x, y, **OPTIONS)
    before = bits(net)
    for call in (net.fit, net.evaluate, net.value_and_grad):
        with pytest.raises(error, match=message):
            call(change(x), y)
    assert bits(net) == before


def _with_value(x: Any, value: float) -> Any:
    x.data[x.indptr[5]] = value
    return x


def test_broken_indices_are_refused_before_they_are_used() -> None:
    x, y = sparse_data()
    net = network()
    net.fit(x, y, **OPTIONS)
    for place, wrong in ((0, 1500), (0, -1), (1, 0)):
        broken = x.copy()
        broken.has_canonical_format  # noqa: B018 - remembered, so that nobody sorts
        broken.indices[place] = wrong
        with pytest.raises(ValueError, match="ascending columns below 1500 in each row, got"):
            net.predict(broken)
    broken = x.copy()
    broken.has_canonical_format  # noqa: B018
    broken.indptr[4] = 10**6
    with pytest.raises(ValueError, match=r"starts ascend|start at 0 and end within|ascending"):
        net.evaluate(broken, y)


def test_other_functions_refuse_them_in_a_sentence() -> None:
    x, y = sparse_data()
    net = network()
    net.fit(x, y, **OPTIONS)
    for call in (net.forward, net.jacobian, net.activations, net.compile_predictor()):
        with pytest.raises(TypeError, match=r"expected .*dense|sparse"):
            call(x)


def test_rows_without_elements_and_matrices_without_rows() -> None:
    x, y = sparse_data()
    net = network()
    net.fit(x * 0, y, **OPTIONS)
    empty = sp.csr_matrix(x.shape, dtype=np.float32)
    np.testing.assert_array_equal(net.predict(empty), net.predict(np.zeros(x.shape, np.float32)))
    assert net.predict(x[:0]).shape == (0, 3)


def test_lamina_does_not_import_scipy() -> None:
    code = (
        "import sys, numpy as np, lamina as lm; net = lm.Sequential([lm.Dense(1)]); "
        "net.fit(np.eye(3), np.ones(3), epochs=1, verbose=False); print('scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


MEMORY = """
import sys
import numpy as np, scipy.sparse as sp, lamina as lm
from pathlib import Path

def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) // 1024

rows, columns = 4096, 100_000
x = sp.csr_matrix(
    (np.ones(rows * 20, np.float32), np.arange(rows * 20, dtype=np.int32) % columns,
     np.arange(rows + 1, dtype=np.int32) * 20), (rows, columns))
x.sum_duplicates()
net = lm.Sequential([lm.Dense(4, "relu"), lm.Dense(1)], inputs=columns)
net.value_and_grad(x[:9], np.ones(9))
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
net.fit(x, np.ones(rows), batch_size=rows, epochs=2, validation_data=(x, np.ones(rows)))
net.value_and_grad(x, np.ones(rows))
net.predict(x)
print(status("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_batch_is_made_dense() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True
    )
    # A batch of dense rows takes 1,600 MB, the weights with Adam's state some 10.
    assert int(done.stdout.splitlines()[-1]) < 200


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csr_array, sp.csc_matrix, sp.bsr_array])
@pytest.mark.parametrize("wrong", [-3, 10**6])
def test_arrays_that_make_no_matrix_are_refused_before_scipy_follows_them(
    kind: Any, wrong: int
) -> None:
    x, y = sparse_data()
    net = network()
    net.fit(x, y, **OPTIONS)
    for array in ("indptr", "indices"):
        broken = kind(x)
        getattr(broken, array)[4] = wrong
        with pytest.raises(ValueError, match=r"^predict: expected (a sparse matrix|compressed)"):
            net.predict(broken)


def test_coordinates_beyond_the_shape_are_refused() -> None:
    x, y = sparse_data()
    net = network()
    net.fit(x, y, **OPTIONS)
    broken = sp.coo_matrix(x)
    broken.row[4] = 10**6
    with pytest.raises(ValueError, match="predict: expected a sparse matrix whose arrays fit"):
        net.predict(broken)
