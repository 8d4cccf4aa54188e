"""lamina.h by ctypes, for tests that compare it with Python."""

import ctypes as ct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from c_structs import (
    FLOAT32,
    FLOAT64,
    TYPES,
    Data,
    Description,
    EvaluateOptions,
    Figure,
    LossCall,
    LossFunction,
    Metric,
    Option,
    OrderedFitOptions,
    Parameter,
    SparseData,
    SparseRows,
)
from lamina import _core


def loss_function(python: Callable[[Any, Any], tuple[float, Any]]) -> dict[str, Any]:
    """A description of a custom loss of Python's, whose y is values, or classes [rows]."""

    def call(batch: Any, value: Any, user: Any) -> int:
        asked = batch.contents
        outputs = asked.array("outputs", asked.outputs_columns).copy()
        if asked.y:
            y = asked.array("y", asked.y_columns)
        else:
            classes = ct.cast(asked.classes, ct.POINTER(ct.c_int32))
            y = np.ctypeslib.as_array(classes, (asked.rows,))
        value[0], gradient = python(outputs, y)
        if asked.gradient:
            asked.array("gradient", asked.outputs_columns)[:] = gradient
        return 0

    function = LossCall(call)
    return {"kind": "custom", "function": LossFunction(ct.sizeof(LossFunction), function, None)}


def options_of(options: Mapping[str, Any]) -> tuple[Any, int]:
    """An array of lamina_option with its length; None is left out."""
    given = {name: value for name, value in options.items() if value is not None}
    array = (Option * len(given))()
    for option, (name, value) in zip(array, given.items(), strict=True):
        option.name = name.encode()
        _set_value(array, option, value)
    return array, len(given)


def _set_value(owner: Any, option: Option, value: Any) -> None:
    if isinstance(value, bool):
        option.kind, option.value.boolean = 0, value
    elif isinstance(value, int):
        option.kind, option.value.integer = 1, value
    elif isinstance(value, float):
        option.kind, option.value.number = 2, value
    elif isinstance(value, str):
        option.kind, option.value.text = 3, value.encode()
    elif isinstance(value, LossFunction):
        owner.__dict__.setdefault("kept", []).append(value)
        option.kind, option.value.array = 8, ct.addressof(value)
    else:
        option.kind, array, option.count = _array_of(value)
        owner.__dict__.setdefault("kept", []).append(array)
        option.value.array = ct.addressof(array)


def _array_of(value: Any) -> tuple[int, Any, int]:
    if isinstance(value, Mapping):
        return 6, *options_of(value)
    if all(type(element) is int for element in value):
        return 4, (ct.c_int64 * len(value))(*value), len(value)
    if all(isinstance(element, int | float) for element in value):
        return 5, (ct.c_double * len(value))(*value), len(value)
    array = (Option * len(value))()
    for option, element in zip(array, value, strict=True):
        _set_value(array, option, element)
    return 7, array, len(value)


def description_of(spec: str | Mapping[str, Any] | None) -> Description:
    """A lamina_description of a name, or of {"kind": ..., and options}."""
    if spec is None:
        return Description()
    if isinstance(spec, str):
        return Description(spec.encode(), None, 0)
    array, count = options_of({name: value for name, value in spec.items() if name != "kind"})
    described = Description(spec["kind"].encode(), array, count)
    described.kept = array
    return described


def sparse_of(x: Any) -> SparseRows:
    """A lamina_sparse_rows of a csr_matrix or csr_array."""
    rows = SparseRows(ct.sizeof(SparseRows), x.data.ctypes.data, TYPES[x.data.dtype], len(x.data))
    rows.indices, rows.indptr = x.indices.ctypes.data, x.indptr.ctypes.data
    rows.wide_indices = int(x.indices.dtype == np.int64)
    rows.kept = x
    return rows


