"""
The compiled core of lamina; use the package lamina instead.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import os
import typing
__all__: list[str] = ['Loss', 'NetworkFloat32', 'NetworkFloat64', 'NotFiniteError', 'OptimizerFloat32', 'OptimizerFloat64', 'PerceptronResult', 'Predictor', 'activate_float32', 'activate_float64', 'activation_gradient_float32', 'activation_gradient_float64', 'activations', 'build_info', 'catalogue', 'check_optimizer', 'compile_predictor', 'get_num_threads', 'hardware_threads', 'hessian_vector_product', 'jacobian', 'jacobian_vector_product', 'parameter_shapes', 'parse_model', 'read_model_file', 'sample_gradient_norms', 'sample_gradients', 'serialize_model', 'set_num_threads', 'shuffled_rows', 'stores_derivative', 'train_perceptron', 'vector_jacobian_product', 'write_model_file']
class NotFiniteError(FloatingPointError):
    """
    A loss or a weight became NaN or infinite; the weights before it are kept.
    """
class Loss:
    def __init__(self, spec: str) -> None:
        ...
    def spec(self) -> str:
        ...
    @property
    def name(self) -> str:
        ...
    @property
    def takes_classes(self) -> bool:
        ...
class NetworkFloat32:
    def __init__(self, spec: str, seed: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def apply_gradients(self, optimizer: OptimizerFloat32) -> None:
        ...
    def backward(self, output_gradient: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], gradients_wanted: bool, input_gradient_wanted: bool) -> numpy.typing.NDArray[numpy.float32] | None:
        ...
    def begin_fit(self) -> None:
        ...
    def end_fit(self) -> None:
        ...
    def evaluate(self, loss: Loss, inputs: numpy.ndarray, classes: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] | None, values: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None, weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None, outputs: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None, progress: typing.Any) -> float:
        ...
    def forward(self, inputs: numpy.ndarray, training: bool, seed: typing.SupportsInt | typing.SupportsIndex, step: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]:
        ...
    def get_parameters(self) -> list[numpy.typing.NDArray[numpy.float32]]:
        ...
    def gradients(self) -> list[numpy.typing.NDArray[numpy.float32]] | None:
        ...
    def initialize(self, seed: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def make_optimizer(self, arg0: str) -> OptimizerFloat32:
        ...
    def output_activation(self) -> str:
        ...
    def predict(self, inputs: numpy.ndarray, progress: typing.Any) -> numpy.typing.NDArray[numpy.float32]:
        ...
    def run_epoch(self, loss: Loss, optimizer: OptimizerFloat32, inputs: numpy.ndarray, classes: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] | None, values: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None, weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None, epoch: typing.SupportsInt | typing.SupportsIndex, batch_size: typing.SupportsInt | typing.SupportsIndex, shuffle: bool, seed: typing.SupportsInt | typing.SupportsIndex, learning_rates: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, outputs: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None, progress: typing.Any) -> tuple:
        ...
    def set_parameters(self, indices: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], arrays: collections.abc.Sequence[typing.Annotated[numpy.typing.ArrayLike, numpy.float32]]) -> None:
        ...
    def spec(self) -> str:
        ...
    def steps_per_epoch(self, rows: typing.SupportsInt | typing.SupportsIndex, batch_size: typing.SupportsInt | typing.SupportsIndex) -> int:
        ...
    def target_columns(self, loss: Loss) -> int:
        ...
    def train_step(self, loss: Loss, optimizer: OptimizerFloat32, inputs: numpy.ndarray, classes: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] | None, values: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None, weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None, seed: typing.SupportsInt | typing.SupportsIndex) -> float:
        ...
    def value_and_gradient(self, loss: Loss, inputs: numpy.ndarray, classes: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] | None, values: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None, weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None, seed: typing.SupportsInt | typing.SupportsIndex, step: typing.SupportsInt | typing.SupportsIndex) -> float:
        ...
    @property
    def inputs(self) -> int:
        ...
    @property
    def layer_widths(self) -> list[int]:
        ...
    @property
    def outputs(self) -> int:
        ...
    @property
    def parameter_names(self) -> list[str]:
        ...
    @property
    def parameter_shapes(self) -> list[list[int]]:
        ...
    @property
    def smallest_batch(self) -> int:
        ...
class OptimizerFloat32:
    def get_state(self, arg0: NetworkFloat32, arg1: typing.SupportsInt | typing.SupportsIndex) -> list[numpy.typing.NDArray[numpy.float32]]:
        ...
    def set_state(self, arg0: NetworkFloat32, arg1: typing.SupportsInt | typing.SupportsIndex, arg2: collections.abc.Sequence[typing.Annotated[numpy.typing.ArrayLike, numpy.float32]]) -> None:
        ...
    def spec(self) -> str:
        ...
    def state_names(self) -> list[str]:
        ...
    @property
    def learning_rate(self) -> float:
        ...
    @learning_rate.setter
    def learning_rate(self, arg1: typing.SupportsFloat | typing.SupportsIndex) -> None:
        ...
    @property
    def steps(self) -> int:
        ...
    @steps.setter
    def steps(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
class NetworkFloat64:
    def __init__(self, spec: str, seed: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def apply_gradients(self, optimizer: OptimizerFloat64) -> None:
        ...
    def backward(self, output_gradient: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], gradients_wanted: bool, input_gradient_wanted: bool) -> numpy.typing.NDArray[numpy.float64] | None:
        ...
    def begin_fit(self) -> None:
        ...
    def end_fit(self) -> None:
        ...
    def evaluate(self, loss: Loss, inputs: numpy.ndarray, classes: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] | None, values: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, outputs: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, progress: typing.Any) -> float:
        ...
    def forward(self, inputs: numpy.ndarray, training: bool, seed: typing.SupportsInt | typing.SupportsIndex, step: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]:
        ...
    def get_parameters(self) -> list[numpy.typing.NDArray[numpy.float64]]:
        ...
    def gradients(self) -> list[numpy.typing.NDArray[numpy.float64]] | None:
        ...
    def initialize(self, seed: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def make_optimizer(self, arg0: str) -> OptimizerFloat64:
        ...
    def output_activation(self) -> str:
        ...
    def predict(self, inputs: numpy.ndarray, progress: typing.Any) -> numpy.typing.NDArray[numpy.float64]:
        ...
    def run_epoch(self, loss: Loss, optimizer: OptimizerFloat64, inputs: numpy.ndarray, classes: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] | None, values: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, epoch: typing.SupportsInt | typing.SupportsIndex, batch_size: typing.SupportsInt | typing.SupportsIndex, shuffle: bool, seed: typing.SupportsInt | typing.SupportsIndex, learning_rates: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, outputs: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, progress: typing.Any) -> tuple:
        ...
    def set_parameters(self, indices: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], arrays: collections.abc.Sequence[typing.Annotated[numpy.typing.ArrayLike, numpy.float64]]) -> None:
        ...
    def spec(self) -> str:
        ...
    def steps_per_epoch(self, rows: typing.SupportsInt | typing.SupportsIndex, batch_size: typing.SupportsInt | typing.SupportsIndex) -> int:
        ...
    def target_columns(self, loss: Loss) -> int:
        ...
    def train_step(self, loss: Loss, optimizer: OptimizerFloat64, inputs: numpy.ndarray, classes: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] | None, values: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, seed: typing.SupportsInt | typing.SupportsIndex) -> float:
        ...
    def value_and_gradient(self, loss: Loss, inputs: numpy.ndarray, classes: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] | None, values: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, seed: typing.SupportsInt | typing.SupportsIndex, step: typing.SupportsInt | typing.SupportsIndex) -> float:
        ...
    @property
    def inputs(self) -> int:
        ...
    @property
    def layer_widths(self) -> list[int]:
        ...
    @property
    def outputs(self) -> int:
        ...
    @property
    def parameter_names(self) -> list[str]:
        ...
    @property
    def parameter_shapes(self) -> list[list[int]]:
        ...
    @property
    def smallest_batch(self) -> int:
        ...
class OptimizerFloat64:
    def get_state(self, arg0: NetworkFloat64, arg1: typing.SupportsInt | typing.SupportsIndex) -> list[numpy.typing.NDArray[numpy.float64]]:
        ...
    def set_state(self, arg0: NetworkFloat64, arg1: typing.SupportsInt | typing.SupportsIndex, arg2: collections.abc.Sequence[typing.Annotated[numpy.typing.ArrayLike, numpy.float64]]) -> None:
        ...
    def spec(self) -> str:
        ...
    def state_names(self) -> list[str]:
        ...
    @property
    def learning_rate(self) -> float:
        ...
    @learning_rate.setter
    def learning_rate(self, arg1: typing.SupportsFloat | typing.SupportsIndex) -> None:
        ...
    @property
    def steps(self) -> int:
        ...
    @steps.setter
    def steps(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
class PerceptronResult:
    @property
    def biases(self) -> list[float]:
        ...
    @property
    def converged(self) -> bool:
        ...
    @property
    def epochs(self) -> int:
        ...
    @property
    def mistakes(self) -> list[int]:
        ...
    @property
    def updates(self) -> list[int]:
        ...
    @property
    def weights(self) -> list[float]:
        ...
    @property
    def wrong_rows(self) -> int:
        ...
class Predictor:
    """
    An immutable copy of a network's weights for fast predictions, made by `compile_predictor`.
    
    Any number of threads may call it. One row runs in the least time, its sums in another order than those
    of rows together: the two agree up to rounding, and each has the same bits at every call.
    """
    def __call__(self, x: numpy.typing.ArrayLike, /, out: numpy.typing.NDArray[typing.Any] | None = None) -> numpy.typing.NDArray[typing.Any]:
        """
        Outputs [outputs] of one row x [inputs], or [rows, outputs] of rows [rows, inputs].
        
        `out`, a contiguous array of that shape and the predictor's dtype, takes them and is returned. Values are
        not checked: NaN in gives NaN out.
        
        Raises:
            TypeError, ValueError: x is not numbers of the right width, or out does not fit.
        """
    def __repr__(self) -> str:
        ...
    def predict_one(self, x: numpy.typing.ArrayLike, /, out: numpy.typing.NDArray[typing.Any] | None = None) -> numpy.typing.NDArray[typing.Any]:
        """
        Outputs [outputs] of one row x [inputs]; as a call of the predictor, which takes rows as well.
        """
    @property
    def dtype(self) -> str:
        ...
    @property
    def inputs(self) -> int:
        ...
    @property
    def outputs(self) -> int:
        ...
def activate_float32(activation: str, x: numpy.typing.NDArray[numpy.float32], y: numpy.typing.NDArray[numpy.float32], derivative: numpy.typing.NDArray[numpy.float32] | None) -> None:
    ...
def activate_float64(activation: str, x: numpy.typing.NDArray[numpy.float64], y: numpy.typing.NDArray[numpy.float64], derivative: numpy.typing.NDArray[numpy.float64] | None) -> None:
    ...
def activation_gradient_float32(activation: str, saved: numpy.typing.NDArray[numpy.float32], dy: numpy.typing.NDArray[numpy.float32], dx: numpy.typing.NDArray[numpy.float32]) -> None:
    ...
def activation_gradient_float64(activation: str, saved: numpy.typing.NDArray[numpy.float64], dy: numpy.typing.NDArray[numpy.float64], dx: numpy.typing.NDArray[numpy.float64]) -> None:
    ...
@typing.overload
def activations(network: NetworkFloat32, inputs: numpy.ndarray) -> list[numpy.typing.NDArray[numpy.float32]]:
    ...
@typing.overload
def activations(network: NetworkFloat64, inputs: numpy.ndarray) -> list[numpy.typing.NDArray[numpy.float64]]:
    ...
def build_info() -> dict:
    """
    Version and compiler of this build; the instruction set in use and all that run here.
    """
def catalogue() -> dict:
    """
    Names of all layers, activations, initializers, losses and optimizers of the core.
    """
def check_optimizer(arg0: str) -> str:
    ...
@typing.overload
def compile_predictor(network: NetworkFloat32) -> typing.Any:
    """
    A predictor with a copy of the network's weights, as they are now.
    """
@typing.overload
def compile_predictor(network: NetworkFloat64) -> typing.Any:
    """
    A predictor with a copy of the network's weights, as they are now.
    """
def get_num_threads() -> int:
    """
    Threads in use: set_num_threads, else the environment variable LAMINA_NUM_THREADS, else
    hardware_threads(), or OMP_NUM_THREADS if that is fewer.
    """
def hardware_threads() -> int:
    """
    CPUs this process may use: its affinity, or the whole CPUs of its cgroup quota if fewer.
    """
def hessian_vector_product(network: NetworkFloat64, loss: Loss, inputs: numpy.ndarray, classes: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] | None, values: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, direction: collections.abc.Sequence[typing.Annotated[numpy.typing.ArrayLike, numpy.float64]]) -> list[numpy.typing.NDArray[numpy.float64]]:
    ...
@typing.overload
def jacobian(network: NetworkFloat32, inputs: numpy.ndarray, by_parameters: bool) -> numpy.typing.NDArray[numpy.float32]:
    ...
@typing.overload
def jacobian(network: NetworkFloat64, inputs: numpy.ndarray, by_parameters: bool) -> numpy.typing.NDArray[numpy.float64]:
    ...
@typing.overload
def jacobian_vector_product(network: NetworkFloat32, inputs: numpy.ndarray, input_change: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None, parameter_change: collections.abc.Sequence[typing.Annotated[numpy.typing.ArrayLike, numpy.float32]] | None) -> numpy.typing.NDArray[numpy.float32]:
    ...
@typing.overload
def jacobian_vector_product(network: NetworkFloat64, inputs: numpy.ndarray, input_change: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, parameter_change: collections.abc.Sequence[typing.Annotated[numpy.typing.ArrayLike, numpy.float64]] | None) -> numpy.typing.NDArray[numpy.float64]:
    ...
def parameter_shapes(arg0: str) -> list[tuple[str, list[int]]]:
    ...
def parse_model(data: bytes) -> tuple[str, dict[str, numpy.ndarray]]:
    """
    What read_model_file would return for a file of these bytes.
    """
def read_model_file(path: os.PathLike | str | bytes) -> tuple[str, dict[str, numpy.ndarray]]:
    """
    The JSON record and the tensors of a model file, after its checksum has matched.
    """
@typing.overload
def sample_gradient_norms(network: NetworkFloat32, loss: Loss, inputs: numpy.ndarray, classes: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] | None, values: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None, weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None) -> numpy.typing.NDArray[numpy.float64]:
    ...
@typing.overload
def sample_gradient_norms(network: NetworkFloat64, loss: Loss, inputs: numpy.ndarray, classes: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] | None, values: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None) -> numpy.typing.NDArray[numpy.float64]:
    ...
@typing.overload
def sample_gradients(network: NetworkFloat32, loss: Loss, inputs: numpy.ndarray, classes: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] | None, values: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None, weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None) -> numpy.typing.NDArray[numpy.float32]:
    ...
@typing.overload
def sample_gradients(network: NetworkFloat64, loss: Loss, inputs: numpy.ndarray, classes: typing.Annotated[numpy.typing.ArrayLike, numpy.int32] | None, values: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None) -> numpy.typing.NDArray[numpy.float64]:
    ...
def serialize_model(record: str, tensors: dict[str, numpy.ndarray]) -> bytes:
    """
    The bytes that write_model_file would write.
    """
def set_num_threads(count: typing.SupportsInt | typing.SupportsIndex) -> None:
    """
    Use `count` threads (1 to 1024) from the next call on; ValueError outside that range.
    
    Results do not depend on it. More threads than CPUs are allowed, but slower.
    """
def shuffled_rows(rows: typing.SupportsInt | typing.SupportsIndex, seed: typing.SupportsInt | typing.SupportsIndex, epoch: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.int64]:
    ...
def stores_derivative(activation: str) -> bool:
    """
    Whether the activation's gradient is computed from f'(x), else from f(x).
    """
def train_perceptron(inputs: numpy.ndarray, classes: typing.Annotated[numpy.typing.ArrayLike, numpy.int32], units: typing.SupportsInt | typing.SupportsIndex, *, learning_rate: typing.SupportsFloat | typing.SupportsIndex, margin: typing.SupportsFloat | typing.SupportsIndex, averaged: bool, fit_bias: bool, shuffle: bool, seed: typing.SupportsInt | typing.SupportsIndex, max_epochs: typing.SupportsInt | typing.SupportsIndex) -> PerceptronResult:
    ...
@typing.overload
def vector_jacobian_product(network: NetworkFloat32, inputs: numpy.ndarray, vectors: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], by_inputs: bool) -> tuple:
    ...
@typing.overload
def vector_jacobian_product(network: NetworkFloat64, inputs: numpy.ndarray, vectors: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], by_inputs: bool) -> tuple:
    ...
def write_model_file(path: os.PathLike | str | bytes, record: str, tensors: dict[str, numpy.ndarray]) -> None:
    """
    Replace `path` in one step by a model file of this JSON record and these tensors.
    """
__version__: str
