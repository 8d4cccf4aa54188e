"""Fixtures of programs that embed lamina."""

import sys
from pathlib import Path

import pytest

from embed.consumers import Environment, make_environment, pack_wheel


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the lamina under test."""
    if sys.platform == "win32":
        pytest.skip("the programs of these tests are built as on Linux and macOS")
    return pack_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def fresh(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A virtual environment with that wheel and numpy alone."""
    return make_environment(tmp_path_factory.mktemp("fresh") / "environment", wheel)
