"""Default settings on real tables: `TableModel.fit` beside gradient-boosted trees and RealMLP.

    python -m benchmarks.tables                   # every table, 3 splits, every library installed
    python -m benchmarks.tables --seeds 5 adult california-housing
    python -m benchmarks.tables --presets plain ensemble --libraries hgb lightgbm

The tables are in ../shared/data or the folder that LAMINA_DATA names. HistGradientBoosting comes
with scikit-learn; lightgbm and pytabkit (RealMLP) are measured where they are installed.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score, root_mean_squared_error

from benchmarks import machine
from lamina.tabular import DEFAULT_PRESET, PRESETS, ClassTarget, TableModel

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


def run_lamina(
    preset: str, table: Table, train: pd.DataFrame, test: pd.DataFrame, seed: int
) -> Scores:
    """`TableModel.fit` with the defaults of a preset."""
    begin = time.perf_counter()
    task = "classification" if table.classes else "regression"
    options = {"task": task, "preset": preset, "seed": seed, "verbose": False}
    model = TableModel.fit(train, target="target", **options)
    fitted = time.perf_counter()
    predict = model.predict_probabilities if table.classes else model.predict
    given = predict(test.drop(columns="target"))
    seconds = time.perf_counter() - fitted
    classes = model.target.classes if isinstance(model.target, ClassTarget) else []
    return Scores(judge(table, test["target"], given, classes), fitted - begin, seconds)


def with_categories(train: pd.DataFrame, test: pd.DataFrame) -> Split:
    """Inputs whose texts are categories that both parts know; keys are left out."""
    both = pd.concat([train, test]).drop(columns="target")
    numeric = both.select_dtypes(include=["number", "bool"]).columns
    texts = [name for name in both if name not in numeric]
    # A column of names that hardly ever come twice is a key.
    both = both.drop(columns=[name for name in texts if both[name].nunique() > 0.9 * len(both)])
    for name in both.columns.intersection(texts):
        both[name] = both[name].astype("category")
    both.columns = [f"column {place}" for place in range(both.shape[1])]
    return both[: len(train)], both[len(train) :]


def run_estimator(
    make: Callable[[bool, int], Any],
    table: Table,
    train: pd.DataFrame,
    test: pd.DataFrame,
    seed: int,
) -> Scores:
    """A scikit-learn estimator that takes categories from the frame's types."""
    x, new = with_categories(train, test)
    begin = time.perf_counter()
    model = make(table.classes, seed)
    model.fit(x, train["target"])
    fitted = time.perf_counter()
    given = (model.predict_proba if table.classes else model.predict)(new)
    seconds = time.perf_counter() - fitted
    classes = model.classes_ if table.classes else []
    return Scores(judge(table, test["target"], given, classes), fitted - begin, seconds)


def make_hgb(classes: bool, seed: int) -> Any:
    """HistGradientBoosting of scikit-learn, with its defaults."""
    make = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    return make(random_state=seed, categorical_features="from_dtype")


def make_lightgbm(classes: bool, seed: int) -> Any:
    """LightGBM with its defaults."""
    import lightgbm

    make = lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor
    return make(random_state=seed, verbose=-1)


def make_realmlp(classes: bool, seed: int) -> Any:
    """pytabkit's RealMLP with its defaults, on the processor."""
    import pytabkit

    make = pytabkit.RealMLP_TD_Classifier if classes else pytabkit.RealMLP_TD_Regressor
    return make(random_state=seed, device="cpu")


ESTIMATORS: dict[str, tuple[str, Callable[[bool, int], Any]]] = {
    "hgb": ("sklearn", make_hgb),
    "lightgbm": ("lightgbm", make_lightgbm),
    "realmlp": ("pytabkit", make_realmlp),
}
Run = Callable[[Table, pd.DataFrame, pd.DataFrame, int], Scores]


def measure(name: str, seeds: int, libraries: dict[str, Run]) -> dict[str, Scores]:
    """Means over the splits of a table, library by library."""
    table = TABLES[name]
    found: dict[str, list[Scores]] = {library: [] for library in libraries}
    for seed, (train, test) in enumerate(table.splits(seeds)):
        for library, run in libraries.items():
            found[library].append(run(table, train, test, seed))
    return {
        library: Scores(
            {key: mean(s.figures[key] for s in scores) for key in scores[0].figures},
            mean(s.fit for s in scores),
            mean(s.predict for s in scores),
        )
        for library, scores in found.items()
    }


def mean_ranks(results: dict[str, dict[str, Scores]], figures: tuple[str, str]) -> dict[str, float]:
    """The mean over all tables of each library's rank, 1 the best, by one figure of each table."""
    ranks = []
    for scores in results.values():
        key = next(key for key in figures if key in next(iter(scores.values())).figures)
        values = np.array([s.figures[key] for s in scores.values()])
        ranks.append(rankdata(-values if key == "accuracy" else values))
    return dict(zip(next(iter(results.values())), np.mean(ranks, axis=0).tolist(), strict=True))


def chosen_libraries(arguments: argparse.Namespace) -> dict[str, Run]:
    """What is to be measured, by name: presets of lamina, and other libraries."""
    found: dict[str, Run] = {
        f"lamina {preset}": partial(run_lamina, preset) for preset in arguments.presets
    }
    for name in arguments.libraries:
        package, make = ESTIMATORS[name]
        if find_spec(package):
            found[name] = partial(run_estimator, make)
        else:
            print(f"{name}: {package} is not installed")
    return found


def print_table(name: str, scores: dict[str, Scores]) -> None:
    """A line for each figure of a table, and one for each kind of time."""
    rows = {
        key: [s.figures[key] for s in scores.values()]
        for key in next(iter(scores.values())).figures
    }
    rows |= {"fit, s": [s.fit for s in scores.values()]}
    rows |= {"predict, s": [s.predict for s in scores.values()]}
    for figure, values in rows.items():
        shown = " | ".join(f"{value:.3g}" if "," in figure else f"{value:.5g}" for value in values)
        print(f"| {name} | {figure} | {shown} |", flush=True)
        name = ""


def main() -> None:
    """Print the figures of each table and mean ranks, and keep them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], help="default: all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--presets", nargs="*", choices=list(PRESETS), default=[DEFAULT_PRESET])
    parser.add_argument(
        "--libraries", nargs="*", choices=list(ESTIMATORS), default=list(ESTIMATORS)
    )
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/tables.json"))
    arguments = parser.parse_args()
    libraries = chosen_libraries(arguments)
    processor = machine.describe()["processor"]
    print(f"{processor}; means over {arguments.seeds} seeds\n")
    print(f"| table | figure | {' | '.join(libraries)} |")
    print(f"|---|---|{'---:|' * len(libraries)}")
    results: dict[str, dict[str, Scores]] = {}
    for name in arguments.tables or TABLES:
        results[name] = measure(name, arguments.seeds, libraries)
        print_table(name, results[name])
    ranks = {
        "accuracy, RMSE": mean_ranks(results, ("accuracy", "rmse")),
        "log loss, RMSE": mean_ranks(results, ("log_loss", "rmse")),
    }
    for by, found in ranks.items():
        print(f"| mean rank | {by} | {' | '.join(f'{rank:.2f}' for rank in found.values())} |")
    kept = {
        "processor": processor,
        "tables": {n: {lib: vars(s) for lib, s in found.items()} for n, found in results.items()},
        "mean_ranks": ranks,
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(kept, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
