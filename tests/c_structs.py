"""The structs of lamina.h for ctypes."""

import ctypes as ct
from typing import Any

import numpy as np

FLOAT32, FLOAT64 = 0, 1
PREDICTIONS, CLASS_INDICES, QUANTILES, INTERVALS = range(4)
TYPES = {np.dtype(np.float32): FLOAT32, np.dtype(np.float64): FLOAT64}


class Option(ct.Structure):
    """lamina_option."""


class _Value(ct.Union):
    _fields_ = [
        ("boolean", ct.c_int),
        ("integer", ct.c_int64),
        ("number", ct.c_double),
        ("text", ct.c_char_p),
        ("array", ct.c_void_p),
    ]


Option._fields_ = [
    ("name", ct.c_char_p),
    ("kind", ct.c_int),
    ("value", _Value),
    ("count", ct.c_size_t),
]


class Description(ct.Structure):
    """lamina_description."""

    _fields_ = [("kind", ct.c_char_p), ("options", ct.POINTER(Option)), ("count", ct.c_size_t)]


class Parameter(ct.Structure):
    """lamina_parameter."""

    _fields_ = [
        ("struct_size", ct.c_size_t),
        ("name", ct.c_char_p),
        ("dimensions", ct.c_size_t),
        ("shape", ct.c_size_t * 4),
        ("elements", ct.c_size_t),
        ("trainable", ct.c_int),
    ]


class Data(ct.Structure):
    """lamina_data."""

    _fields_ = [
        ("struct_size", ct.c_size_t),
        ("x", ct.c_void_p),
        ("x_type", ct.c_int),
        ("rows", ct.c_size_t),
        ("x_stride", ct.c_size_t),
        ("classes", ct.c_void_p),
        ("y", ct.c_void_p),
        ("y_type", ct.c_int),
        ("y_columns", ct.c_size_t),
        ("weights", ct.c_void_p),
    ]


class SparseRows(ct.Structure):
    """lamina_sparse_rows."""

    _fields_ = [
        ("struct_size", ct.c_size_t),
        ("values", ct.c_void_p),
        ("type", ct.c_int),
        ("stored", ct.c_size_t),
        ("indices", ct.c_void_p),
        ("indptr", ct.c_void_p),
        ("wide_indices", ct.c_int),
    ]


class SparseData(Data):
    """lamina_data with what came after its first version."""

    _fields_ = [("sparse_x", ct.POINTER(SparseRows))]


class LossBatch(ct.Structure):
    """lamina_loss_batch."""

    _fields_ = [
        ("struct_size", ct.c_size_t),
        ("type", ct.c_int),
        ("rows", ct.c_size_t),
        ("outputs_columns", ct.c_size_t),
        ("outputs", ct.c_void_p),
        ("classes", ct.c_void_p),
        ("y", ct.c_void_p),
        ("y_columns", ct.c_size_t),
        ("gradient", ct.c_void_p),
    ]

    def array(self, name: str, columns: int) -> Any:
        """outputs, y or gradient as [rows, columns]."""
        kind = ct.c_double if self.type == FLOAT64 else ct.c_float
        pointer = ct.cast(getattr(self, name), ct.POINTER(kind))
        return np.ctypeslib.as_array(pointer, (self.rows, columns))


LossCall = ct.CFUNCTYPE(ct.c_int, ct.POINTER(LossBatch), ct.POINTER(ct.c_double), ct.c_void_p)


class LossFunction(ct.Structure):
    """lamina_loss_function."""

    _fields_ = [("struct_size", ct.c_size_t), ("function", LossCall), ("user", ct.c_void_p)]


class Figure(ct.Structure):
    """lamina_figure."""

    _fields_ = [
        ("struct_size", ct.c_size_t),
        ("name", ct.c_char_p),
        ("values", ct.POINTER(ct.c_double)),
        ("elements", ct.c_size_t),
        ("dimensions", ct.c_size_t),
        ("shape", ct.c_size_t * 2),
    ]


class EarlyStopping(ct.Structure):
    """lamina_early_stopping."""

    _fields_ = [
        ("struct_size", ct.c_size_t),
        ("monitor", ct.c_char_p),
        ("patience", ct.c_size_t),
        ("min_delta", ct.c_double),
        ("greater_is_better", ct.c_int),
        ("restore_best_weights", ct.c_int),
        ("keep_last", ct.c_int),
    ]


