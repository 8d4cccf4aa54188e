"""
The compiled core of lamina; use the package lamina instead.
"""
from __future__ import annotations
import collections.abc
import lamina._network.examples
import numpy
import numpy.typing
import typing
__all__: list[str] = ['DEFAULT_THRESHOLD', 'EarlyStoppingRule', 'FAR_OUTSIDE', 'FitLoop', 'GREATEST_NUMBER', 'LoadedModel', 'Loss', 'Network', 'NotFiniteError', 'Optimizer', 'PerceptronResult', 'Predictor', 'Schedule', 'Scorer', 'TableEncoder', 'TableTarget', 'TextTable', 'WeightAverage', 'activate', 'activation_gradient', 'activations', 'build_info', 'catalogue', 'check_layer', 'check_optimizer', 'class_labels', 'code_texts', 'compile_predictor', 'compute_metric', 'compute_metric_of_classes', 'curve_times', 'default_loss', 'first_rows', 'get_num_threads', 'gradient_source', 'hardware_threads', 'hessian_vector_product', 'hold_out', 'is_trainable', 'jacobian', 'jacobian_vector_product', 'load_model', 'load_model_bytes', 'make_early_stopping', 'make_fit', 'make_loss', 'make_network', 'make_schedule', 'make_scorer', 'make_table_encoder', 'make_table_target', 'make_text_table', 'make_warm_up', 'metric_table', 'narrow_columns', 'normalization_figures', 'parameter_shapes', 'parse_model', 'read_classes', 'read_model_file', 'read_values', 'read_weights', 'reads_date_format', 'sample_gradient_norms', 'sample_gradients', 'schedule_from_json', 'serialize_model', 'set_num_threads', 'set_table_error', 'shuffled_rows', 'spare_like', 'target_scaling_figures', 'train_linear_unit', 'train_perceptron', 'values_within', 'vector_jacobian_product', 'wants_figures', 'weigh_classes', 'wrap_schedule', 'write_file', 'write_model_file']
class NotFiniteError(FloatingPointError):
    """
    A loss or a weight became NaN or infinite; the weights before it are kept.
    """
class Schedule:
    def factors(self, t: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], length: typing.SupportsFloat | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]:
        ...
    def get_state(self) -> dict:
        ...
    def note_epoch(self, record: dict) -> None:
        ...
    def rates(self, first: typing.Any, count: typing.Any, epoch_steps: typing.Any, last: typing.Any) -> numpy.typing.NDArray[numpy.float64]:
        ...
    def set_state(self, state: typing.Any) -> None:
        ...
    def to_json(self) -> str:
        ...
    def watch(self, figures: dict) -> None:
        ...
class Loss:
    def spec(self) -> str:
        ...
    @property
    def mean_over_rows(self) -> bool:
        ...
    @property
    def name(self) -> str:
        ...
    @property
    def takes_classes(self) -> bool:
        ...
class Optimizer:
    def get_state(self, index: typing.SupportsInt | typing.SupportsIndex) -> list[numpy.ndarray]:
        ...
    def parameter_names(self) -> list[str]:
        ...
    def set_state(self, index: typing.SupportsInt | typing.SupportsIndex, arrays: collections.abc.Sequence[numpy.ndarray]) -> None:
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
    @property
    def weight_decay(self) -> float:
        ...
    @weight_decay.setter
    def weight_decay(self, arg1: typing.SupportsFloat | typing.SupportsIndex) -> None:
        ...