def data_of(x: Any, y: Any, weights: Any = None) -> Data:
    """A lamina_data; int32 targets are classes, and rows of scipy are sparse."""
    rows = SparseData(struct_size=ct.sizeof(SparseData), rows=x.shape[0])
    if isinstance(x, np.ndarray):
        rows.x, rows.x_type, rows.x_stride = x.ctypes.data, TYPES[x.dtype], x.strides[0]
    else:
        rows.sparse_x = ct.pointer(sparse_of(x))
    if y.dtype == np.int32:
        rows.classes = y.ctypes.data
    else:
        rows.y, rows.y_type = y.ctypes.data, TYPES[y.dtype]
        rows.y_columns = 1 if y.ndim == 1 else y.shape[1]
    if weights is not None:
        weights = np.asarray(weights, np.float64)
        rows.weights = weights.ctypes.data
    rows.kept = x, y, weights
    return rows


class CLibrary:
    """The functions; one that gives a status raises ValueError with its sentence."""

    def __init__(self, path: Any) -> None:
        self._library = ct.CDLL(str(path))
        # As a C compiler would know them from the header.
        values = {
            ct.c_size_t: "inputs outputs parameters table_outputs classes history_epochs "
            "evaluation_figures optimizer_states",
            ct.c_char_p: "error_message version describe class_name input_name history_stop_reason",
            ct.c_double: "history_figure optimizer_learning_rate fit_figure evaluation_value",
            ct.c_int64: "history_best_epoch optimizer_steps",
            ct.c_int: "version_number num_threads is_table model_type",
            None: "free network_free predictor_free optimizer_free history_free fit_stop "
            "evaluation_free",
        }
        self._values = {name for names in values.values() for name in names.split()}
        for kind, names in values.items():
            for name in names.split():
                getattr(self._library, f"lamina_{name}").restype = kind

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._library, f"lamina_{name}")
        if name in self._values:
            return function

        def checked(*arguments: Any) -> None:
            if status := function(*arguments):
                raise ValueError(f"{status}: {self._library.lamina_error_message().decode()}")

        return checked

    def build(self, spec: Mapping[str, Any], *, dtype: str = "float32", seed: int = 0) -> "CModel":
        """A model from what `to_spec` gives, by calls of lamina_network_add and its like."""
        network = ct.c_void_p()
        self.network_create(ct.c_size_t(spec["inputs"]), ct.byref(network))
        try:
            self._add_layers(network, spec["layers"])
            model = CModel(self)
            kind = FLOAT32 if dtype == "float32" else FLOAT64
            self.model_create(network, kind, ct.c_uint64(seed), ct.byref(model.handle))
            return model
        finally:
            self.network_free(network)

    def _add_layers(self, network: Any, layers: Sequence[Mapping[str, Any]]) -> None:
        for layer in layers:
            own = {k: v for k, v in layer.items() if k not in ("kind", "layers")}
            array, count = options_of(own)
            kind, arguments = layer["kind"].encode(), (array, ct.c_size_t(count))
            if "layers" not in layer:
                self.network_add(network, kind, *arguments)
                continue
            self.network_begin(network, kind, *arguments)
            self._add_layers(network, layer["layers"])
            self.network_end(network)

    def load(self, path: Any) -> "CModel":
        """The model in a file."""
        model = CModel(self)
        self._check(self._library.lamina_load(str(path).encode(), ct.byref(model.handle)))
        return model

    def _check(self, status: int) -> None:
        if status:
            raise ValueError(f"{status}: {self._library.lamina_error_message().decode()}")