MetricFunction = ct.CFUNCTYPE(
    ct.c_double,
    ct.POINTER(ct.c_double),
    ct.c_size_t,
    ct.POINTER(ct.c_double),
    ct.c_size_t,
    ct.c_size_t,
    ct.POINTER(ct.c_double),
    ct.c_void_p,
)


class Metric(ct.Structure):
    """lamina_metric."""

    _fields_ = [
        ("metric", Description),
        ("function", MetricFunction),
        ("user", ct.c_void_p),
        ("greater_is_better", ct.c_int),
    ]


class EvaluateOptions(ct.Structure):
    """lamina_evaluate_options."""

    _fields_ = [
        ("struct_size", ct.c_size_t),
        ("loss", Description),
        ("metrics", ct.POINTER(Metric)),
        ("metric_count", ct.c_size_t),
    ]


class ClassWeight(ct.Structure):
    """lamina_class_weight."""

    _fields_ = [("label", ct.c_double), ("weight", ct.c_double)]


class FitOptions(ct.Structure):
    """lamina_fit_options."""

    _fields_ = [
        ("struct_size", ct.c_size_t),
        ("loss", Description),
        ("optimizer", Description),
        ("optimizer_state", ct.c_void_p),
        ("epochs", ct.c_size_t),
        ("batch_size", ct.c_size_t),
        ("accumulate", ct.c_size_t),
        ("shuffle", ct.c_int),
        ("seed", ct.c_uint64),
        ("validation", ct.POINTER(Data)),
        ("validation_fraction", ct.c_double),
        ("schedule", Description),
        ("decay_schedule", Description),
        ("noise_schedule", Description),
        ("average", Description),
        ("metrics", ct.POINTER(Metric)),
        ("metric_count", ct.c_size_t),
        ("class_weights", ct.POINTER(ClassWeight)),
        ("class_weight_count", ct.c_size_t),
        ("balanced_classes", ct.c_int),
        ("early_stopping", ct.POINTER(EarlyStopping)),
        ("target_loss", ct.c_double),
        ("time_limit", ct.c_double),
        ("observers", ct.c_void_p),
        ("observer_count", ct.c_size_t),
    ]


RowOrder = ct.CFUNCTYPE(ct.c_int, ct.c_size_t, ct.POINTER(ct.c_int64), ct.c_size_t, ct.c_void_p)


class OrderedFitOptions(FitOptions):
    """lamina_fit_options with what came after its first version."""

    _fields_ = [("row_order", RowOrder), ("row_order_user", ct.c_void_p)]


class LoadOptions(ct.Structure):
    """lamina_load_options."""

    _fields_ = [("struct_size", ct.c_size_t), ("memory_map", ct.c_int), ("self_test", ct.c_int)]


class SaveOptions(ct.Structure):
    """lamina_save_options."""

    _fields_ = [
        ("struct_size", ct.c_size_t),
        ("storage", ct.c_int),
        ("self_test_type", ct.c_int),
        ("self_test_x", ct.c_void_p),
        ("self_test_columns", ct.c_void_p),
        ("self_test_column_count", ct.c_size_t),
        ("self_test_rows", ct.c_size_t),
    ]


class Observer(ct.Structure):
    """lamina_observer."""

    _fields_ = [
        ("struct_size", ct.c_size_t),
        ("user", ct.c_void_p),
        ("on_fit_begin", ct.c_void_p),
        ("on_epoch_begin", ct.c_void_p),
        ("on_step_end", ct.c_void_p),
        ("on_epoch_end", ct.c_void_p),
        ("on_fit_end", ct.c_void_p),
        ("on_poll", ct.c_void_p),
    ]


class Cell(ct.Structure):
    """lamina_cell."""

    _fields_ = [("column", ct.c_char_p), ("text", ct.c_char_p), ("number", ct.c_double)]


class Column(ct.Structure):
    """lamina_column."""

    _fields_ = [
        ("name", ct.c_char_p),
        ("numbers", ct.c_void_p),
        ("texts", ct.POINTER(ct.c_char_p)),
    ]
