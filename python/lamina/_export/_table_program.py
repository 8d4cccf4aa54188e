"""The program of a model of a table, from the plain records of its preprocessing and its target."""

import datetime
import math as numbers
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina._checks.spec import Spec
from lamina._export._identifiers import in_docstring, printable
from lamina._export._integers import IntegerRange
from lamina._export._layer_steps import LayerWriter
from lamina._export._network_program import TOLERANCE_OF_INTEGERS, TOLERANCES
from lamina._export._program import (
    Answer,
    Column,
    Math,
    Program,
    Table,
    Tested,
    class_source,
    finish_program,
)
from lamina._export._steps import Constant, constant, predict_code
from lamina._export.sources import TableSource

Array = NDArray[Any]
_MOST_SHOWN = 6
ROWS = 8  # of the self-test


def table_program(
    source: TableSource,
    *,
    math: Math = "own",
    ranges: Sequence[Sequence[IntegerRange]] | None = None,
    tested: Tested | None = None,
) -> Program:
    """The program.

    Args:
        ranges: of each network, for products of integers; None: products of its own numbers.
        tested: what the self-test compares, answers [rows, numbers]; None: there is none.
    """
    first = source.networks[0]
    program = Program(
        _what(source), first.real, first.inputs, first.outputs, math=math, has_integers=bool(ranges)
    )
    program.tolerance = TOLERANCE_OF_INTEGERS if ranges else TOLERANCES[first.real]
    columns = _Columns(*source.preprocessor, first.real)
    sources = [columns.source()]
    program.constants += columns.constants
    features = LayerWriter(first.inputs, {}, first.dtype)
    features.add_layer(first.layers[0], "layers.0")
    program.constants += features.steps.constants
    doc = "Features f of the columns of a row."
    sources.append(predict_code("features", features.steps, doc))
    for number, network in enumerate(source.networks):
        own = None if ranges is None else ranges[number]
        prefix = f"network_{number}_" if len(source.networks) > 1 else ""
        width = features.value.columns
        writer = LayerWriter(width, network.parameters, network.dtype, prefix, own)
        writer.codes, writer.features = features.codes, writer.value
        writer.sums_codes = network.sums_codes
        writer.add_layers(network.layers[1:], first=1)
        program.constants += writer.steps.constants
        needed = {k: v for k, v in writer.steps.sources.items() if not k.startswith("back_")}
        doc = f"Outputs y of network {number} of the features x of a row."
        sources += [*needed.values(), predict_code(f"network_{number}", writer.steps, doc)]
    target = _Target(*source.target)
    sources.append(_outputs_source(source, features.value.columns, target))
    answers = target.answers()
    sources += [text for _, text in answers]
    names = [answer.function for answer, _ in answers]
    program.class_names = target.classes
    if target.classes:
        sources.append(class_source(len(target.classes), "Doubles", len(target.classes)))
        names.append("class_of")
    program.table = Table(columns.columns, [answer for answer, _ in answers])
    finish_program(program, sources, names)
    if tested is not None:
        program.table.rows = tested.rows
        program.constants += [
            constant("selftest_answers", "double", tested.expected),
            constant("selftest_limits", "double", tested.limits(program.tolerance)),
        ]
    return program


def _what(source: TableSource) -> list[str]:
    record = source.target[0]
    own = [record["name"]] if "name" in record else [t["name"] for t in record["targets"]]
    names = ", ".join(map(printable, own))
    kind = "class" if record["task"] == "classification" else "number"
    several = len(source.networks)
    lines = [f"It predicts {names} (a {kind}) from the columns of a table."]
    if several > 1:
        lines.append(f"The answer is the mean of {several} networks. The first one:")
    return lines + [layer.title() for layer in source.networks[0].layers]


