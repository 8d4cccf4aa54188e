"""Run scikit-learn's own tests of its MLP and Perceptron against lamina's, by a changed import.

    python tests/parity/sklearn_own_tests.py [options of pytest]

The tests are those of the installed scikit-learn, which its wheel brings along.
"""

import re
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest

# By file of the installed package: what its import becomes.
FILES = {
    "neural_network/tests/test_mlp.py": (
        "from sklearn.neural_network import MLPClassifier, MLPRegressor",
        "from lamina.sklearn import MLPClassifier, MLPRegressor",
    ),
    "linear_model/tests/test_perceptron.py": (
        "from sklearn.linear_model import Perceptron",
        "from lamina.sklearn import Perceptron",
    ),
}
# Tests that cannot pass, and why.
EXCEPTIONS = {
    "test_gradient": "calls the private method _loss_grad_lbfgs with the layers' inner arrays",
}


def changed_tests(folder: Path) -> list[Path]:
    """The test files with lamina's classes in place of scikit-learn's, written to `folder`."""
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        raise SystemExit("sklearn_own_tests: expected scikit-learn, which is not installed")
    written = []
    for name, (before, after) in FILES.items():
        text = (Path(found.origin).parent / name).read_text(encoding="utf-8")
        if text.count(before) != 1:
            raise SystemExit(f"sklearn_own_tests: expected {before!r} once in {name}")
        missing = [test for test in EXCEPTIONS if "mlp" in name and f"def {test}(" not in text]
        if missing:
            raise SystemExit(f"sklearn_own_tests: {name} has no test {missing[0]}")
        path = folder / Path(name).name
        path.write_text(text.replace(before, after), encoding="utf-8")
        written.append(path)
    return written


def run(*options: str) -> int:
    """Pytest's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        files = changed_tests(Path(folder))
        left_out = " and ".join(f"not {re.escape(name)}" for name in EXCEPTIONS)
        for name, reason in EXCEPTIONS.items():
            print(f"left out: {name}, which {reason}")
        plugins = ("-p", "sklearn.conftest", "-p", "no:cacheprovider")
        where = ("--rootdir", folder, "-c", "/dev/null")
        return int(pytest.main([*map(str, files), "-k", left_out, *plugins, *where, *options]))


if __name__ == "__main__":
    sys.exit(run("-q", *sys.argv[1:]))
