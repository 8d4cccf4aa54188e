"""The package is built of rooms: a file imports only from its own room and those above it.

Every import counts: those inside of functions and under TYPE_CHECKING too.
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from structure.source_tree import PACKAGE, files, name

# From top to bottom: which rooms above a room may import from.
ROOMS = {
    "_core": "",
    "_checks": "_core",
    "_layers": "_core _checks",
    "_onnx": "_core _checks _layers",
    "_export": "_core _checks _layers",
    "metrics": "_core _checks",
    "_losses": "_core _checks metrics",
    "_network": "_core _checks _layers _onnx _export _losses",
    "_optimizers": "_core _checks metrics _layers _losses _network",
    "_training": "_core _checks metrics _layers _losses _network _optimizers",
    # The files beside the rooms: what users take, such as Sequential.
    "api": "_core _checks _onnx metrics _layers _losses _network _optimizers _training",
    "tabular": (
        "_core _checks _onnx _export metrics _layers _losses _network _optimizers _training api"
    ),
    # Beside it: what `import lamina.sklearn` alone reads.
    "sklearn": "_core _checks _layers _losses _network _optimizers _training api",
    # `import lamina` itself, which knows where each public name is.
    "lamina": "_core _checks metrics _layers _losses _network _optimizers _training api tabular",
    # Reached through `lamina.tabular`, which imports it late and by name.
    "_table_estimators": "_core _checks api tabular",
    "cli": "_core _export _network _training api tabular",
    "__main__": "cli",
}
# Which packages beside numpy a room uses where they are installed.
OPTIONAL = {
    "_checks": {"narwhals", "pyarrow"},
    "_onnx": {"google", "onnx"},
    "_network": {"torch"},
    "_optimizers": {"scipy"},
    "api": {"matplotlib"},
    "tabular": {"narwhals", "pandas", "polars", "pyarrow"},
    "sklearn": {"scipy", "sklearn"},
    "_table_estimators": {"scipy", "sklearn"},
    "cli": {"polars", "rich"},
}
# Which of them a room cannot do without.
NEEDED = {
    "_onnx": {"google", "onnx"},
    "cli": {"polars", "rich"},
    "sklearn": {"scipy", "sklearn"},
    "_table_estimators": {"scipy", "sklearn"},
}
# Files that functions import, as few calls need them and many files are behind each.
LATE = {"lamina._export.exports"}


@cache
def modules() -> dict[str, Path]:
    """The package's Python files by the names that import them."""
    found = {}
    for path in files(PACKAGE, {".py"}):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(path: Path) -> ast.Module:
    """What Python reads in a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported(path: Path, *, late: bool | None = None) -> frozenset[str]:
    """Full names of what a file imports; late: False: where it is read, True: in functions."""
    found: set[str] = set()
    for node, in_function in nodes(tree(path)):
        if late is not None and late != in_function:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}: a relative import"
            found.update(whole(f"{node.module}.{alias.name}") for alias in node.names)
    return frozenset(found)


def nodes(node: ast.AST, in_function: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """All nodes below one, and whether each is inside of a function."""
    for inner in ast.iter_child_nodes(node):
        yield inner, in_function
        is_function = isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from nodes(inner, in_function or is_function)


def whole(found: str) -> str:
    """A name in a module of ours as that module's; other names as they are."""
    module = found.rpartition(".")[0]
    ours = found.split(".")[0] == "lamina" and found not in modules() and found != "lamina._core"
    return module if ours else found


def room(module: str) -> str:
    """The room of a module."""
    parts = module.split(".")
    if len(parts) == 1:
        return module
    return parts[1] if parts[1] in ROOMS else "api"


def ours(path: Path) -> set[str]:
    """What a file imports of the package."""
    return {found for found in imported(path) if found.split(".")[0] == "lamina"}


def test_every_folder_of_the_package_is_a_room() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if any(path.glob("*.py"))}
    assert folders <= ROOMS.keys(), folders - ROOMS.keys()


def test_rooms_are_listed_from_top_to_bottom() -> None:
    above: set[str] = set()
    for found, allowed in ROOMS.items():
        assert set(allowed.split()) <= above, found
        above.add(found)


