"""Layers of single columns as steps: features of a table's columns, embeddings."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lamina._export._step_writer import StepWriter
from lamina._export._steps import Value
from lamina._layers.column_encoding import (
    CategoryEncoding,
    CodeEncoding,
    ColumnEncoding,
    DateEncoding,
    NumberEncoding,
)
from lamina._layers.column_layers import Embedding, Periodic, PiecewiseLinear
from lamina._layers.layer import Layer


class FeatureCodes(NamedTuple):
    """Which features of a table are plain, and the runs of steps and of categories.

    As the core's `FeatureCodes` has them; see `Network.sums_codes`.
    """

    plain: list[int]
    runs: list[int]  # of each its first feature, how many, and 1 where they are steps

    @staticmethod
    def of(layer: ColumnEncoding) -> "FeatureCodes":
        """The features of a layer."""
        plain: list[int] = []
        runs: list[int] = []
        place = 0
        for column in layer.columns:
            count = column.features - int(column.indicator)
            if isinstance(column, CategoryEncoding):
                runs += [place, count, 0]
            elif isinstance(column, NumberEncoding):
                plain.append(place)
                runs += [place + 1, count - 1, 1] if count > 1 else []
            else:
                plain += range(place, place + count)
            place += column.features
            plain += [place - 1] if column.indicator else []
        return FeatureCodes(plain, runs)


def column_steps(writer: StepWriter, layer: Layer, path: str) -> None:
    """Add the step of such a layer; each line is of one column of one row."""
    match layer:
        case ColumnEncoding():
            _ColumnEncoding(writer, path).add(layer)
        case Embedding():
            _Embedding(writer, path, [c for c, _ in _pairs(layer.columns)], layer.units).add(layer)
        case PiecewiseLinear():
            columns = [c for c, _ in _pairs(layer.edges)]
            _Piecewise(writer, path, columns, layer.units).add(layer)
        case Periodic():
            frequencies = writer.parameter(f"{path}.frequencies")
            bias = writer.parameter(f"{path}.bias")
            made = bias.shape[-1] + int(layer.form == "pbld")
            assert len(frequencies) == len(tuple(layer.columns))
            _Periodic(writer, path, list(layer.columns), made).add(layer)


class _Lines:
    """The lines of a step, for each row of the members: places count from the row's begin."""

    def __init__(self, writer: StepWriter, path: str) -> None:
        self.writer, self.path = writer, path
        self.forward: list[str] = []
        self.back: list[str] = []
        self.source = writer.value

    def finish(self, columns: int) -> None:
        rows = self.source.rows
        forward, back = self.forward, self.back
        if rows > 1:
            forward, back = (
                [f"for row in range({rows}):", *(f"    {line}" for line in lines)]
                for lines in (forward, back)
            )
        target = Value(columns, rows)
        forward, back = (
            [
                line.replace("[from]", f"row * {self.source.columns} + " if rows > 1 else "")
                for line in lines
            ]
            for lines in (forward, back)
        )
        forward, back = (
            [line.replace("[to]", f"row * {columns} + " if rows > 1 else "") for line in lines]
            for lines in (forward, back)
        )
        self.writer.add(target, forward, back)

    def x(self, place: int) -> str:
        return f"{{x}}[[from]{place}]"

    def add_back(self, call: str, place: int) -> None:
        self.back.append(f"add_to({call}, {{dx}}, [from]{place})")


class _ColumnEncoding(_Lines):
    """Features of a table's columns."""

    def add(self, layer: ColumnEncoding) -> None:
        number = self.writer.number
        edges = [list(c.edges) if isinstance(c, NumberEncoding) else [] for c in layer.columns]
        flat = [edge for own in edges for edge in own]
        name = self.writer.constant(f"{self.path}.edges", flat or [0.0])
        place = to = edge = 0
        for column, own in zip(layer.columns, edges, strict=True):
            x, steps, width = self.x(place), max(len(own) - 1, 0), column.features
            limit = number(getattr(column, "limit", 0.0))
            if isinstance(column, NumberEncoding):
                start = f"{x}, {steps}, {name}, {edge}, {limit}"
                fill = number(column.fill)
                self.forward.append(f"encode_number({start}, {fill}, {{y}}, [to]{to})")
                self.add_back(f"back_encode_number({start}, {{dy}}, [to]{to})", place)
            elif isinstance(column, DateEncoding):
                x = f"{x} + {self.x(place + 1)}"
                start = f"{self.x(place)}, {self.x(place + 1)}, {column.center!r}, "
                start += f"{column.scale!r}, {limit}"
                self.forward.append(f"encode_date({start}, {column.fill!r}, {{y}}, [to]{to})")
                for own_place in (place, place + 1):
                    self.add_back(f"back_encode_date({start}, {{dy}}, [to]{to})", own_place)
            else:
                kind = "category" if isinstance(column, CategoryEncoding) else "code"
                assert isinstance(column, CategoryEncoding | CodeEncoding)
                self.forward.append(f"encode_{kind}({x}, {column.count}, {{y}}, [to]{to})")
            if column.indicator:
                self.forward.append(f"encode_missing({x}, {{y}}, [to]{to + width - 1})")
            place, to, edge = place + column.inputs, to + width, edge + len(own)
        self.finish(to)


