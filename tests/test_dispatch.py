"""The kernels are those of the instruction set that was asked for, or of the best one here."""

import os
import platform
import subprocess
import sys

import pytest

from lamina import _core

AVAILABLE: list[str] = _core.build_info()["instruction_sets"]
CODE = "from lamina import _core; print(_core.build_info()['instruction_set'])"


def run_forced(name: str) -> subprocess.CompletedProcess[str]:
    """Ask a fresh process, with LAMINA_ISA set to `name`, which instruction set it uses."""
    return subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, "LAMINA_ISA": name},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", AVAILABLE)
def test_a_forced_instruction_set_is_the_one_in_use(name: str) -> None:
    assert run_forced(name).stdout.strip() == name


def test_without_a_wish_the_best_instruction_set_is_in_use() -> None:
    assert run_forced("").stdout.strip() == AVAILABLE[0]


def test_this_process_uses_the_instruction_set_that_it_was_told() -> None:
    wanted = os.environ.get("LAMINA_ISA") or AVAILABLE[0]
    assert _core.build_info()["instruction_set"] == wanted


def test_the_last_instruction_set_runs_on_every_processor_of_its_kind() -> None:
    # The portable kernels are built where there are no others, and for the tests.
    of_all = {"x86_64": "sse2", "AMD64": "sse2", "aarch64": "neon", "arm64": "neon"}
    assert AVAILABLE[-1] in {of_all.get(platform.machine(), "portable"), "portable"}


def test_an_unknown_instruction_set_is_refused_with_the_list_of_known_ones() -> None:
    done = run_forced("avx9000")
    assert done.returncode != 0
    assert f"expected one of {', '.join(AVAILABLE)}" in done.stderr
    assert "got avx9000" in done.stderr