class _Columns:
    """From a row of the table to the numbers that a network's first layer reads."""

    def __init__(self, record: Spec, tensors: Mapping[str, Array], real: str) -> None:
        self.columns: list[Column] = []
        self.constants: list[Constant] = []
        self.lines: list[str] = []
        self.real = real
        texts = list(dict.fromkeys(record["missing_values"]))
        self._keep_missing(texts)
        place = 0
        for number, own in enumerate(record["columns"]):
            part = {
                name.removeprefix(f"{number}."): np.asarray(values)
                for name, values in tensors.items()
                if name.startswith(f"{number}.")
            }
            add = {"number": self._number, "category": self._category, "date": self._date}
            self.lines.append(repr(f"{printable(own['name'])}: a {own['kind']}"))
            place += add[own["kind"]](number, place, own, part)

    def source(self) -> str:
        """The function that reads a row."""
        body = "\n".join(f"    {line}" for line in [*self.lines, "return 0"])
        doc = "Reads a row: 0, or the number of the column whose number is beyond all measure."
        return f'def read_row(row: Row, x: Reals) -> Int:\n    """{doc}"""\n{body}\n'

    def _keep_missing(self, texts: list[str]) -> None:
        """Texts, numbers and dates that stand for missing values."""
        values = [_parsed(text) for text in texts]
        self.marks = sorted({v for v in values if v is not None and not numbers.isnan(v)})
        dates = [_parsed_date(text) for text in texts]
        self.dates = sorted({date for date in dates if date is not None})
        self.texts = texts
        self.constants += [
            Constant("missing_texts", "text", texts, "texts that stand for a missing value"),
            constant("missing_numbers", "double", self.marks, "numbers that do"),
            constant("missing_dates", "double", self.dates, "and dates"),
        ]

    def _number(self, number: int, place: int, record: Spec, tensors: Mapping[str, Array]) -> int:
        name, edges = record["name"], tensors["edges"]
        shown = printable(name)
        center, scale, _, _ = tensors["scaling"].tolist()
        low, high = tensors["bounds"].tolist()
        self.columns.append(Column(name, "number", f"{shown}: number, {low:g} to {high:g}"))
        self._read_number(f"row_number(row, {name!r})", "numbers", self.marks, 1e100, number)
        if len(edges):
            place_name = f"edges_{number}"
            self.constants.append(constant(place_name, "double", edges, f"{shown}: quantiles"))
            value = f"place_among(number, {len(edges)}, {place_name})"
        else:
            value = f"within_reach((number - {center!r}) / {scale!r})"
        self.lines.append(f"x[{place}] = real({value})")
        return 1

    def _read_number(
        self, word: str, kind: str, marks: Sequence[float], limit: float, number: int
    ) -> None:
        value = f"unless_marked({word}, {len(marks)}, missing_{kind})" if marks else word
        self.lines += [f"number = {value}", f"if magnitude(number) > {limit!r}:"]
        self.lines += [f"    return {number + 1}"]

    def _date(self, number: int, place: int, record: Spec, tensors: Mapping[str, Array]) -> int:
        name = record["name"]
        first, last = (_day(days) for days in tensors["bounds"].tolist())
        self.columns.append(Column(name, "date", f"{printable(name)}: date, {first} to {last}"))
        self._read_number(f"floor(row_date(row, {name!r}))", "dates", self.dates, 1e17, number)
        self.lines.append(f"write_date(number, x, {place})")
        return 2

    def _category(self, number: int, place: int, record: Spec, _: Mapping[str, Array]) -> int:
        name, kept = record["name"], list(record["categories"])
        more = ", ..." if len(kept) > _MOST_SHOWN else ""
        shown = ", ".join(map(printable, kept[:_MOST_SHOWN])) + more
        self.columns.append(Column(name, "category", f"{printable(name)}: text, {shown}"))
        texts, codes = _with_truths(kept)
        found = f"find_text(text, {len(texts)}, categories_{number})"
        if texts:
            note = f"{printable(name)}: categories"
            self.constants.append(Constant(f"categories_{number}", "text", texts, note))
        code = "place"
        if len(texts) > len(kept):
            self.constants.append(constant(f"codes_{number}", "int", codes))
            code = f"codes_{number}[place]"
        others = len(kept) if record["other"] else -1
        self.lines += [
            f"text = trimmed(row_text(row, {name!r}))",
            f"if is_missing(text, {len(self.texts)}, missing_texts):",
            f"    x[{place}] = real(missing())",
            "else:",
            f"    place = {found if texts else -1}",
            "    if place >= 0:",
            f"        x[{place}] = real({code})",
            "    else:",
            f"        x[{place}] = {others}",
        ]
        return 1


