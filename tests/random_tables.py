"""Tables at random, with the worst names, texts and numbers, and models of them, for exports."""

import warnings
from typing import Any

import numpy as np

from lamina.tabular import TableModel, TableWarning

# Names and texts that break code which does not quote them, or names that fold to one.
NASTY = [
    *('quo"te', "back\\slash", "\\", "end\\n", 'say "\\"', "'single'", "it's", '"""', "'''"),
    *("*/", "/*", "/*/", "**//", "//", "??/", "???/", "????", "%s%d%n", "</script>", "<!--", "-->"),
    *("new\nline", "\n", "a\rb", "tab\tin", "\x0b", "\x0cfeed", "\x1b[31m", "\x7f", "\x85"),
    *("class", "int", "row", "x", "y", "None", "null", "undefined", "__proto__", "constructor"),
    *("größe", "groesse", "数", "🙂", "\u2028", "\u2029", "e\u0301", "é", "\u202eabc", "\ufeffbom"),
    *(
        "NAME",
        "NOTE",
        "COUNT",
        "FUNCTION",
        "ROWS)",
        "ROWS]",
        "KIND",
        "PREFIX",
        "{x}",
        "{",
        "}",
        "{}",
    ),
    *("9th", "1", "a b", "a-b", "A_B", "a_b", "_", "__init__", "INPUTS", "toString", "${x}", "`"),
    *(
        "#include",
        "#define",
        "\\u0022",
        "\\x41",
        "\\0",
        "0x10",
        "a" * 80,
        "ok,",
        "(",
        ")",
        "[[from]",
    ),
]
VALUES = ["red", "007", "1.50", "True", "1000.0", "0", "a b", *NASTY]
SPELLINGS = [
    *("TRUE", "true", "false", "1.0", "1000", "7", "1.5", "?", "NA", "", "unseen"),
    *("+1", "-0", "1500e-3", ".15e1", "01.5", "1e3"),
]
PRESETS = ("plain", "ensemble", "realmlp-td", "realmlp-td-s", "tabm-mini")


