"""What a file of ONNX holds of a table model, as plain records."""

from typing import Any

import numpy as np

from lamina._checks.packages import missing_package
from lamina._checks.types import PathLike
from lamina.tabular._encoders import CategoryEncoder, Encoder, NumberEncoder
from lamina.tabular._networks import Networks
from lamina.tabular._preprocessor import Preprocessor
from lamina.tabular._target import DEFAULT_THRESHOLD, ClassTarget, NumberTarget, Target
from lamina.tabular._texts import (
    TRUTH_VALUES,
    find_places,
    is_code,
    parse_date,
    parse_number,
    same_value,
)

_DTYPES = ("float64", "float32")
# With so many a column of prices or of shares is written at most.
_MOST_DECIMALS = 4


def export_table(
    preprocessor: Preprocessor,
    target: Target,
    networks: Networks,
    path: PathLike | None,
    *,
    dtype: str,
    threshold: float | None,
) -> Any:
    """The model, an `onnx.ModelProto`, also as a file; see `TablePredictor.export_onnx`."""
    try:
        from lamina._onnx.files import write_model
        from lamina._onnx.table import Table, TableNetwork, table_model
    except ImportError:
        raise missing_package("export_onnx", "onnx") from None
    if dtype not in _DTYPES:
        raise ValueError(f"export_onnx: expected dtype float64 or float32, got {dtype!r}")
    target.check_threshold(threshold)
    first = preprocessor.layer().to_spec()
    parts = [
        TableNetwork(net.to_spec()["layers"], net.parameters(), net.dtype, float(share))
        for net, share in zip(networks.each, networks.shares, strict=True)
    ]
    columns = [_column(encoder, preprocessor.missing_values) for encoder in preprocessor.encoders]
    model = table_model(Table(columns, first, parts, _output(target, threshold)), dtype)
    if path is not None:
        write_model(model, path)
    return model


def _column(encoder: Encoder, missing_values: tuple[str, ...]) -> Any:
    from lamina._onnx.table_columns import CategoryColumn, DateColumn, NumberColumn

    if isinstance(encoder, NumberEncoder):
        scaling, missing = encoder.scaling, _numbers(missing_values)
        parts = (encoder.name, encoder.edges, scaling.center, scaling.scale)
        return NumberColumn(*parts, missing)
    if isinstance(encoder, CategoryEncoder):
        other = float(len(encoder.categories)) if encoder.other else -1.0
        return CategoryColumn(encoder.name, _codes(encoder, missing_values), other)
    dates = [parse_date(text) for text in missing_values]
    seconds = [float(date.astype(np.int64)) for date in dates if date is not None]
    return DateColumn(encoder.name, tuple(seconds))


def _numbers(missing_values: tuple[str, ...]) -> tuple[float, ...]:
    numbers = [parse_number(same_value(text)) for text in missing_values]
    return tuple(sorted({n for n in numbers if n is not None and n == n}))


def _codes(encoder: CategoryEncoder, missing_values: tuple[str, ...]) -> dict[str, float]:
    """The code of each text that is likely for a category, and of those that are missing ones."""
    texts = {text for name in encoder.categories for text in _spellings(name)}
    if {same_value(name) for name in encoder.categories} <= {"0", "1", *TRUTH_VALUES}:
        texts |= {text for value in ("0", "1", *TRUTH_VALUES) for text in _spellings(value)}
    ordered = sorted(texts)
    places = find_places(encoder.categories, ordered)
    found = zip(ordered, places.tolist(), strict=True)
    codes = {text: float(place) for text, place in found if place >= 0}
    missing = {spelling for text in missing_values for spelling in _spellings(text)}
    return codes | dict.fromkeys(sorted(missing), float("nan"))


def _spellings(text: str) -> set[str]:
    """A text, and how its value is usually written: 2, 2.0, 2.00; True, true, TRUE."""
    value = same_value(text)
    spellings = {text, value}
    if value in TRUTH_VALUES:
        return spellings | {value.title(), value.upper()}
    number = parse_number(value) if value[:1] in "0123456789+-." and value else None
    if number is None or number != number or is_code(value):
        return spellings
    spellings |= {str(number), *(f"{number:.{digits}f}" for digits in range(_MOST_DECIMALS + 1))}
    return {spelling for spelling in spellings if same_value(spelling) == value}


def _output(target: Target, threshold: float | None) -> Any:
    from lamina._onnx.table import ClassOutput, NumberOutputs

    if isinstance(target, ClassTarget):
        limit = DEFAULT_THRESHOLD if threshold is None else float(threshold)
        return ClassOutput(target.name, target.classes, target.temperature, limit)
    return NumberOutputs(tuple(_number(number) for number in target.each))


def _number(number: NumberTarget) -> Any:
    from lamina._onnx.table import NumberOutput

    spread = number.spread
    if spread is None:
        return NumberOutput(number.name, number.mean, number.scale)
    return NumberOutput(
        number.name,
        number.mean,
        number.scale,
        spread.levels,
        spread.levels.index(0.5),
        None if spread.coverage is None else spread.ends,
        spread.coverage,
        spread.margin,
    )
