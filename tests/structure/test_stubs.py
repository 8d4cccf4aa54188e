"""The committed stub of the compiled module is what its signatures give."""

import difflib
import sys
from pathlib import Path

import pytest

from scripts import load_script

pytest.importorskip("pybind11_stubgen", reason="needs the extra test")


def test_the_committed_stub_equals_the_generated_one(repository: Path) -> None:
    tool = load_script(repository / "tools" / "generate_stubs.py")
    committed = tool.STUB.read_text(encoding="utf-8").splitlines()
    generated = tool.generated_stub().splitlines()
    difference = "\n".join(difflib.unified_diff(committed, generated, lineterm=""))
    assert not difference, f"run {Path(sys.executable).name} tools/generate_stubs.py\n{difference}"
