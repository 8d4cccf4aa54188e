"""What the compiler made of the kernels: nothing shared, no spills, no wide code in the baseline.

The objects are those of the newest optimised build below build/ (or of LAMINA_BUILD_DIR).
"""

import os
import platform
import re
import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from structure.source_tree import CORE, REPOSITORY

pytestmark = [
    pytest.mark.skipif(
        platform.machine() not in {"x86_64", "AMD64"}, reason="reads x86-64 instructions"
    ),
    pytest.mark.skipif(
        not (shutil.which("objdump") and shutil.which("nm")), reason="needs binutils"
    ),
]

# What a kernel may call: what the compiler itself writes calls of, and C's sine of far arguments.
ALLOWED_CALLS = {
    *("memcpy", "memset", "memmove", "memcmp", "__assert_fail", "_GLOBAL_OFFSET_TABLE_"),
    *("sin", "cos"),
}
WIDE = {"avx2", "avx512"}


def _optimised_builds() -> list[Path]:
    """Build folders that hold optimised, uninstrumented objects for this machine, newest first."""
    if "LAMINA_BUILD_DIR" in os.environ:
        return [Path(os.environ["LAMINA_BUILD_DIR"])]
    builds = []
    for cache_file in (REPOSITORY / "build").glob("*/CMakeCache.txt"):
        settings = dict(
            re.findall(r"^(\w+):\w+=(.*)$", cache_file.read_text(encoding="utf-8"), re.MULTILINE)
        )
        archive = cache_file.parent / "liblamina_core.a"
        if (
            settings.get("CMAKE_BUILD_TYPE") == "Release"
            and not settings.get("LAMINA_SANITIZE")
            and not settings.get("CMAKE_CROSSCOMPILING_EMULATOR")
            and archive.is_file()
        ):
            builds.append((archive.stat().st_mtime, cache_file.parent))
    return [folder for _, folder in sorted(builds, reverse=True)]


@cache
def _build() -> Path:
    builds = _optimised_builds()
    if not builds:
        message = "no optimised build below build/: pip install . or cmake --preset release first"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return builds[0]


def kernel_objects(instruction_set: str = "*") -> dict[str, Path]:
    """The objects of an instruction set, or of all, by set and type ("avx2_f32")."""
    prefix = "lamina_kernels_"
    found = (_build() / "CMakeFiles").glob(f"{prefix}{instruction_set}_f??.dir/**/kernels.cpp.o")
    return {re.findall(rf"{prefix}(\w+)\.dir", path.as_posix())[-1]: path for path in found}


def baseline_objects() -> dict[str, Path]:
    """The objects that every processor runs, by source, kernels by set and type."""
    targets = ("lamina_core", "lamina_kernels")
    folders = [_build() / "CMakeFiles" / f"{target}.dir" for target in targets]
    core = {
        source: path
        for root in (folder / "cpp" / "src" for folder in folders)
        for path in root.rglob("*.o")
        if (CORE / (source := path.relative_to(root).as_posix().removesuffix(".o"))).is_file()
    }
    narrow = {
        name: path for name, path in kernel_objects().items() if name.split("_")[0] not in WIDE
    }
    return core | narrow


@cache
def disassembly(path: Path) -> str:
    """The instructions of an object file, with function names as headings."""
    return subprocess.run(
        ["objdump", "-d", "-C", "--no-show-raw-insn", str(path)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def symbols(path: Path) -> list[tuple[str, str]]:
    """(type letter, name) of each symbol of an object file."""
    listed = subprocess.run(
        ["nm", str(path)], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return [(fields[-2], fields[-1]) for fields in map(str.split, listed)]


def test_every_instruction_set_has_objects() -> None:
    sets, types = ("sse2", "avx2", "avx512"), ("f32", "f64")
    assert {f"{name}_{kind}" for name in sets for kind in types} <= kernel_objects().keys()


def test_kernel_objects_share_no_function_with_other_objects() -> None:
    # The linker keeps one copy of a weak function: it could be the AVX-512 one, for everybody.
    weak = {
        f"{source}: {name}"
        for source, path in kernel_objects().items()
        for letter, name in symbols(path)
        if letter in "WVuwv"
    }
    assert not weak, weak


def test_kernel_objects_call_nothing_outside() -> None:
    calls = {
        f"{source}: {name}"
        for source, path in kernel_objects().items()
        for letter, name in symbols(path)
        if letter == "U" and name not in ALLOWED_CALLS and "kern" not in name.lower()
    }
    assert not calls, calls


def test_kernel_objects_run_nothing_when_they_are_loaded() -> None:
    for source, path in kernel_objects().items():
        sections = subprocess.run(
            ["objdump", "-h", str(path)], check=True, capture_output=True, text=True
        ).stdout
        assert ".init_array" not in sections, source


def test_baseline_objects_hold_no_wide_instructions() -> None:
    baseline = baseline_objects()
    assert {"kernels/dispatch.cpp", "sse2_f32", "sse2_f64"} <= baseline.keys()
    wide = [
        source for source, path in baseline.items() if re.search(r"%[yz]mm\d", disassembly(path))
    ]
    assert not wide, wide


def test_the_wide_objects_hold_wide_instructions() -> None:
    for name, register in (("avx2", "%ymm"), ("avx512", "%zmm")):
        assert any(register in disassembly(path) for path in kernel_objects(name).values()), name


def test_avx2_objects_hold_no_avx512_instructions() -> None:
    for source, path in kernel_objects("avx2").items():
        assert not re.search(r"%zmm\d|%[xy]mm(1[6-9]|2\d|3[01])\b", disassembly(path)), source


def tile_spills(path: Path, register: str) -> Counter[str]:
    """Stores of a whole register to the stack in each function that runs tiles of a product."""
    stores: Counter[str] = Counter()
    function = ""
    for line in disassembly(path).splitlines():
        if heading := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            function = heading.group(1)
            if "::run_tiles<" in function:
                stores[function] = 0
        elif function in stores and re.search(
            rf"\bv?mov\w+\s+{register}\d+,-?(0x[0-9a-f]+)?\(%r[sb]p\)", line
        ):
            stores[function] += 1
    return stores


@pytest.mark.parametrize(("instruction_set", "register"), [("avx512", "%zmm"), ("avx2", "%ymm")])
def test_products_keep_their_tile_in_registers(instruction_set: str, register: str) -> None:
    for source, path in kernel_objects(instruction_set).items():
        stores = tile_spills(path, register)
        assert stores, f"{source} has no function run_tiles"
        assert not +stores, source
