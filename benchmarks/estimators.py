"""lamina.sklearn beside scikit-learn's estimators: the same settings, seeds and folds.

    python -m benchmarks.estimators                          # every data set, adam, 5 folds
    python -m benchmarks.estimators --solver sgd digits wine
    python -m benchmarks.estimators --threads 1 --folds 2 --max-iter 20 adult

Numbers are scaled to mean 0 and deviation 1 on each fold's training rows, categories are one-hot.
Tables that scikit-learn does not bring are in ../shared/data or the folder that LAMINA_DATA names.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn import datasets, neural_network
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

import lamina as lm
import lamina.sklearn
from benchmarks import machine

DATA = Path(os.environ.get("LAMINA_DATA", Path(__file__).parents[2] / "shared" / "data"))
Array = npt.NDArray[Any]
Load = Callable[[], tuple[pd.DataFrame, Array]]


@dataclass(frozen=True)
class Table:
    """Features and targets of one data set."""

    load: Load
    classes: bool = True


def brought(load: Callable[..., Any]) -> Load:
    """A data set of scikit-learn's."""

    def read() -> tuple[pd.DataFrame, Array]:
        X, y = load(return_X_y=True)
        return pd.DataFrame(X).add_prefix("x"), y

    return read


def stored(file: str, target: int | str, **options: Any) -> Load:
    """A file of the data folder."""

    def read() -> tuple[pd.DataFrame, Array]:
        frame = pd.read_csv(DATA / file, skipinitialspace=True, **options)
        frame = frame.dropna(axis="columns", how="all")
        frame.columns = frame.columns.astype(str)
        name = frame.columns[target] if isinstance(target, int) else target
        return frame.drop(columns=name), frame[name].to_numpy()

    return read


TAB = {"sep": "\t"}
TABLES = {
    "digits": Table(brought(datasets.load_digits)),
    "breast-cancer": Table(brought(datasets.load_breast_cancer)),
    "wine": Table(brought(datasets.load_wine)),
    "diabetes": Table(brought(datasets.load_diabetes), classes=False),
    "california": Table(
        stored("california-housing/537_houses.tsv.gz", "target", **TAB), classes=False
    ),
    "adult": Table(stored("adult/adult-train.csv.gz", -1, header=None)),
    "phoneme": Table(stored("phoneme/phoneme.csv", -1, header=None)),
    "higgs-7k": Table(stored("higgs-7k/binary.train.gz", 0, header=None, **TAB)),
}


@dataclass(frozen=True)
class Fold:
    """Scaled rows of one fold."""

    train: tuple[Array, Array]
    test: tuple[Array, Array]


def folds(table: Table, number: int) -> list[Fold]:
    """The same ones for everyone."""
    X, y = table.load()
    kind = StratifiedKFold if table.classes else KFold
    found = []
    for train, test in kind(number, shuffle=True, random_state=0).split(X, y):
        scale = make_column_transformer(
            (StandardScaler(), make_column_selector(dtype_include="number")),
            (
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                make_column_selector(dtype_exclude="number"),
            ),
        ).fit(X.iloc[train])
        targets = y
        if not table.classes:
            targets = (y - y[train].mean()) / y[train].std()
        rows = [np.ascontiguousarray(scale.transform(X.iloc[part])) for part in (train, test)]
        found.append(Fold((rows[0], targets[train]), (rows[1], targets[test])))
    return found


@dataclass(frozen=True)
class Figures:
    """Of one fit: score on the fold's test rows, seconds, epochs, last loss."""

    score: float
    seconds: float
    epochs: int
    loss: float


def measure(library: Any, table: Table, fold: Fold, options: dict[str, Any]) -> Figures:
    """Fit and score the library's estimator."""
    kind = library.MLPClassifier if table.classes else library.MLPRegressor
    model = kind(**options)
    begin = time.perf_counter()
    model.fit(*fold.train)
    seconds = time.perf_counter() - begin
    return Figures(model.score(*fold.test), seconds, model.n_iter_, model.loss_)


def line(name: str, theirs: list[Figures], own: list[Figures]) -> str:
    """What the table prints of one data set."""
    differences = [b.score - a.score for a, b in zip(theirs, own, strict=True)]
    error = stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else 0.0
    ratio = median(a.seconds / b.seconds for a, b in zip(theirs, own, strict=True))
    apart = max(abs(a.loss - b.loss) for a, b in zip(theirs, own, strict=True))
    seconds = [median(figures.seconds for figures in both) for both in (theirs, own)]
    return (
        f"{name:<15}{mean(a.score for a in theirs):>9.4f}{mean(b.score for b in own):>9.4f}"
        f"{mean(differences):>+10.4f} ± {error:.4f}{mean(a.epochs for a in theirs):>8.0f}"
        f"{mean(b.epochs for b in own):>8.0f}{apart:>10.1e}{seconds[0]:>10.3f}"
        f"{seconds[1]:>9.3f}{ratio:>8.1f}x"
    )


def main() -> None:
    """Print a line for each data set."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimators", description=__doc__)
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], help="default: all")
    parser.add_argument("--solver", choices=["adam", "sgd", "lbfgs"], default="adam")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--max-iter", type=int, default=200)
    parser.add_argument("--threads", type=int, default=lm.get_num_threads())
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    lm.set_num_threads(arguments.threads)
    options = {"solver": arguments.solver, "max_iter": arguments.max_iter, "random_state": 0}
    print(f"{machine.describe()['processor']}, {arguments.threads} threads")
    print(
        f"{'':<15}{'score':>9}{'':>9}{'difference':>19}{'epochs':>8}{'':>8}{'loss':>10}"
        f"{'seconds':>10}{'':>9}\n{'':<15}{'sklearn':>9}{'lamina':>9}{'':>19}{'sklearn':>8}"
        f"{'lamina':>8}{'apart':>10}{'sklearn':>10}{'lamina':>9}{'ratio':>9}"
    )
    for name in arguments.tables or TABLES:
        table = TABLES[name]
        theirs, own = [], []
        for fold in folds(table, arguments.folds):
            with threadpool_limits(arguments.threads):
                theirs.append(measure(neural_network, table, fold, options))
            own.append(measure(lamina.sklearn, table, fold, options))
        print(line(name, theirs, own), flush=True)


if __name__ == "__main__":
    main()
