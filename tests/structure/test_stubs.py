"""The committed stub of the compiled module is what its signatures give."""

import difflib
import importlib.util
import sys
from pathlib import Path

import pytest

pytest.importorskip("pybind11_stubgen", reason="needs the extra test")


def test_the_committed_stub_equals_the_generated_one(repository: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        "generate_stubs", repository / "tools" / "generate_stubs.py"
    )
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)

    committed = tool.STUB.read_text(encoding="utf-8").splitlines()
    generated = tool.generated_stub().splitlines()
    difference = "\n".join(difflib.unified_diff(committed, generated, lineterm=""))
    assert not difference, f"run {Path(sys.executable).name} tools/generate_stubs.py\n{difference}"
