"""Activations over arrays, without a network."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lamina as lm
from networks import same_for_any_threads

pytestmark = pytest.mark.kernels

Array = npt.NDArray[Any]
NAMES = [name for name in lm._core.catalogue()["activations"] if name != "step"]


def through_a_network(x: Array, dy: Array, name: str) -> tuple[Array, Array]:
    """Outputs and dL/dx of a network of this activation alone."""
    net = lm.Sequential([lm.Activation(name)], inputs=x.shape[1], dtype=x.dtype.name)
    return net.forward(x, training=True), net.backward(dy)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [1, 16, 37])
@pytest.mark.parametrize("name", NAMES)
def test_value_and_gradient_are_those_of_a_network(name: str, columns: int, dtype: str) -> None:
    random = np.random.default_rng(0)
    x, dy = (random.normal(scale=2.0, size=(150, columns)).astype(dtype) for _ in range(2))
    y, pullback = lm.activation_vjp(x, name)
    expected_y, expected_dx = through_a_network(x, dy, name)
    np.testing.assert_array_equal(y, expected_y)
    np.testing.assert_array_equal(pullback(dy), expected_dx)
    np.testing.assert_array_equal(lm.activate(x, name), y)


@pytest.mark.parametrize("name", ["gelu", "softmax"])
def test_any_number_of_threads_gives_the_same_bits(name: str) -> None:
    x = np.random.default_rng(0).normal(size=(3000, 33)).astype(np.float32)

    def results() -> bytes:
        y, pullback = lm.activation_vjp(x, name)
        return y.tobytes() + pullback(x).tobytes()

    assert same_for_any_threads(results)


def test_any_shape_stride_and_real_type_is_taken() -> None:
    x = np.arange(-12, 12).reshape(2, 3, 4)
    for values in (x, x[:, ::-1], np.asfortranarray(x), x.astype(">f4"), x.astype(np.float16)):
        np.testing.assert_array_equal(lm.activate(values, "relu"), np.maximum(values, 0))
    assert lm.activate(3, "relu") == 3
    assert lm.activate(np.empty((0, 5)), "softmax").shape == (0, 5)
    assert lm.activate(x, "relu").dtype == np.float32
    assert lm.activate(x.astype(float), "relu").dtype == np.float64


def test_softmax_runs_along_the_last_axis() -> None:
    x = np.random.default_rng(0).normal(size=(3, 4, 5))
    # A sum of five terms: some ulps.
    np.testing.assert_allclose(lm.activate(x, "softmax").sum(axis=-1), 1.0, rtol=1e-14)


def test_what_does_not_fit_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"unknown .*relux.*expected one of"):
        lm.activate([1.0], "relux")
    with pytest.raises(TypeError, match="activate: expected x of real numbers, got dtype complex"):
        lm.activate([1j], "relu")
    pullback = lm.activation_vjp([1.0, 2.0], "relu")[1]
    with pytest.raises(ValueError, match=r"expected dy of shape \(2,\), got \(3,\)"):
        pullback([1.0, 2.0, 3.0])


def test_the_step_function_has_no_way_back() -> None:
    for name in ("step", "heaviside"):
        with pytest.raises(ValueError, match=r"'step' has no derivative .* use 'sigmoid'"):
            lm.activation_vjp(np.zeros(3), name)


def test_memory_of_results_is_used_again_once_nobody_holds_it() -> None:
    x = np.random.default_rng(0).normal(size=(600, 512)).astype(np.float32)
    first = lm.activate(x, "tanh")
    place, part = first.ctypes.data, first[5:7]
    expected = part.copy()
    del first
    # A view holds the memory.
    second = lm.activate(x, "relu")
    assert second.ctypes.data != place
    np.testing.assert_array_equal(part, expected)
    del part
    third = lm.activate(-x, "sigmoid")
    assert third.ctypes.data == place
    assert third.flags.owndata is False
    assert third.flags.writeable
    np.testing.assert_array_equal(second, np.maximum(x, 0))


@pytest.mark.parametrize("shift", [0, 1, 5])
def test_inputs_may_lie_at_any_address(shift: int) -> None:
    memory = np.random.default_rng(0).normal(size=70_000).astype(np.float32)
    x, dy = memory[shift:][: 64 * 512], memory[shift + 3 :][: 64 * 512]
    for name in ("relu", "silu", "tanh"):
        y, pullback = lm.activation_vjp(x, name)
        twin_y, twin = lm.activation_vjp(x.reshape(64, 512).copy(), name)
        np.testing.assert_array_equal(y.reshape(64, 512), twin_y)
        np.testing.assert_array_equal(
            pullback(dy).reshape(64, 512), twin(dy.reshape(64, 512).copy())
        )