class RandomTable:
    """A table that a seed decides, and a model of it.

    Attributes:
        model: trained for an epoch. kinds_read: the kinds of the columns that it reads, by name.
        functions: of generated code, and how many numbers each gives.
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        names = list(dict.fromkeys(self.rng.permutation(NASTY).tolist()))
        count = int(self.rng.integers(1, 7))
        self.columns, self.target = names[:count], names[count]
        self.kinds = self.rng.choice(["number", "whole", "category", "truth", "date"], count)
        self.choices = {name: self._choices() for name in self.columns}
        table = {n: self._column(n, k, 70) for n, k in zip(self.columns, self.kinds, strict=True)}
        self.options = self._add_target(table, names[count + 1])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TableWarning)
            self.model = TableModel.fit(table, verbose=False, epochs=1, **self.options)
        self.kinds_read = {each.name: each.kind for each in self.model.preprocessor.encoders}
        one = self.rows(1)
        self.functions = {f: self.answers(one, f).shape[1] for f in self._functions()}

    def _one(self, choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def _choices(self) -> list[str]:
        return self.rng.permutation(VALUES)[: int(self.rng.integers(2, 9))].tolist()

    def _column(self, name: str, kind: str, rows: int) -> Any:
        missing = self.rng.random(rows) < self._one([0.0, 0.2])
        if kind == "date":
            days = self.rng.integers(-20_000, 30_000, rows) * 86_400 + self._one([0, 3661])
            return np.where(missing, np.datetime64("NaT", "D"), days.astype("datetime64[s]"))
        if kind in ("category", "truth"):
            choices = (
                self.choices[name]
                if kind == "category"
                else self._one([["true", "false"], ["0", "1"]])
            )
            cells = np.array([self._one(choices) for _ in range(rows)], dtype=object)
            cells[missing] = None
            return cells
        scale = self._one([1.0, 1e-8, 1e6, 1e30])
        values = self.rng.normal(size=rows) * scale
        if kind == "whole":
            values = self.rng.integers(-9, 99, rows).astype(np.float64)
        return np.where(missing, np.nan, values)

    def _add_target(self, table: dict[str, Any], second: str) -> dict[str, Any]:
        """The target's columns, and the options of the training."""
        rng, rows = self.rng, len(next(iter(table.values())))
        options: dict[str, Any] = {"target": self.target, "preset": self._one(PRESETS)}
        options |= {"hidden": [int(rng.integers(1, 20))], "seed": int(rng.integers(99))}
        numbers = [n for n, k in zip(self.columns, self.kinds, strict=True) if k == "number"]
        texts = [
            n for n, k in zip(self.columns, self.kinds, strict=True) if k in ("category", "truth")
        ]
        options |= {"numeric": numbers, "categorical": texts}
        if rng.random() < 0.5:
            names = [name for name in NASTY if name.strip() not in ("", "null", "None")]
            classes = rng.permutation(names)[: self._one([2, 2, 3, 5])]
            table[self.target] = np.array([classes[i % len(classes)] for i in range(rows)], object)
            return options | {"task": "classification", "calibrate": self._one([False, True])}
        table[self.target] = rng.normal(size=rows) * self._one([1.0, 1e6])
        if rng.random() < 0.4 and not options["preset"].startswith("realmlp"):
            table[second] = rng.normal(size=rows)
            options["target"] = [self.target, second]
        if rng.random() < 0.5:
            options |= {"quantiles": [0.1, 0.7], "interval": self._one([None, 0.8])}
        return options

    def rows(self, count: int, *, any_spelling: bool = True) -> list[dict[str, Any]]:
        """Rows of the columns that the model reads; dates are whole seconds.

        Among their cells are edges, texts that training never saw, and missing ones; numbers that
        are texts are spelled in `any_spelling`, or else as usual.
        """
        self._spellings = SPELLINGS if any_spelling else SPELLINGS[: SPELLINGS.index("+1")]
        return [{n: self._cell(n, k) for n, k in self.kinds_read.items()} for _ in range(count)]

    def as_columns(self, rows: Any) -> dict[str, Any]:
        """The rows as a reader of a file gives them: texts without blanks around them."""
        columns = {}
        for name, kind in self.kinds_read.items():
            values = [row[name] for row in rows]
            if kind == "number":
                columns[name] = np.array([np.nan if v is None else v for v in values])
            elif kind == "date":
                days = ["NaT" if v is None else np.datetime64(int(v), "s") for v in values]
                columns[name] = np.array(days, "datetime64[s]")
            else:
                texts = [None if v is None else v.strip() for v in values]
                columns[name] = np.array(texts, dtype=object)
        return columns

    def answers(self, rows: Any, function: str) -> Any:
        """What a function gives for the rows, by the model itself, [rows, numbers]."""
        model, columns = self.model, self.as_columns(rows)
        if function == "predict_quantiles":
            found = model.predict_quantiles(columns)
        elif function == "predict_interval":
            found = model.predict_interval(columns)
        elif model.target.task == "classification":
            found = model.predict_probabilities(columns)
        else:
            found = model.predict(columns)
        return np.asarray(found).reshape(len(rows), -1)

    def _functions(self) -> list[str]:
        has_levels = "quantiles" in self.options
        has_ends = self.options.get("interval") is not None
        return [
            "predict_row",
            *(["predict_quantiles"] if has_levels else []),
            *(["predict_interval"] if has_ends else []),
        ]

    def _cell(self, name: str, kind: str) -> Any:
        if self.rng.random() < 0.15:
            return None
        if kind == "number":
            edge = [0.0, -0.0, 1e-320, 1e-30, 1.5, -3.0, 1e15, -1e99, 1e100]
            return (
                float(self._one(edge)) if self.rng.random() < 0.4 else float(self.rng.normal() * 9)
            )
        if kind == "date":
            return float(self._one([0, -1, 86_399, 951_782_400, -62_135_596_800, 253_402_300_799]))
        text = str(self._one([*self.choices[name], *self._spellings]))
        return self._one(["", " ", "\t"]) + text + self._one(["", "  ", "\xa0", "\n"])
