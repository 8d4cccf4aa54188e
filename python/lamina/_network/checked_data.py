"""What users give a network to work on, checked against it: rows, targets, weights, losses."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lamina import _core
from lamina._checks import arrays, frames
from lamina._checks.sparse import SparseRows, is_sparse, sparse_rows
from lamina._checks.stack_level import stack_level
from lamina._checks.types import ArrayLike
from lamina._losses.custom import custom_targets, is_custom_loss
from lamina._losses.losses import CustomLoss, Loss, core_loss, default_loss, is_constant
from lamina._network.examples import Array, Examples
from lamina._network.stack import Stack


def checked_inputs(
    net: Stack,
    X: ArrayLike,
    where: str,
    least_rows: int = 1,
    *,
    remembers: bool = False,
    precision: bool = True,
) -> Array:
    """X checked, and the network built for it; where asked, a frame's names are remembered."""
    names = None
    if type(X) not in arrays.NO_FRAMES:
        X, names = frames.columns_of(X, where)
        if names is not None and (net._feature_names or net._core is not None):
            frames.check_names(names, net._feature_names, where)
    array = arrays.inputs(
        X,
        columns=None if net._core is None else net._core.inputs,
        dtype=net.dtype,
        where=where,
        least_rows=least_rows,
        names=names,
        subtracts=net._subtracts,
        check_precision=precision,
        nan_allowed=net.layers[0].takes_missing,
    )
    if (may_miss := net.layers[0].missing_columns) is not None:
        arrays.refuse_missing(array, may_miss, where, names)
    if net._core is None:
        net._build(array.shape[1])
    if remembers and names is not None:
        net._feature_names = names
    return array


def checked_rows(
    net: Stack,
    X: ArrayLike,
    where: str,
    least_rows: int = 1,
    *,
    remembers: bool = False,
    precision: bool = True,
) -> Array | SparseRows:
    """`checked_inputs`, or scipy's sparse matrices as sparse rows, for a network of numbers."""
    if type(X) in arrays.NO_FRAMES or not is_sparse(X):
        return checked_inputs(net, X, where, least_rows, remembers=remembers, precision=precision)
    rows = sparse_rows(
        X,
        columns=None if net._core is None else net._core.inputs,
        dtype=net.dtype,
        where=where,
        least_rows=least_rows,
        nan_allowed=net.layers[0].takes_missing and net.layers[0].missing_columns is None,
    )
    if net._core is None:
        net._build(rows.shape[1])
    return rows


@contextmanager
def unchanged_on_error(net: Stack) -> Iterator[None]:
    """Forget the number and names of inputs taken from data that are then refused."""
    before = net._core, net._feature_names
    try:
        yield
    except BaseException:
        net._core, net._feature_names = before
        raise


def checked_loss(net: Stack, loss: str | Loss | CustomLoss | None) -> _core.Loss:
    """The loss of that name, or where none is given the one that goes with the outputs."""
    if net._last_loss is not None and net._last_loss[0] is loss:
        return net._last_loss[1]
    last = net._core_network().output_activation()
    found = core_loss(default_loss(last) if loss is None else loss)
    if loss is None or isinstance(loss, str) or is_constant(loss):
        net._last_loss = loss, found
    return found


def checked_targets(
    net: Stack, y: ArrayLike, loss: _core.Loss | CustomLoss, rows: int, where: str
) -> tuple[Array | None, Array | None]:
    """y as (class indices, None) or (None, values), as the loss has it."""
    if not isinstance(loss, _core.Loss):
        return None, custom_targets(y, rows, where)
    columns = net._core_network().target_columns(loss)
    return arrays.targets(y, loss=loss, rows=rows, columns=columns, dtype=net.dtype, where=where)


def checked_examples(
    net: Stack,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss | CustomLoss | None,
    weight: ArrayLike | None,
    where: str,
    *,
    custom: bool = False,
) -> tuple[Examples, Any]:
    """Rows with targets and weights, and the loss that takes them.

    Args:
        custom: a function of the user's may be the loss.
    """
    with unchanged_on_error(net):
        x = checked_rows(net, X, where, remembers=where == "fit")
        takes_it = custom and is_custom_loss(loss, weight, where)
        chosen: Any = loss if takes_it else checked_loss(net, loss)
        classes, values = checked_targets(net, y, chosen, len(x), where)
        if type(X) not in arrays.NO_FRAMES:
            frames.warn_where_rows_differ(X, y, where, "y", stack_level())
        weights = _weights(net, weight, chosen, len(x), where)
    return Examples(x, classes, values, weights), chosen


def checked_validation(
    net: Stack,
    data: tuple[ArrayLike, ...],
    loss: _core.Loss | CustomLoss,
    trained: Array | SparseRows,
) -> Examples:
    """What `fit` was given as validation_data, beside the rows it trains on."""
    if not 2 <= len(data) <= 3:
        raise ValueError(
            "fit: expected validation_data as (X, y) or (X, y, sample_weight), "
            f"got {len(data)} parts"
        )
    where = "fit, validation_data"
    # Once a call: not where it was said of the rows to train on.
    said = None
    if not isinstance(trained, SparseRows):
        said = arrays.precision_problem(trained, net.dtype, "", "X", subtracts=net._subtracts)
    x = checked_rows(net, data[0], where, precision=said is None)
    classes, values = checked_targets(net, data[1], loss, len(x), where)
    given = data[2] if len(data) == 3 else None
    is_custom_loss(loss, given, where)
    return Examples(x, classes, values, _weights(net, given, loss, len(x), where))


def _weights(
    net: Stack, weight: ArrayLike | None, loss: _core.Loss | CustomLoss, rows: int, where: str
) -> Array | None:
    """Sample weights; those of a mean count relative to each other alone."""
    absolute: arrays.Dtype | None = "float64" if where == "value_and_grad" else None
    by_row = where in ("sample_gradients", "sample_gradient_norms")
    if by_row or (isinstance(loss, _core.Loss) and not loss.mean_over_rows):
        absolute = net.dtype
    return arrays.sample_weights(weight, rows=rows, where=where, absolute=absolute)