class WeightAverage:
    applied: bool
    def average(self) -> list[numpy.ndarray]:
        ...
    def parameter_names(self) -> list[str]:
        ...
    def set_state(self, average: collections.abc.Sequence[numpy.ndarray], training: collections.abc.Sequence[numpy.ndarray]) -> None:
        ...
    def training(self) -> list[numpy.ndarray]:
        ...
    @property
    def started(self) -> bool:
        ...
    @property
    def updates(self) -> int:
        ...
    @updates.setter
    def updates(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
class Network:
    def adapt_weights(self, inputs: numpy.ndarray, *, scale: bool, bias_rows: typing.SupportsInt | typing.SupportsIndex, seed: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def apply_average(self, average: WeightAverage) -> None:
        ...
    def apply_gradients(self, optimizer: Optimizer) -> None:
        ...
    def backward(self, output_gradient: numpy.ndarray, *, gradients_wanted: bool, accumulate: bool, input_gradient_wanted: bool) -> numpy.ndarray | None:
        ...
    def custom_value_and_gradient(self, inputs: typing.Any, ask: collections.abc.Callable, *, seed: typing.SupportsInt | typing.SupportsIndex, step: typing.SupportsInt | typing.SupportsIndex, accumulate: bool) -> float:
        ...
    def decay_rules(self) -> list[tuple[bool, bool, float]]:
        ...
    def evaluate(self, loss: Loss, examples: lamina._network.examples.Examples, outputs: numpy.ndarray | None = None) -> float:
        ...
    def forward(self, inputs: numpy.ndarray, *, training: bool, seed: typing.SupportsInt | typing.SupportsIndex, step: typing.SupportsInt | typing.SupportsIndex) -> numpy.ndarray:
        ...
    def get_parameters(self) -> list[numpy.ndarray]:
        ...
    def gradients(self) -> dict[str, numpy.ndarray] | None:
        ...
    def hold_training(self, call: collections.abc.Callable) -> typing.Any:
        ...
    def initialize(self, seed: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def make_average(self, decay: typing.SupportsFloat | typing.SupportsIndex, warm_up: bool, start: typing.SupportsInt | typing.SupportsIndex) -> WeightAverage:
        ...
    def make_optimizer(self, spec: str) -> Optimizer:
        ...
    def output_activation(self) -> str:
        ...
    def penalty(self) -> float:
        ...
    def predict(self, inputs: typing.Any) -> numpy.ndarray:
        ...
    def resume_training_weights(self, average: WeightAverage) -> None:
        ...
    def set_parameters(self, indices: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], arrays: collections.abc.Sequence[numpy.ndarray]) -> None:
        ...
    def spec(self) -> str:
        ...
    def target_columns(self, loss: Loss) -> int:
        ...
    def train_step(self, loss: Loss, optimizer: Optimizer, examples: lamina._network.examples.Examples, seed: typing.SupportsInt | typing.SupportsIndex) -> float:
        ...
    def try_forward(self, inputs: typing.Any, training: bool, seed: int, step: int) -> numpy.typing.NDArray[typing.Any] | None:
        ...
    def try_jacobian(self, inputs: typing.Any) -> numpy.typing.NDArray[typing.Any] | None:
        ...
    def try_predict(self, inputs: typing.Any) -> numpy.typing.NDArray[typing.Any] | None:
        ...
    def try_train_step(self, inputs: typing.Any, targets: typing.Any, loss: Loss, optimizer: Optimizer, seed: int) -> float | None:
        ...
    def try_value_and_gradient(self, inputs: typing.Any, targets: typing.Any, loss: Loss, seed: int, step: int, accumulate: bool) -> tuple[float, dict[str, numpy.typing.NDArray[typing.Any]]] | None:
        ...
    def update_average(self, average: WeightAverage) -> None:
        ...
    def value_and_gradient(self, loss: Loss, examples: lamina._network.examples.Examples, *, seed: typing.SupportsInt | typing.SupportsIndex, step: typing.SupportsInt | typing.SupportsIndex, accumulate: bool) -> tuple[float, dict[str, numpy.ndarray]]:
        ...
    @property
    def dtype(self) -> str:
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
    @property
    def sums_codes(self) -> bool:
        """
        Whether a dense layer sums a table's features by their codes.
        """
class FitLoop:
    def end_iteration(self, loss: typing.SupportsFloat | typing.SupportsIndex, outputs: typing.Any, further: dict) -> bool:
        ...
    def figures(self) -> dict:
        ...
    def run(self, callbacks: dict, target_loss: typing.SupportsFloat | typing.SupportsIndex | None, time_limit: typing.SupportsFloat | typing.SupportsIndex | None, progress: dict, minimiser: typing.Any) -> None:
        ...
    def steps_per_epoch(self) -> int:
        ...
    def stop(self, arg0: str) -> None:
        ...
    @property
    def epochs_trained(self) -> int:
        ...
    @property
    def seconds(self) -> float:
        ...
    @property
    def step_penalty(self) -> float:
        ...
    @property
    def stop_reason(self) -> str:
        ...
class EarlyStoppingRule:
    def check(self, figures: dict, complete: bool) -> None:
        ...
    def on_epoch_end(self, arg0: FitLoop, arg1: typing.SupportsInt | typing.SupportsIndex, arg2: dict) -> None:
        ...
    def on_fit_begin(self, arg0: FitLoop) -> None:
        ...
    def on_fit_end(self, arg0: FitLoop) -> int | None:
        ...
    @property
    def best(self) -> float:
        ...
    @property
    def best_epoch(self) -> int:
        ...
class Scorer:
    def prepare(self, loss: typing.Any, last_activation: str, outputs: typing.SupportsInt | typing.SupportsIndex, targets: collections.abc.Sequence[numpy.ndarray], arrays: bool) -> list[str]:
        ...
    def score(self, y: typing.Any, targets: numpy.ndarray | None, outputs: numpy.ndarray, weights: numpy.typing.NDArray[numpy.float64] | None) -> tuple:
        ...
    @property
    def modes(self) -> dict:
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
    
    Any number of threads may call it. A single row takes a path of its own for low latency, with sums in
    another order than those of several rows: the two agree up to rounding, and each gives the same bits
    at every call.
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
class LoadedModel:
    def further_network(self, contents: str, number: typing.SupportsInt | typing.SupportsIndex) -> Network:
        """
        Network `number`, from 1, of a table model, whose contents its record has.
        """
    def take_network(self) -> Network:
        """
        The first network, once.
        """
    def tensors(self, further: typing.SupportsInt | typing.SupportsIndex) -> dict[str, numpy.ndarray]:
        """
        All tensors but those of the first network and of so many further ones.
        """
    @property
    def contents(self) -> str:
        """
        What the file says of its first network, and the record beside it, as JSON.
        """
class TextTable:
    def add(self, block: bytes) -> None:
        """
        Read a block of UTF-8 text.
        """
    def finish(self) -> None:
        """
        The text ends here.
        """
    def is_late(self, column: typing.SupportsInt | typing.SupportsIndex) -> bool:
        """
        Whether text was found in a column of numbers: it must be read again as text.
        """
    def take_codes(self, column: typing.SupportsInt | typing.SupportsIndex) -> numpy.ndarray:
        """
        int32 [rows], which point into `texts`; moved out.
        """
    def take_numbers(self, column: typing.SupportsInt | typing.SupportsIndex) -> numpy.ndarray:
        """
        float64 [rows], NaN where missing; moved out.
        """
    def texts(self, column: typing.SupportsInt | typing.SupportsIndex) -> list:
        """
        The distinct texts of a column; None is a missing cell.
        """
    @property
    def rows(self) -> int:
        ...
class TableEncoder:
    def encode_columns(self, columns: list[tuple], out: typing.Annotated[numpy.typing.ArrayLike, numpy.float32]) -> list[tuple[str, str, int, str]]:
        """
        Write columns, (place, array) or (place, codes, texts, as_read), into out [rows, inputs]; what training did not see.
        """
    def encode_row(self, row: typing.Any) -> tuple[numpy.typing.NDArray[numpy.float32], list[tuple[str, str, int, str]]] | None:
        """
        The inputs [1, inputs] of a row, a dict or a list of plain values, and what training did not see; None where it is no such row.
        """
    @property
    def layer(self) -> str:
        """
        The description of the network's first layer, as JSON.
        """
class TableTarget:
    def calibrate(self, outputs: numpy.ndarray) -> numpy.typing.NDArray[numpy.float64]:
        """
        Outputs [rows, outputs] of the network by the temperature.
        """
    def check_threshold(self, threshold: typing.SupportsFloat | typing.SupportsIndex | None) -> None:
        ...
    def decode(self, outputs: numpy.ndarray, threshold: typing.SupportsFloat | typing.SupportsIndex | None) -> numpy.ndarray:
        """
        Indices of classes, or numbers, [rows] from the network's outputs.
        """
    def intervals(self, outputs: numpy.ndarray) -> numpy.typing.NDArray[numpy.float64]:
        """
        [rows, 2 ends of all targets] from the network's outputs.
        """
    def probabilities(self, outputs: numpy.ndarray) -> numpy.typing.NDArray[numpy.float64]:
        """
        [rows, classes] from the network's outputs.
        """
    def quantiles(self, outputs: numpy.ndarray) -> numpy.typing.NDArray[numpy.float64]:
        """
        [rows, levels of all targets], rising within each, from the network's outputs.
        """
def activate(activation: str, x: numpy.ndarray, y: numpy.ndarray, derivative: numpy.ndarray | None) -> None:
    """
    Writes the activation of x to y and, where wanted, its derivative; all contiguous, of one type.
    """
def activation_gradient(activation: str, saved: numpy.ndarray, dy: numpy.ndarray, dx: numpy.ndarray) -> None:
    """
    Writes dy times the derivative to dx, from what gradient_source says; all contiguous, of one type.
    """
def activations(network: Network, inputs: numpy.ndarray) -> list[numpy.ndarray]:
    ...
def build_info() -> dict:
    """
    Version and compiler of this build; the instruction set in use and all that run here.
    """
def catalogue() -> dict:
    """
    Names of all layers, activations, initializers, losses and optimizers of the core.
    """
def check_layer(spec: str) -> None:
    """
    ValueError where no network could hold the layer of this JSON description.
    """
def check_optimizer(arg0: str) -> str:
    ...
def class_labels(network: Network, examples: typing.Any, loss: Loss) -> numpy.typing.NDArray[numpy.int64] | None:
    """
    The class of each row [rows] for hold_out, or None where rows have no class.
    """
def code_texts(values: typing.Any) -> tuple | None:
    """
    Codes [rows] and distinct texts of a list or array of str and None; None for anything else.
    """
def compile_predictor(network: Network) -> Predictor:
    """
    A predictor with a copy of the network's weights, as they are now.
    """
def compute_metric(name: str, targets: numpy.ndarray, outputs: numpy.ndarray, weights: numpy.typing.NDArray[numpy.float64] | None, rounding: typing.SupportsFloat | typing.SupportsIndex, options: dict) -> tuple:
    ...
def compute_metric_of_classes(name: str, truth: numpy.typing.NDArray[numpy.int64], chosen: numpy.typing.NDArray[numpy.int64], weights: numpy.typing.NDArray[numpy.float64] | None, names: collections.abc.Sequence[str], options: dict) -> tuple:
    ...
def curve_times(name: str, per: str, first: typing.Any, count: typing.Any, epoch_steps: typing.Any, last: typing.Any, length: typing.Any) -> tuple[numpy.typing.NDArray[numpy.float64], float]:
    """
    Times t of some steps, and the time at which a curve ends: with training where length is None.
    """
def default_loss(output_activation: str) -> str:
    """
    The loss that goes with a last activation.
    """
def first_rows(text: bytes, separator: str, quote: str, comment: str, limit: typing.SupportsInt | typing.SupportsIndex, last: bool) -> list:
    """
    The first rows of a text without a byte 0: their cells, the lines before each, and where it ends.
    """
def get_num_threads() -> int:
    """
    The most threads used: set_num_threads, else the environment variable LAMINA_NUM_THREADS, else
    hardware_threads(), or OMP_NUM_THREADS if that is fewer.
    """
def gradient_source(activation: str) -> str:
    """
    What activation_gradient reads: the activation's input, output or derivative.
    """
def hardware_threads() -> int:
    """
    CPUs this process may use: its affinity, or the whole CPUs of its cgroup quota if fewer.
    """
def hessian_vector_product(network: Network, loss: Loss, examples: lamina._network.examples.Examples, direction: collections.abc.Sequence[numpy.ndarray]) -> list[numpy.ndarray]:
    ...
def hold_out(rows: typing.SupportsInt | typing.SupportsIndex, fraction: typing.SupportsFloat | typing.SupportsIndex, seed: typing.SupportsInt | typing.SupportsIndex, classes: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, what: str) -> tuple[numpy.typing.NDArray[numpy.int64], numpy.typing.NDArray[numpy.int64]]:
    """
    Rows to train on and rows held back, each in rising order, drawn by the seed; with classes [rows] the same share of each. `what` names the fraction in errors.
    """
def is_trainable(activation: str) -> bool:
    """
    Whether the activation has a derivative to train through.
    """
def jacobian(network: Network, inputs: numpy.ndarray, by_parameters: bool) -> numpy.ndarray:
    ...
def jacobian_vector_product(network: Network, inputs: numpy.ndarray, input_change: numpy.ndarray | None, parameter_change: collections.abc.Sequence[numpy.ndarray] | None) -> numpy.ndarray:
    ...
def load_model(path: str | bytes, map: bool, selftest: bool) -> LoadedModel:
    """
    A model file's parts; `map`: by pages of the file; `selftest`: after its self-test has passed.
    """
def load_model_bytes(data: bytes) -> LoadedModel:
    """
    The same of the bytes of such a file.
    """
def make_early_stopping(monitor: str, patience: typing.SupportsInt | typing.SupportsIndex, min_delta: typing.SupportsFloat | typing.SupportsIndex, mode: typing.Any, restore_best_weights: bool, keep_last: bool) -> EarlyStoppingRule:
    ...
def make_fit(fit: typing.Any, network: Network, loss: Loss, train: typing.Any, validation: typing.Any, average: WeightAverage) -> FitLoop:
    ...
def make_loss(spec: str) -> Loss:
    ...
def make_network(spec: str, dtype: str, seed: typing.SupportsInt | typing.SupportsIndex | None, threads: typing.SupportsInt | typing.SupportsIndex | None = None) -> Network:
    ...
def make_schedule(kind: str, options: typing.Any) -> Schedule:
    """
    A curve or a plateau, by the attributes of a Python schedule.
    """
def make_scorer(metrics: collections.abc.Sequence[tuple]) -> Scorer:
    ...
def make_table_encoder(record: str, tensors: dict[str, numpy.ndarray]) -> TableEncoder:
    """
    What Preprocessor.to_record gave, ready to encode tables.
    """
def make_table_target(record: str, tensors: dict[str, numpy.ndarray]) -> TableTarget:
    """
    What a target's to_record gave, ready to decode outputs.
    """
def make_text_table(separator: str, quote: str, comment: str, decimal_comma: bool, kinds: str, missing: collections.abc.Sequence[str], first_line: typing.SupportsInt | typing.SupportsIndex, bytes_per_thread: typing.SupportsInt | typing.SupportsIndex = 65536) -> TextTable:
    """
    A reader of a text table, block by block, into columns. `kinds` has a letter for each column: n number, m number or one of the missing texts, t text, w text as it is written, - skipped.
    """
def make_warm_up(after: Schedule, options: typing.Any) -> Schedule:
    ...
def metric_table() -> list:
    """
    Name, alias, what it reads and better direction of each metric.
    """
def narrow_columns(array: numpy.ndarray) -> list[int]:
    """
    Columns of a float64 matrix in which float32 may make many values one, by a sample of rows.
    """
def normalization_figures(network: Network, layer: str, x: numpy.ndarray, weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None) -> dict:
    """
    Parameters of the Normalization with this name, from finite rows x and their weights or None.
    """
def parameter_shapes(arg0: str) -> list[tuple[str, list[int]]]:
    ...
def parse_model(data: bytes) -> tuple[str, dict[str, numpy.ndarray]]:
    """
    What read_model_file would return for a file of these bytes.
    """
def read_classes(y: numpy.ndarray, outputs: typing.SupportsInt | typing.SupportsIndex, where: str) -> numpy.ndarray:
    """
    Class indices [rows] of any type as int32; ValueError names the row of one that is not there.
    """
def read_model_file(path: str | bytes) -> tuple[str, dict[str, numpy.ndarray]]:
    """
    The JSON record and the tensors of a model file, after its checksum has matched.
    """
def read_values(y: numpy.ndarray, loss: Loss, dtype: str, where: str) -> numpy.ndarray:
    """
    Targets [rows, columns] as `dtype`; ValueError names the row of one that the loss does not take.
    """
def read_weights(sample_weight: numpy.ndarray, absolute: str | None, where: str) -> numpy.typing.NDArray[numpy.float64]:
    """
    Sample weights [rows] as float64, finite, at least 0 and not all 0. absolute: None where a mean is taken, so that they may be scaled; else the type whose range the largest one must lie in.
    """
def reads_date_format(format: str) -> bool:
    """
    Whether the core reads dates written so; Python's strptime knows more directives.
    """
def sample_gradient_norms(network: Network, loss: Loss, examples: lamina._network.examples.Examples) -> numpy.ndarray:
    ...
def sample_gradients(network: Network, loss: Loss, examples: lamina._network.examples.Examples) -> numpy.ndarray:
    ...
def schedule_from_json(spec: str) -> Schedule:
    ...
def serialize_model(record: str, tensors: dict[str, numpy.ndarray], weights: str | None = None, selftest: typing.Any = None) -> bytes:
    """
    The bytes that write_model_file would write.
    """
def set_num_threads(count: typing.SupportsInt | typing.SupportsIndex, exact: bool = False) -> None:
    """
    Use at most `count` threads (1 to 1024) from the next call on, or as many wherever work can be
    divided; ValueError outside that range. Results do not depend on it.
    """
def set_table_error(make: typing.Any) -> None:
    """
    What makes the error of a table or a record that cannot be used: from a sentence and, of a cell, column, row, problem and unread text, else None each.
    """
def shuffled_rows(rows: typing.SupportsInt | typing.SupportsIndex, seed: typing.SupportsInt | typing.SupportsIndex, epoch: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.int64]:
    ...
def spare_like(x: numpy.ndarray) -> numpy.ndarray:
    """
    An array of x's shape and type for a result, in memory of earlier results where there is some.
    """
def target_scaling_figures(network: Network, targets: numpy.ndarray, weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, gaussian: bool) -> dict:
    """
    Parameters of the TargetScaling that ends the network, from targets [rows, columns]. gaussian: its further outputs are logarithms of variances.
    """
def train_linear_unit(single: bool, values: typing.Any, columns: typing.Any, starts: typing.Any, rows: typing.SupportsInt | typing.SupportsIndex, width: typing.SupportsInt | typing.SupportsIndex, signs: typing.Any, sample_weight: typing.Any, held_back: typing.Any, coef: typing.Any, bias: typing.SupportsFloat | typing.SupportsIndex, options: dict, after_epoch: typing.Any) -> tuple:
    """
    Weights [features], bias and epochs of a linear unit trained row by row by the perceptron's loss. Rows are dense, flat, or compressed sparse rows with their columns and starts.
    """
def train_perceptron(inputs: numpy.ndarray, classes: typing.Annotated[numpy.typing.ArrayLike, numpy.int32], units: typing.SupportsInt | typing.SupportsIndex, *, learning_rate: typing.SupportsFloat | typing.SupportsIndex, margin: typing.SupportsFloat | typing.SupportsIndex, averaged: bool, fit_bias: bool, shuffle: bool, seed: typing.SupportsInt | typing.SupportsIndex, max_epochs: typing.SupportsInt | typing.SupportsIndex) -> PerceptronResult:
    ...
def values_within(array: numpy.ndarray, limit: typing.SupportsFloat | typing.SupportsIndex, nan_allowed: bool = False) -> bool:
    """
    Whether all values of a float32 or float64 matrix are finite and at most `limit` in size, or NaN where that is allowed.
    """
def vector_jacobian_product(network: Network, inputs: numpy.ndarray, vectors: numpy.ndarray, by_inputs: bool) -> tuple:
    ...
def wants_figures(network: Network) -> tuple[bool, bool]:
    """
    Whether a first Normalization and a last TargetScaling are there that have their first figures still.
    """
def weigh_classes(network: Network, examples: typing.Any, loss: Loss, table: collections.abc.Sequence[tuple[typing.SupportsFloat | typing.SupportsIndex, typing.SupportsFloat | typing.SupportsIndex]] | None, where: str) -> numpy.typing.NDArray[numpy.float64]:
    """
    The weights [rows] of examples times those of their classes: pairs of class and weight, or None for balanced ones.
    """
def wrap_schedule(schedule: typing.Any) -> Schedule:
    """
    A schedule of the user's own, as the core follows it.
    """
def write_file(path: str | bytes, data: bytes) -> None:
    """
    Replace `path` in one step by these bytes.
    """
def write_model_file(path: str | bytes, record: str, tensors: dict[str, numpy.ndarray], weights: str | None = None, selftest: typing.Any = None) -> None:
    """
    Replace `path` in one step by a model file of this JSON record and these tensors; with weights as float16 or bfloat16, and a self-test of rows, an array or the cells of a table as JSON.
    """
DEFAULT_THRESHOLD: float = 0.5
FAR_OUTSIDE: float = 0.5
GREATEST_NUMBER: float = 1e+100
__version__: str
