"""The examples in README.md and in docstrings run."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import lamina

MODULES = [
    module.name
    for module in pkgutil.walk_packages(lamina.__path__, "lamina.")
    if not module.name.startswith("lamina.cli") and module.name != "lamina._core"
]


def test_the_example_of_the_readme_runs_and_learns(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (repository / "README.md").read_text(), re.S)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    history = names["history"]
    assert isinstance(history, lamina.History)
    # A line gets about 0.6 of these rows right; the network is to follow the circle.
    assert max(history["val_accuracy"]) > 0.95


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_docstrings_give_what_they_say(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
