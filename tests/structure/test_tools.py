"""The checkers find nothing: ruff, mypy in strict mode, clang-format."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from structure.source_tree import CPP_SUFFIXES, REPOSITORY, files


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a checker in the repository; the test is skipped where the checker is missing."""
    program = shutil.which(command[0], path=str(Path(sys.executable).parent)) or shutil.which(
        command[0]
    )
    if program is None:
        pytest.skip(f"{command[0]} is not installed (it comes with the extra test)")
    return subprocess.run(
        [program, *command[1:]], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )


def check(*command: str) -> None:
    """Fail with what the checker printed if it found anything."""
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_finds_nothing() -> None:
    check("ruff", "check", "--quiet", ".")


def test_python_files_are_formatted() -> None:
    check("ruff", "format", "--check", "--quiet", ".")


def test_mypy_in_strict_mode_finds_nothing() -> None:
    check("mypy", "--no-error-summary")


def test_cpp_files_are_formatted() -> None:
    sources = [path.relative_to(REPOSITORY) for path in files(REPOSITORY, CPP_SUFFIXES)]
    found = run("clang-format", "--dry-run", *map(str, sources)).stderr
    wrong = sorted({line.split(":")[0] for line in found.splitlines() if " warning: " in line})
    assert not wrong, f"format with: clang-format -i {' '.join(wrong)}"
