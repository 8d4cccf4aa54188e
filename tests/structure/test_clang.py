"""Clang takes the core's headers too: its own reading of templates is stricter than GCC's."""

import re
import shutil
import subprocess

import pytest

from structure.source_tree import CORE, REPOSITORY, files

OLDEST, NEWEST = 16, 30


def clang() -> str:
    """A Clang of the oldest version that is supported or newer."""
    for program in ["clang++", *(f"clang++-{version}" for version in range(OLDEST, NEWEST))]:
        if shutil.which(program):
            said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
            version = re.search(r"clang version (\d+)", said)
            if version and int(version[1]) >= OLDEST:
                return program
    pytest.skip(f"there is no Clang {OLDEST} or newer")


def test_clang_takes_every_header_of_the_core() -> None:
    # The header of an instruction set needs its flags.
    headers = [path for path in files(CORE, {".h"}) if path.parent.name != "simd"]
    folders = [f"-I{CORE}", f"-I{REPOSITORY / 'cpp' / 'include'}"]
    done = subprocess.run(
        [clang(), "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", *folders, "-x", "c++", "-"],
        input="".join(f'#include "{path.relative_to(CORE).as_posix()}"\n' for path in headers),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
