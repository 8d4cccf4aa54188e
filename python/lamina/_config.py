"""Where C and C++ programs find lamina: headers, the library, files for CMake and pkg-config."""

import shlex
import sys
from pathlib import Path

from lamina import _core

__all__ = ["compiler_flags", "get_cmake_dir", "get_include", "get_library_dir", "get_pkgconfig_dir"]


def get_include() -> str:
    """The folder to look for headers in: `#include <lamina/lamina.h>` in C, `lamina.hpp` in C++.

    Raises:
        FileNotFoundError: this installation has no such folder.
    """
    return _folder("include")


def get_library_dir() -> str:
    """The folder of the shared library `liblamina`, which `import lamina` uses too.

    A program that links it must find it when it runs: by `-Wl,-rpath`, as `python -m lamina config
    --libs` has it, by a copy beside the program, or by `LD_LIBRARY_PATH`.

    Raises:
        FileNotFoundError: this installation has no such folder.
    """
    return _folder("lib")


def get_cmake_dir() -> str:
    """The folder that CMake takes as `lamina_DIR`, so that `find_package(lamina)` finds this one.

    Raises:
        FileNotFoundError: this installation has no such folder.
    """
    return _folder("lib", "cmake", "lamina")


def get_pkgconfig_dir() -> str:
    """The folder of `lamina.pc`, which pkg-config looks for in `PKG_CONFIG_PATH`.

    Raises:
        FileNotFoundError: this installation has no such folder.
    """
    return _folder("lib", "pkgconfig")


def compiler_flags() -> list[str]:
    """What a compiler needs to find the headers."""
    return [f"-I{get_include()}"]


def linker_flags() -> list[str]:
    """What a linker needs, and the program when it runs, to find the shared library."""
    folder = get_library_dir()
    by_itself = [] if sys.platform == "win32" else [f"-Wl,-rpath,{folder}"]
    return [f"-L{folder}", "-llamina", *by_itself]


def config_lines(asked: list[str]) -> list[str]:
    """What `lamina config` prints for options such as "libs", flags of all of them in one line."""
    flags = {"cflags": compiler_flags, "libs": linker_flags}
    folders = {
        "includedir": get_include,
        "libdir": get_library_dir,
        "cmakedir": get_cmake_dir,
        "pkgconfigdir": get_pkgconfig_dir,
    }
    line = shlex.join(flag for name in asked if name in flags for flag in flags[name]())
    return [*([line] if line else []), *(folders[name]() for name in asked if name in folders)]


def _folder(*parts: str) -> str:
    """A folder beside the compiled module, which editable installations too have there."""
    folder = Path(_core.__file__).parent.joinpath(*parts)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder} is not there: this installation has not the files for C and C++ programs, "
            "which pip install lamina puts there"
        )
    return str(folder)