def _with_truths(kept: list[str]) -> tuple[list[str], list[int]]:
    """Texts and their codes: where they are truth values, 1 and 0 are too, and vice versa."""
    texts, codes = list(kept), list(range(len(kept)))
    spelled = [text.lower() for text in kept]
    words = [("0", "1"), ("false", "true")]
    for ours, theirs in (words, words[::-1]):
        if spelled and set(spelled) <= set(ours):
            pairs = dict(zip(ours, theirs, strict=True))
            texts += [pairs[text] for text in spelled]
            codes += range(len(kept))
            break
    return texts, codes


def _parsed(text: str) -> float | None:
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _parsed_date(text: str) -> float | None:
    if not re.match(r"\d{4}-\d{2}-\d{2}", text):
        return None
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return float(numbers.floor(moment.timestamp()))


def _day(days: float) -> str:
    return str(np.datetime64(numbers.floor(days), "D"))


class _Target:
    """From the mean of the networks' outputs to what users ask for."""

    def __init__(self, record: Spec, tensors: Mapping[str, Array]) -> None:
        self.classes: list[str] = list(record.get("classes", []))
        self.power = 1.0 / float(tensors["temperature"][0]) if "temperature" in tensors else 1.0
        targets = record.get("targets", [])
        if not self.classes and not targets:  # the first version of the record
            targets = [{"name": record["name"], "levels": 0, "interval": False}]
            tensors = {f"0.{name}": values for name, values in tensors.items()}
        self.numbers = [_Number(i, own, tensors) for i, own in enumerate(targets)]

    def answers(self) -> list[tuple[Answer, str]]:
        """The functions of a row, the main one first."""
        if self.classes:
            count = len(self.classes)
            note = f"probabilities of the {count} classes"
            if count == 2:
                two = ["y[0] = 1 - outputs[0]", "y[1] = outputs[0]"]
                return [self._answer("predict_row", count, note, 1, two)]
            copies = [f"y[{i}] = outputs[{i}]" for i in range(count)]
            return [self._answer("predict_row", count, note, count, copies)]
        outputs = sum(own.outputs for own in self.numbers)
        names = ", ".join(printable(own.name) for own in self.numbers)
        lines: list[list[str]] = [[], [], []]
        place = levels = 0
        for i, own in enumerate(self.numbers):
            if own.levels:
                for each in lines:
                    each.append(f"sort({place}, {own.outputs}, outputs)")
            lines[0].append(f"y[{i}] = {own.in_units(place + own.nearest(0.5))}")
            for k in range(len(own.levels)):
                lines[1].append(f"y[{levels}] = {own.in_units(place + k)}")
                levels += 1
            if own.coverage is not None:
                outside = (1.0 - own.coverage) / 2.0
                low, high = (place + own.nearest(level) for level in (outside, 1.0 - outside))
                ends = f"outputs[{low}] - {own.margin!r}, outputs[{high}] + {own.margin!r}"
                lines[2].append(f"write_interval({ends}, {own.scale!r}, {own.mean!r}, y, {2 * i})")
            place += own.outputs
        count = len(self.numbers)
        middle = "the number" if not levels else "the median"
        made = [self._answer("predict_row", count, f"{middle} of {names}", outputs, lines[0])]
        if levels:
            shown = ", ".join(f"{level:g}" for level in self.numbers[0].levels)
            note = f"the quantiles {shown} of {names}"
            made.append(self._answer("predict_quantiles", levels, note, outputs, lines[1]))
        if lines[2] and self.numbers[0].coverage is not None:
            note = f"the ends of the interval of {names}"
            made.append(self._answer("predict_interval", 2 * count, note, outputs, lines[2]))
        return made

    def _answer(
        self, name: str, count: int, note: str, outputs: int, lines: Sequence[str]
    ) -> tuple[Answer, str]:
        body = "\n".join(f"    {line}" for line in lines)
        doc = f"{note[0].upper()}{note[1:]}: y[{count}]; 0, or the number of a wrong column."
        text = (
            f'def {name}(row: Row, y: Doubles) -> Int:\n    """{in_docstring(doc)}"""\n'
            f"    outputs = doubles({outputs})\n    wrong = mean_outputs(row, outputs)\n"
            f"    if wrong != 0:\n        return wrong\n{body}\n    return 0\n"
        )
        return Answer(name, count, note), text


