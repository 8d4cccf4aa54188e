"""The kernels are right on aarch64 (NEON): cross-compiled, then run by qemu-user."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMPILER = "aarch64-linux-gnu-g++"
EMULATOR = "qemu-aarch64"


@pytest.mark.skipif(not shutil.which(COMPILER), reason=f"needs {COMPILER}")
@pytest.mark.skipif(not shutil.which(EMULATOR), reason=f"needs {EMULATOR} (qemu-user)")
@pytest.mark.skipif(not shutil.which("cmake"), reason="needs cmake (it comes with the extra test)")
def test_the_kernel_tests_pass_on_aarch64(repository: Path) -> None:
    build = repository / "build" / "aarch64"
    # An emulator has no instruction set of this machine, and time for fewer numbers.
    environment = {name: value for name, value in os.environ.items() if name != "LAMINA_ISA"}
    environment["LAMINA_FLOAT_STEP"] = "100003"
    for command in (
        ["cmake", "--preset", "aarch64", f"-DPython_EXECUTABLE={sys.executable}"],
        ["cmake", "--build", str(build), "--target", "kernel_tests"],
        ["ctest", "--preset", "aarch64", "--no-tests=error", "-L", "kernels"],
    ):
        done = subprocess.run(
            command, cwd=repository, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