class _ColumnLayer(_Lines):
    """A layer that turns some columns into `units` each, and passes the others on."""

    def __init__(self, writer: StepWriter, path: str, columns: Sequence[int], units: int) -> None:
        super().__init__(writer, path)
        self.columns, self.units = list(columns), units
        self.targets: dict[int, int] = {}
        to = begin = 0
        for column in [*self.columns, self.source.columns]:
            count = column - begin
            if count:
                part = f"copy_part({count}, {{x}}, [from]{begin}, {{y}}, [to]{to})"
                self.forward.append(part)
                self.back.append(
                    f"back_copy_part({count}, {{dy}}, [to]{to}, {{dx}}, [from]{begin})"
                )
            to += count
            self.targets[column] = to
            to, begin = to + units, column + 1
        self.width = to - units

    def constant(self, name: str, values: Any = None) -> str:
        array = self.writer.parameter(f"{self.path}.{name}") if values is None else values
        return self.writer.constant(f"{self.path}.{name}", array)


class _Embedding(_ColumnLayer):
    """Rows of tables."""

    def add(self, layer: Embedding) -> None:
        table, first = self.constant("weight"), 0
        for column, count in _pairs(layer.columns):
            start = f"{self.x(column)}, {count}, {self.units}, {table}, {first}"
            self.forward.append(f"embed({start}, {{y}}, [to]{self.targets[column]})")
            first += count + 1
        self.finish(self.width)


class _Piecewise(_ColumnLayer):
    """Numbers by where they lie among edges."""

    def add(self, layer: PiecewiseLinear) -> None:
        pairs = _pairs(layer.edges)
        edges = self.constant("edges", np.concatenate([np.asarray(own) for _, own in pairs]))
        weight, bias, units = self.constant("weight"), self.constant("bias"), self.units
        slope = self.constant("slope") if layer.version == "B" else ""
        edge = first = 0
        for i, (column, own) in enumerate(pairs):
            x, to, bins = self.x(column), f"[to]{self.targets[column]}", len(own) - 1
            start = f"{x}, {bins}, {units}, {edges}, {edge}, {weight}, {first}"
            self.forward.append(f"embed_piecewise({start}, {bias}, {i}, {{y}}, {to})")
            if layer.activation == "relu":
                self.forward.append(f"relu_part({units}, {{y}}, {to})")
                self.back.append(f"back_relu_part({units}, {{y}}, {{dy}}, {to})")
            if slope:
                line = f"{x}, {units}, {slope}, {i}"
                self.forward.append(f"add_slope({line}, {{y}}, {to})")
                self.add_back(f"back_add_slope({line}, {{dy}}, {to})", column)
            self.add_back(f"back_embed_piecewise({start}, {{dy}}, {to})", column)
            edge, first = edge + len(own), first + bins
        self.finish(self.width)


class _Periodic(_ColumnLayer):
    """Waves of numbers."""

    def add(self, layer: Periodic) -> None:
        frequencies = self.writer.parameter(f"{self.path}.frequencies")
        keeps = int(layer.form == "pbld")
        rates, weight, bias = (self.constant(n) for n in ("frequencies", "weight", "bias"))
        phases = self.constant("phases") if keeps else rates
        relu = (layer.activation or ("identity" if keeps else "relu")) == "relu"
        made, waves = self.units - keeps, frequencies.shape[1]
        for i, column in enumerate(self.columns):
            x, to = self.x(column), self.targets[column]
            own, map_number = f"[to]{to + keeps}", 0 if layer.shared else i
            start = f"{waves}, {rates}, {phases}, {i}, {keeps}, {made}, {weight}"
            forward = f"{start}, {bias}, {map_number}, {{y}}, {own}"
            self.forward.append(f"embed_periodic(present({x}), {forward})")
            if relu:
                self.forward.append(f"relu_part({made}, {{y}}, {own})")
                self.back.append(f"back_relu_part({made}, {{y}}, {{dy}}, {own})")
            if keeps:
                self.forward.append(f"copy_part(1, {{x}}, [from]{column}, {{y}}, [to]{to})")
                self.back.append(f"back_copy_part(1, {{dy}}, [to]{to}, {{dx}}, [from]{column})")
            self.forward.append(f"clear_if_missing({x}, {self.units}, {{y}}, [to]{to})")
            back = f"{x}, {start}, {map_number}, {{dy}}, {own}"
            self.add_back(f"back_embed_periodic({back})", column)
        self.finish(self.width)


def _pairs(columns: Any) -> list[tuple[int, Any]]:
    return [(int(column), value) for column, value in columns]
