"""A file of the core includes only what lies on lower floors (ARCHITECTURE.md)."""

import re
from pathlib import Path

import pytest

from structure.source_tree import (
    BINDINGS,
    CORE,
    CPP_SUFFIXES,
    files,
    includes,
    name,
)

# Which floors each floor of the core may include, besides itself.
LOWER_FLOORS = {
    "base": set(),
    "kernels": {"base"},
    "layers": {"base", "kernels"},
    "network": {"base", "kernels", "layers"},
    "optimizers": {"base", "kernels", "layers"},  # parameters, but not the network's shape
    "inference": {"base", "kernels", "layers", "network"},  # not training: it can be cut out
    "metrics": {"base", "kernels", "layers"},  # a loss says what the outputs mean
    "training": {"base", "inference", "kernels", "layers", "metrics", "network", "optimizers"},
    "tables": {"base"},
    "model_file": {"base", "kernels", "layers", "network", "optimizers"},
    "model_io": {"base", "inference", "kernels", "layers", "model_file", "network", "tables"},
    "c_api": {  # the surface of C
        "base",
        "inference",
        "kernels",
        "layers",
        "metrics",
        "model_file",
        "model_io",
        "network",
        "optimizers",
        "tables",
        "training",
    },
}

# Headers without inline functions of the standard library: the linker could keep such a function's
# AVX-512 copy and call it on a processor without it.
KERNEL_HEADERS = {"assert.h", "float.h", "immintrin.h", "stddef.h", "stdint.h", "string.h"}


@pytest.mark.parametrize("floor", LOWER_FLOORS)
def test_a_core_floor_includes_only_lower_floors(floor: str) -> None:
    allowed = LOWER_FLOORS[floor] | {floor}
    wrong = [
        f"{name(path)} includes {header}"
        for path in files(CORE / floor, CPP_SUFFIXES)
        for header in includes(path)
        if header.split("/")[0] in LOWER_FLOORS.keys() - allowed
    ]
    assert not wrong, wrong


def test_every_folder_of_the_core_is_a_known_floor() -> None:
    folders = {path.name for path in CORE.iterdir() if path.is_dir()}
    assert folders <= LOWER_FLOORS.keys(), folders - LOWER_FLOORS.keys()


def test_the_core_does_not_know_python() -> None:
    wrong = [
        f"{name(path)} includes {header}"
        for path in files(CORE, CPP_SUFFIXES)
        for header in includes(path)
        if re.match(r"pybind11/|Python\.h|numpy/", header)
    ]
    assert not wrong, wrong


def test_the_bindings_do_no_arithmetic_of_their_own() -> None:
    wrong = [
        f"{name(path)} includes {header}"
        for path in files(BINDINGS, CPP_SUFFIXES)
        for header in includes(path)
        if header in {"cmath", "numeric", "immintrin.h"}
    ]
    assert not wrong, wrong


def test_the_core_does_not_print_abort_or_read_the_environment() -> None:
    banned = re.compile(
        r"std::(cout|cerr|clog|print|abort|exit|terminate)\b|\b(f?printf|puts|abort|exit)\("
    )
    reads_environment = {"cpp/src/kernels/dispatch.cpp", "cpp/src/base/thread_count.cpp"}
    wrong = []
    for path in files(CORE, CPP_SUFFIXES):
        text = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
        wrong += [f"{name(path)}: {match.group()}" for match in banned.finditer(text)]
        if "getenv" in text and name(path) not in reads_environment:
            wrong.append(f"{name(path)}: getenv")
    assert not wrong, wrong


def kernel_closure() -> set[Path]:
    """What is compiled for more than the baseline, with all of our headers that it includes."""
    pending = [CORE / "kernels" / "kernels.cpp", *(CORE / "kernels" / "simd").glob("avx*.h")]
    seen: set[Path] = set()
    while pending:
        path = pending.pop()
        if path in seen:
            continue
        seen.add(path)
        for header in includes(path):
            for candidate in (CORE / header, path.parent / header):
                if candidate.is_file():
                    pending.append(candidate)
                    break
    return seen


def test_wide_kernel_files_include_no_standard_library_templates() -> None:
    closure = kernel_closure()
    assert closure, "no kernel files found"
    not_gcc = {"math.h"}  # included where the compiler has no built-in sine
    wrong = [
        f"{name(path)} includes {header}"
        for path in closure
        for header in includes(path)
        if header not in KERNEL_HEADERS | not_gcc
        and not (CORE / header).is_file()
        and not (path.parent / header).is_file()
    ]
    assert not wrong, wrong
