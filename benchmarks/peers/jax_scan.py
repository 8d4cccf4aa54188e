"""JAX: a whole epoch, its gather of shuffled rows included, in one jitted lax.scan."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers.base import Call, RunEpochs
from benchmarks.workloads import Array, Floats, Workload, initial_parameters

Parameters = list[tuple[jax.Array, jax.Array]]
Carry = tuple[Parameters, Parameters, Parameters, jax.Array]
ACTIVATIONS = {
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
}
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def load_parameters(workload: Workload) -> Parameters:
    """Weights as [in, out], the order XLA multiplies fastest."""
    return [
        (jnp.asarray(weight.T), jnp.asarray(bias))
        for weight, bias in initial_parameters(workload.widths)
    ]


def forward(workload: Workload, parameters: Parameters, x: jax.Array) -> jax.Array:
    *hidden, (weight, bias) = parameters
    for hidden_weight, hidden_bias in hidden:
        x = ACTIVATIONS[workload.activation](x @ hidden_weight + hidden_bias)
    return x @ weight + bias


def batch_loss(workload: Workload, parameters: Parameters, x: jax.Array, y: jax.Array) -> jax.Array:
    output = forward(workload, parameters, x)
    if workload.loss == "mean_squared_error":
        return jnp.mean((output - y) ** 2)
    chances = jax.nn.log_softmax(output)
    return -jnp.mean(jnp.take_along_axis(chances, y[:, None], axis=1))


def adam_update(workload: Workload, carry: Carry, gradients: Parameters) -> Carry:
    parameters, first, second, step = carry
    step = step + 1
    scale = workload.learning_rate / (1 - BETA1**step)
    correction = jnp.sqrt(1 - BETA2**step)
    first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, gradients)
    second = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, second, gradients)
    parameters = jax.tree.map(
        lambda p, m, v: p - scale * m / (jnp.sqrt(v) / correction + EPSILON),
        parameters,
        first,
        second,
    )
    return parameters, first, second, step


def sgd_update(workload: Workload, carry: Carry, gradients: Parameters) -> Carry:
    parameters, first, second, step = carry
    moved = jax.tree.map(lambda p, g: p - workload.learning_rate * g, parameters, gradients)
    return moved, first, second, step


class JaxPeer:
    def __init__(self, threads: int) -> None:
        self.threads = threads

    def version(self) -> str:
        return jax.__version__

    def training(self, workload: Workload, features: Floats, targets: Array) -> RunEpochs:
        x = jnp.asarray(features)
        y = jnp.asarray(targets.astype(np.int32) if targets.dtype == np.int64 else targets)
        update = adam_update if workload.optimizer == "adam" else sgd_update
        shape = (workload.steps, workload.batch)

        def step(carry: Carry, batch: tuple[jax.Array, jax.Array]) -> tuple[Carry, jax.Array]:
            loss, gradients = jax.value_and_grad(
                lambda parameters: batch_loss(workload, parameters, *batch)
            )(carry[0])
            return update(workload, carry, gradients), loss

        def epoch(carry: Carry, x: jax.Array, y: jax.Array, order: Array) -> Carry:
            batches = (x[order].reshape(*shape, -1), y[order].reshape(*shape, *y.shape[1:]))
            return jax.lax.scan(step, carry, batches)[0]

        compiled = jax.jit(epoch, donate_argnums=0)
        zeros = jax.tree.map(jnp.zeros_like, load_parameters(workload))
        more_zeros = jax.tree.map(jnp.zeros_like, zeros)
        state: list[Carry] = [(load_parameters(workload), zeros, more_zeros, jnp.float32(0))]
        random = np.random.default_rng(0)

        def run(epochs: int) -> None:
            for _ in range(epochs):
                order = random.permutation(workload.rows).astype(np.int32)
                state[0] = compiled(state[0], x, y, order)
            jax.block_until_ready(state[0])

        return run

    def inference(self, workload: Workload, features: Floats) -> Call:
        parameters, x = load_parameters(workload), jnp.asarray(features)
        compiled = jax.jit(lambda x: forward(workload, parameters, x))
        return lambda: compiled(x).block_until_ready()


def create(threads: int) -> JaxPeer:
    return JaxPeer(threads)
