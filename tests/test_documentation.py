"""The examples in README.md, docs/ and docstrings run."""

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
    if not module.name.startswith("lamina.cli")
    and module.name not in ("lamina._core", "lamina.__main__")
]
PAGES = [
    *("docs/estimators.md", "docs/export.md", "docs/guide.md", "docs/onnx.md", "docs/tables.md"),
]


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run_one_after_the_other(
    page: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (repository / page).read_text("utf-8"), re.S)
    assert blocks
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # for the modules that a page writes
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)


def test_the_example_of_the_readme_prints_what_the_page_shows(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (repository / "README.md").read_text("utf-8")
    (code, shown) = re.findall(r"```python\n(.*?)```\n+```\n(.*?)```", text, re.S)[0]
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_docstrings_give_what_they_say(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
