"""The names that others take: the public ones, read at first use, and those of the core."""

import ast
import subprocess
import sys
from dataclasses import is_dataclass

import pytest

import lamina
from structure.source_tree import REPOSITORY, files


@pytest.mark.parametrize("name", lamina.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(lamina, name)
    assert name in dir(lamina)
    assert name == "__version__" or value.__doc__
    if is_dataclass(value):
        assert not str(value.__doc__).startswith(f"{name}("), "the signature is no docstring"


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Perceptrons'"):
        lamina.Perceptrons  # noqa: B018


def test_importing_reads_no_module_before_its_first_use() -> None:
    code = (
        "import sys, lamina; print('lamina._sequential' in sys.modules); lamina.Sequential; "
        "print('lamina._sequential' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split() == ["False", "True"]


@pytest.mark.parametrize("folder", ["benchmarks", "examples", "tools"])
def test_scripts_take_only_names_that_the_core_has(folder: str) -> None:
    wrong = [
        f"{path.name}: _core.{node.attr}"
        for path in files(REPOSITORY / folder, {".py"})
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and "_core" in (getattr(node.value, "id", ""), getattr(node.value, "attr", ""))
        and not hasattr(lamina._core, node.attr)
    ]
    assert not wrong, wrong