def test_a_file_imports_only_from_its_own_room_and_rooms_above() -> None:
    wrong = [
        f"{name(path)} imports {found}"
        for module, path in modules().items()
        for found in ours(path)
        if room(found) not in {*ROOMS[room(module)].split(), room(module)}
    ]
    assert not wrong, wrong


def test_no_files_import_each_other_in_a_circle() -> None:
    tied = in_circles({module: ours(path) - {module} for module, path in modules().items()})
    assert not tied, sorted(tied)


def test_only_the_package_itself_imports_by_a_computed_name() -> None:
    wrong = [
        name(path)
        for module, path in modules().items()
        if module not in ("lamina", "lamina.tabular")  # know where their names are
        and ("__import__" in path.read_text(encoding="utf-8") or "importlib" in roots(path))
    ]
    assert not wrong, wrong


def roots(path: Path) -> set[str]:
    """The packages that a file imports."""
    return {found.split(".")[0] for found in imported(path)}


def in_circles(imports: dict[str, set[str]]) -> set[str]:
    """The modules of circles, and those between two circles."""
    left = set(imports)
    while free := {
        module
        for module in left
        if not imports[module] & left or not any(module in imports[other] for other in left)
    }:
        left -= free
    return left


def test_functions_import_only_optional_packages_and_files_that_need_one_or_many() -> None:
    needing = {module for module, path in modules().items() if others(imported(path, late=False))}
    while more := {m for m, path in modules().items() if ours(path) & needing} - needing:
        needing |= more
    wrong = [
        f"{name(path)} imports {found} in a function"
        for path in modules().values()
        for found in imported(path, late=True)
        if not others({found}) and found not in needing | LATE
    ]
    assert not wrong, wrong


def test_what_functions_import_is_read_by_them_alone() -> None:
    wrong = [
        f"{name(path)} imports {found} where it is read"
        for path in modules().values()
        for found in imported(path, late=False) & LATE
    ]
    assert not wrong, wrong


def test_a_room_imports_its_optional_packages_alone_beside_numpy() -> None:
    wrong = [
        f"{name(path)} imports {sorted(found)}"
        for module, path in modules().items()
        if (found := others(imported(path)) - OPTIONAL.get(room(module), set()))
    ]
    assert not wrong, wrong


def test_reading_the_package_needs_numpy_alone_but_for_the_command_line() -> None:
    wrong = [
        f"{name(path)} needs {sorted(found)}"
        for module, path in modules().items()
        if (found := others(imported(path, late=False)) - NEEDED.get(room(module), set()))
    ]
    assert not wrong, wrong


def others(imports: Iterable[str]) -> set[str]:
    """The packages among imports that are neither ours, nor numpy, nor Python's own."""
    known = sys.stdlib_module_names | {"lamina", "numpy"}
    return {found.split(".")[0] for found in imports} - known


def test_no_file_imports_a_private_name_of_another() -> None:
    wrong = []
    for path in modules().values():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lamina"):
                names = [alias.name for alias in node.names if alias.name.startswith("_")]
                wrong += [
                    f"{name(path)} imports {node.module}.{found}"
                    for found in names
                    if f"{node.module}.{found}" not in {*modules(), "lamina._core"}
                    and not found.endswith("__")
                ]
    assert not wrong, wrong


def test_the_rules_find_what_breaks_them(tmp_path: Path) -> None:
    file = tmp_path / "file.py"
    file.write_text(
        "from typing import TYPE_CHECKING\nfrom lamina import _core\n"
        "if TYPE_CHECKING:\n    from lamina._training.fit import Fit\n"
        "def f():\n    import polars\n    from lamina.tabular import TableModel\n"
    )
    assert ours(file) == {"lamina._core", "lamina._training.fit", "lamina.tabular"}
    assert imported(file, late=True) == {"polars", "lamina.tabular"}
    assert in_circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == {"b", "c"}
    assert others(imported(file)) == {"polars"}
    assert not others(imported(file, late=False))
    assert room("lamina._training.fit") == "_training"
    assert room("lamina._sequential") == "api"
