"""Programs in C and C++ that are built against a wheel in a virtual environment of its own.

    @pytest.mark.parametrize("compiler", COMPILERS)
    @pytest.mark.parametrize("tool", BUILD_TOOLS)
    def test_a_program(fresh: Environment, tmp_path: Path, compiler: str, tool: str) -> None:
        program = fresh.build(tmp_path, [SOURCE], compiler=compiler, tool=tool)
        assert run(program, "model.lamina") == "..."

`fresh` is a fixture of conftest.py: one environment a session, with this lamina and numpy alone.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest

import lamina

COMPILERS = ("gcc", "clang")
BUILD_TOOLS = ("cmake", "pkg-config")
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror")
C_STANDARD, CXX_STANDARD = "99", "20"

_OLDEST_CLANG, _NEWEST_CLANG = 14, 25
_COMMAND_SECONDS = 300

_CMAKE_LISTS = """
cmake_minimum_required(VERSION 3.24)
project(consumer LANGUAGES {languages})
find_package(lamina {version} REQUIRED)
add_executable({name} {sources})
target_compile_options({name} PRIVATE {warnings})
target_link_libraries({name} PRIVATE {library})
"""


def run(*command: str | Path, directory: Path | None = None) -> str:
    """What a command prints, in a process that has nothing of this one's Python or loader paths."""
    unwanted = {"PYTHONPATH", "LD_LIBRARY_PATH", "PKG_CONFIG_PATH", "CMAKE_PREFIX_PATH"}
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        cwd=directory,
        env={name: value for name, value in os.environ.items() if name not in unwanted},
        timeout=_COMMAND_SECONDS,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def needed(program: str) -> str:
    """The path of a program; a test is skipped where it is not there."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"there is no {program}")
    return found


def compiler_of(family: str, *, cxx: bool) -> str:
    """The C or C++ compiler of a family, "gcc" or "clang"."""
    if family == "gcc":
        return needed("g++" if cxx else "gcc")
    program = "clang++" if cxx else "clang"
    for name in [program, *(f"{program}-{v}" for v in range(_NEWEST_CLANG, _OLDEST_CLANG - 1, -1))]:
        if shutil.which(name):
            return name
    pytest.skip(f"there is no {program}")


def is_cxx(source: Path) -> bool:
    return source.suffix == ".cpp"


@dataclass(frozen=True)
class Environment:
    """A virtual environment with lamina and numpy alone."""

    python: Path

    def config(self, *options: str) -> list[str]:
        """What `python -m lamina config` prints, cut at blanks."""
        return run(self.python, "-m", "lamina", "config", *options).split()

    def folder(self, option: str) -> Path:
        """One of the folders that `python -m lamina config` prints."""
        return Path(self.config(option)[0])

    def build(
        self,
        folder: Path,
        sources: list[Path],
        *,
        compiler: str = "gcc",
        tool: str = "cmake",
        options: tuple[str, ...] = (),
    ) -> Path:
        """The program made of `sources` in `folder`; it finds the library by itself.

        Args:
            folder: an empty folder to build in.
            sources: files in C (.c) or C++ (.cpp).
            compiler: "gcc" or "clang".
            tool: "cmake" (find_package), "pkg-config" or "config" (the flags that the command
                `python -m lamina config` prints).
            options: more options of the compiler, such as "-O2" or "-Ifolder".
        """
        if tool == "cmake":
            return build_with_cmake(
                folder, sources, compiler, cmake_dir=self.folder("--cmakedir"), options=options
            )
        if tool == "pkg-config":
            flags = pkg_config_flags(self.folder("--pkgconfigdir"))
        else:
            flags = self.config("--cflags", "--libs")
        return build_with_flags(folder, sources, compiler, flags, options)


def pkg_config_flags(folder: Path, *options: str) -> list[str]:
    """The flags by which pkg-config says how to compile and link."""
    command = [needed("pkg-config"), "--cflags", "--libs", *options, "lamina"]
    environment = {**os.environ, "PKG_CONFIG_PATH": str(folder)}
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment
    ).stdout.split()


def build_with_flags(
    folder: Path,
    sources: list[Path],
    compiler: str,
    flags: list[str],
    options: tuple[str, ...] = (),
) -> Path:
    """A program by one call of the compiler."""
    cxx = any(map(is_cxx, sources))
    assert all(is_cxx(source) == cxx for source in sources), "one language: a compiler has one -std"
    program = folder / "program"
    standard = f"-std=c++{CXX_STANDARD}" if cxx else f"-std=c{C_STANDARD}"
    command = [compiler_of(compiler, cxx=cxx), standard, *WARNINGS, *options, *map(str, sources)]
    run(*command, "-o", program, *flags)
    return program


def build_with_cmake(
    folder: Path,
    sources: list[Path],
    compiler: str,
    *,
    cmake_dir: Path,
    library: str = "lamina::lamina",
    options: tuple[str, ...] = (),
) -> Path:
    """A program by a CMake project that finds the package lamina."""
    cmake = needed("cmake")
    cxx = any(map(is_cxx, sources))
    languages = "C CXX" if cxx or library.endswith("_static") else "C"
    text = _CMAKE_LISTS.format(
        name="program",
        languages=languages,
        version=lamina.__version__,
        library=library,
        sources=" ".join(f'"{source.as_posix()}"' for source in sources),
        warnings=" ".join([*WARNINGS, *options]),
    )
    (folder / "CMakeLists.txt").write_text(text, encoding="utf-8")
    compilers = [f"-DCMAKE_C_COMPILER={compiler_of(compiler, cxx=False)}"]
    if "CXX" in languages:
        compilers.append(f"-DCMAKE_CXX_COMPILER={compiler_of(compiler, cxx=True)}")
    build = folder / "build"
    run(
        *(cmake, "-S", folder, "-B", build, f"-Dlamina_DIR={cmake_dir}", *compilers),
        *(f"-DCMAKE_C_STANDARD={C_STANDARD}", f"-DCMAKE_CXX_STANDARD={CXX_STANDARD}"),
        "-DCMAKE_BUILD_TYPE=Release",
    )
    run(cmake, "--build", build)
    return build / "program"


def exported(library: Path) -> dict[str, str]:
    """The symbols that a library defines for others, and the version of each."""
    listed = run("nm", "-D", "--defined-only", "--with-symbol-versions", library)
    names = [line.split()[-1] for line in listed.splitlines() if " A " not in line]
    return {name: version for name, _, version in (name.partition("@@") for name in names)}


def functions_of_header(header: Path) -> set[str]:
    """The functions that lamina.h declares."""
    text = re.sub(r"/\*.*?\*/", "", header.read_text(encoding="utf-8"), flags=re.DOTALL)
    return set(re.findall(r"LAMINA_API\b[^;(]*?\b(lamina_\w+)\(", text))


def pack_wheel(folder: Path) -> Path:
    """The wheel that this installation came from, packed again from its files.

    An editable installation's Python files are those of the source tree; what was compiled, and
    the headers, are where the compiled module is.
    """
    installed = distribution("lamina")
    tag = re.search(r"^Tag: (\S+)$", installed.read_text("WHEEL") or "", re.MULTILINE)
    assert tag is not None
    path = folder / f"lamina-{installed.version}-{tag[1]}.whl"
    record = f"lamina-{installed.version}.dist-info"
    members = {f"lamina/{name}": file for name, file in _package_files().items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, file in sorted(members.items()):
            wheel.write(file, name)
        for name in ("METADATA", "WHEEL", "entry_points.txt"):
            wheel.writestr(f"{record}/{name}", installed.read_text(name) or "")
        names = [*members, *(f"{record}/{name}" for name in ("METADATA", "WHEEL", "RECORD"))]
        wheel.writestr(f"{record}/RECORD", "".join(f"{name},,\n" for name in names))
    return path


def _package_files() -> dict[str, Path]:
    """The files of the package, by their names in it."""
    folders = {Path(lamina.__file__).parent, Path(lamina._core.__file__).parent}
    return {
        file.relative_to(folder).as_posix(): file
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def make_environment(folder: Path, wheel: Path) -> Environment:
    """A new virtual environment that has this wheel, and this process's numpy."""
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel)
    site_packages = Path(run(python, "-c", "import site; print(site.getsitepackages()[0])").strip())
    numpy = Path(np.__file__).parent
    for part in (numpy, numpy.with_name("numpy.libs")):
        if part.exists():
            (site_packages / part.name).symlink_to(part, target_is_directory=True)
    return Environment(python)
