"""Default settings on real tables: `TableModel.fit` beside gradient-boosted trees.

    python -m benchmarks.tables                   # every table, 3 splits
    python -m benchmarks.tables --seeds 5 adult california-housing

The tables are in ../shared/data or the folder that LAMINA_DATA names.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score, root_mean_squared_error

from benchmarks import machine
from lamina.tabular import ClassTarget, TableModel

DATA = Path(os.environ.get("LAMINA_DATA", Path(__file__).parents[2] / "shared" / "data"))
Split = tuple[pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True)
class Table:
    """One file (or a training file and a test file), and where its target is."""

    file: str
    target: int | str = -1
    header: bool = False
    test_file: str = ""
    separator: str = ","
    quote: str = '"'
    classes: bool = True

    def splits(self, seeds: int) -> list[Split]:
        """One for each seed: the official split, or random shares of 80 % and 20 %."""
        frame = self._read(self.file)
        if self.test_file:
            return [(frame, self._read(self.test_file))] * seeds
        orders = [np.random.default_rng(seed).permutation(len(frame)) for seed in range(seeds)]
        cut = len(frame) * 4 // 5
        return [(frame.iloc[order[:cut]], frame.iloc[order[cut:]]) for order in orders]

    def _read(self, file: str) -> pd.DataFrame:
        frame = pd.read_csv(
            DATA / file,
            header=0 if self.header else None,
            sep=self.separator,
            na_values=["?", " ", ""],
            quotechar=self.quote,
            skipinitialspace=True,
        ).dropna(axis="columns", how="all")
        frame.columns = [str(name) for name in frame.columns]
        target = str(frame.columns[self.target]) if isinstance(self.target, int) else self.target
        frame = frame.rename(columns={target: "target"})
        if self.classes:
            frame["target"] = frame["target"].astype(str).str.rstrip(".")
        else:
            frame = frame.dropna(subset="target")
        return frame


BLANKS, TAB = r"\s+", "\t"
TABLES = {
    "adult": Table("adult/adult-train.csv.gz", test_file="adult/adult-test.csv.gz"),
    "california-housing": Table(
        "california-housing/537_houses.tsv.gz", "target", True, separator=TAB, classes=False
    ),
    "diamonds": Table("diamonds/diamonds.csv.gz", "price", True, classes=False),
    "higgs-7k": Table(
        "higgs-7k/binary.train.gz", 0, test_file="higgs-7k/binary.test", separator=TAB
    ),
    "phoneme": Table("phoneme/phoneme.csv"),
    "telco-churn": Table("telco-churn/Telco-Customer-Churn.csv.gz", "Churn", True),
    "mammography": Table("mammography/mammography.csv.gz", quote="'"),
    "optdigits": Table("optdigits/optdigits.tsv.gz", "target", True, separator=TAB),
    "german-credit": Table("german-credit/german.csv.gz"),
    "oil-spill": Table("oil-spill/oil-spill.csv.gz"),
    "sonar": Table("sonar/sonar.csv"),
    "abalone": Table("abalone/abalone.csv.gz", classes=False),
    "auto-imports": Table("auto-imports/auto_imports.csv.gz", classes=False),
    "concrete": Table("uci-concrete/data.txt", separator=BLANKS, classes=False),
    "energy": Table("uci-energy/data.txt", separator=BLANKS, classes=False),
    "kin8nm": Table("uci-kin8nm/data.txt.gz", separator=BLANKS, classes=False),
    "wine": Table("uci-wine-quality-red/data.txt", separator=BLANKS, classes=False),
}


@dataclass(frozen=True)
class Scores:
    """Figures of one library on one split; seconds to fit and to predict."""

    figures: dict[str, float]
    fit: float
    predict: float


def judge(table: Table, y: Any, given: Any, classes: Any) -> dict[str, float]:
    """Accuracy, log loss and, of two classes, the area under the ROC curve; of numbers the RMSE."""
    if not table.classes:
        return {"rmse": float(root_mean_squared_error(y, given))}
    places = {str(name): place for place, name in enumerate(classes)}
    known = np.array([places[name] for name in y])
    figures = {
        "accuracy": float(accuracy_score(known, given.argmax(axis=1))),
        "log_loss": float(log_loss(known, given, labels=range(len(places)))),
    }
    if len(places) == 2:
        figures["roc_auc"] = float(roc_auc_score(known, given[:, 1]))
    return figures


def run_lamina(table: Table, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Scores:
    """`TableModel.fit` with its defaults."""
    begin = time.perf_counter()
    task = "classification" if table.classes else "regression"
    model = TableModel.fit(train, target="target", task=task, seed=seed, verbose=False)
    fitted = time.perf_counter()
    predict = model.predict_probabilities if table.classes else model.predict
    given = predict(test.drop(columns="target"))
    seconds = time.perf_counter() - fitted
    classes = model.target.classes if isinstance(model.target, ClassTarget) else []
    return Scores(judge(table, test["target"], given, classes), fitted - begin, seconds)


def run_trees(table: Table, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Scores:
    """HistGradientBoosting with its defaults, categories from the frame's types."""
    both = pd.concat([train, test])
    numeric = both.select_dtypes(include=["number", "bool"]).columns
    texts = [name for name in both if name != "target" and name not in numeric]
    # A column of names that hardly ever come twice is a key.
    both = both.drop(columns=[name for name in texts if both[name].nunique() > 0.9 * len(both)])
    for name in both.columns.intersection(texts):
        both[name] = both[name].astype("category")
    x, rows = both.drop(columns="target"), len(train)
    make = HistGradientBoostingClassifier if table.classes else HistGradientBoostingRegressor
    begin = time.perf_counter()
    model: Any = make(random_state=seed, categorical_features="from_dtype")
    model.fit(x[:rows], train["target"])
    fitted = time.perf_counter()
    given = (model.predict_proba if table.classes else model.predict)(x[rows:])
    seconds = time.perf_counter() - fitted
    classes = model.classes_ if table.classes else []
    return Scores(judge(table, test["target"], given, classes), fitted - begin, seconds)