class CModel:
    """A lamina_model."""

    def __init__(self, library: CLibrary) -> None:
        self.c, self.handle = library, ct.c_void_p()

    def __del__(self) -> None:
        self.c.free(self.handle)

    @property
    def dtype(self) -> Any:
        """numpy's type of the weights."""
        return np.float64 if self.c.model_type(self.handle) == FLOAT64 else np.float32

    def parameters(self, function: str = "get_parameter") -> dict[str, Any]:
        """Weights by name, or with "get_gradient" their gradients."""
        found = {}
        for index in range(self.c.parameters(self.handle)):
            info = Parameter(struct_size=ct.sizeof(Parameter))
            place = ct.c_size_t(index)
            self.c.parameter_info(self.handle, place, ct.byref(info))
            values = np.empty(list(info.shape)[: info.dimensions], self.dtype)
            getattr(self.c, function)(self.handle, place, values.ctypes.data_as(ct.c_void_p))
            found[info.name.decode()] = values
        return found

    def fit(self, data: Data, **options: Any) -> ct.c_void_p:
        """Trains and gives the history; options as lamina_fit_options has them."""
        own = OrderedFitOptions()
        self.c.fit_options_init(ct.byref(own), ct.c_size_t(ct.sizeof(own)))
        for name, value in options.items():
            if isinstance(getattr(own, name), Description):
                value = description_of(value)
            if name == "validation":
                value = ct.cast(value, ct.POINTER(Data))
            setattr(own, name, value)
        history = ct.c_void_p()
        self.c.fit(self.handle, ct.byref(data), ct.byref(own), ct.byref(history))
        return history

    def figures(self, history: Any, name: str) -> list[float]:
        """A figure of each epoch of a history."""
        epochs = self.c.history_epochs(history)
        return [
            self.c.history_figure(history, ct.c_size_t(i), name.encode()) for i in range(epochs)
        ]

    def evaluate(
        self, data: Data, loss: Any = None, metrics: Sequence[Metric] = ()
    ) -> dict[str, Any]:
        """lamina_evaluate_with, as Python's evaluate returns it."""
        options = EvaluateOptions(ct.sizeof(EvaluateOptions), description_of(loss))
        options.metrics, options.metric_count = (Metric * len(metrics))(*metrics), len(metrics)
        handle, figures = ct.c_void_p(), {}
        arguments = ct.byref(data), ct.byref(options), ct.byref(handle)
        self.c.evaluate_with(self.handle, *arguments)
        for index in range(self.c.evaluation_figures(handle)):
            figure = Figure(ct.sizeof(Figure))
            self.c.evaluation_figure(handle, ct.c_size_t(index), ct.byref(figure))
            values = np.array(figure.values[: figure.elements])
            name = figure.name.decode()
            if figure.dimensions == 0:
                figures[name] = float(values[0])
                assert self.c.evaluation_value(handle, figure.name) == figures[name]
            else:
                figures[name] = values.reshape(figure.shape[: figure.dimensions])
        self.c.evaluation_free(handle)
        return figures

    def predict_sparse(self, x: Any, dtype: Any) -> Any:
        """lamina_predict_sparse of a matrix of scipy's."""
        y = np.empty((x.shape[0], self.c.outputs(self.handle)), dtype)
        rows, pointer = sparse_of(x), y.ctypes.data_as(ct.c_void_p)
        count = ct.c_size_t(x.shape[0])
        self.c.predict_sparse(self.handle, ct.byref(rows), count, TYPES[y.dtype], pointer)
        return y

    def predict(self, x: Any) -> Any:
        """lamina_predict, or lamina_predict_double for rows of float64."""
        y = np.empty((len(x), self.c.outputs(self.handle)), x.dtype)
        function = self.c.predict if x.dtype == np.float32 else self.c.predict_double
        pointers = (array.ctypes.data_as(ct.c_void_p) for array in (x, y))
        x_pointer, y_pointer = pointers
        function(self.handle, x_pointer, ct.c_size_t(len(x)), y_pointer)
        return y

    def save(self, path: Any) -> None:
        """lamina_save."""
        self.c.save(self.handle, str(path).encode())


def assert_same(net: Any, model: CModel) -> None:
    """Every weight of Python's network and of the model has the same bits."""
    expected, got = net.parameters(), model.parameters()
    assert list(expected) == list(got)
    for name, values in expected.items():
        assert values.tobytes() == got[name].tobytes(), name


def load_library() -> CLibrary:
    """Those of the library that Python's module uses, too."""
    folder = Path(_core.__file__).parent
    places = [*folder.glob("lib/liblamina.*"), *folder.glob("lamina.dll")]
    return CLibrary(next(place for place in places if place.suffix in (".so", ".dylib", ".dll")))