class _Number:
    """A number that is predicted."""

    def __init__(self, index: int, record: Spec, tensors: Mapping[str, Array]) -> None:
        self.name = record["name"]
        self.mean, self.scale = np.asarray(tensors[f"{index}.scaling"]).tolist()
        self.levels = list(tensors[f"{index}.levels"]) if record["levels"] else []
        self.coverage, self.margin = None, 0.0
        if record["interval"]:
            self.coverage, self.margin = np.asarray(tensors[f"{index}.interval"]).tolist()

    @property
    def outputs(self) -> int:
        return max(len(self.levels), 1)

    def nearest(self, level: float) -> int:
        """The place of the level nearest to one."""
        distances = [abs(own - level) for own in self.levels] or [0.0]
        return distances.index(min(distances))

    def in_units(self, place: int) -> str:
        return f"outputs[{place}] * {self.scale!r} + {self.mean!r}"


def _outputs_source(source: TableSource, width: int, target: _Target) -> str:
    first = source.networks[0]
    outputs = first.outputs
    lines = [
        f"x = reals({first.inputs})",
        f"f = reals({width})",
        f"y = reals({outputs})",
        "wrong = read_row(row, x)",
        "if wrong != 0:",
        "    return wrong",
        "features(x, f)",
        f"clear_outputs({outputs}, outputs)",
    ]
    for number, share in enumerate(source.shares):
        lines += [f"network_{number}(f, y)", f"add_share({outputs}, {float(share)!r}, y, outputs)"]
    if target.power != 1.0:
        call = "cool_one(" if outputs == 1 else f"cool({outputs}, "
        lines.append(f"{call}{target.power!r}, outputs)")
    body = "\n".join(f"    {line}" for line in [*lines, "return 0"])
    doc = "The mean of the networks' outputs; 0, or the number of the column that is wrong."
    return f'def mean_outputs(row: Row, outputs: Doubles) -> Int:\n    """{doc}"""\n{body}\n'


def rows_of_selftest(source: TableSource) -> list[dict[str, Any]]:
    """Rows over the ranges and the categories of training, and one in which all is missing."""
    record, tensors = source.preprocessor
    rows: list[dict[str, Any]] = [{} for _ in range(ROWS)]
    for number, own in enumerate(record["columns"]):
        low, high = np.asarray(tensors.get(f"{number}.bounds", (0, 0))).tolist()
        kept = own.get("categories") or ["other"]
        for r, row in enumerate(rows[:-1]):
            share = (3 * r + number) % ROWS / (ROWS - 1)
            value: Any = float(low + share * (high - low))
            if own["kind"] == "category":
                value = kept[(r + number) % len(kept)]
            elif own["kind"] == "date":
                value = float(numbers.floor(value * 86400))
            row[own["name"]] = value
        rows[-1][own["name"]] = None
    return rows