LIBRARIES: dict[str, Callable[[Table, pd.DataFrame, pd.DataFrame, int], Scores]] = {
    "lamina": run_lamina,
    "trees": run_trees,
}


def measure(name: str, seeds: int) -> dict[str, Scores]:
    """Means over the splits of a table, library by library."""
    table = TABLES[name]
    found: dict[str, list[Scores]] = {library: [] for library in LIBRARIES}
    for seed, (train, test) in enumerate(table.splits(seeds)):
        for library, run in LIBRARIES.items():
            found[library].append(run(table, train, test, seed))
    return {
        library: Scores(
            {key: mean(s.figures[key] for s in scores) for key in scores[0].figures},
            mean(s.fit for s in scores),
            mean(s.predict for s in scores),
        )
        for library, scores in found.items()
    }


def main() -> None:
    """Print a line for each table, and keep the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], help="default: all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/tables.json"))
    arguments = parser.parse_args()
    processor = machine.describe()["processor"]
    results: dict[str, Any] = {"processor": processor, "tables": {}}
    print(
        f"{processor}; means over {arguments.seeds} seeds; trees: HistGradientBoosting; seconds\n"
    )
    print("| table | figure | lamina | trees | fit | fit, trees | predict | predict, trees |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for name in arguments.tables or TABLES:
        scores = measure(name, arguments.seeds)
        results["tables"][name] = {library: vars(s) for library, s in scores.items()}
        ours, trees = scores["lamina"], scores["trees"]
        times = f"{ours.fit:.1f} | {trees.fit:.1f} | {ours.predict:.3f} | {trees.predict:.3f}"
        for figure, value in ours.figures.items():
            line = f"| {name} | {figure} | {value:.5g} | {trees.figures[figure]:.5g} | {times} |"
            print(line, flush=True)
            name, times = "", " | | | "
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
