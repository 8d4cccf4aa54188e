"""The package is built of rooms: a file imports only from its own room and those above it.

Every import counts: those inside of functions and under TYPE_CHECKING too.
"""

import ast
from functools import cache
from pathlib import Path

from structure.source_tree import PACKAGE, files, name

# From top to bottom; a room may import from all rooms above it that stand in its list.
ROOMS: dict[str, set[str]] = {
    "_core": set(),
    "_checks": {"_core"},
    "_layers": {"_core", "_checks"},
    "metrics": {"_core", "_checks"},
    "_losses": {"_core", "_checks", "metrics"},
    "_network": {"_core", "_checks", "_layers", "_losses"},
    "_optimizers": {"_core", "_checks", "metrics", "_layers", "_losses", "_network"},
    "_training": {
        *("_core", "_checks", "metrics", "_layers", "_losses", "_network"),
        "_optimizers",
    },
    # The files beside the rooms: what users take, such as Sequential.
    "api": {
        *("_core", "_checks", "metrics", "_layers", "_losses", "_network", "_optimizers"),
        "_training",
    },
    "tabular": {
        *("_core", "_checks", "metrics", "_layers", "_network", "_optimizers", "_training"),
        "api",
    },
    # `import lamina` itself, which knows where each public name is.
    "lamina": {
        *("_core", "_checks", "metrics", "_layers", "_losses", "_network", "_optimizers"),
        *("_training", "api", "tabular"),
    },
    "cli": {"_core", "_network", "_training", "api", "lamina", "tabular"},
}
OPTIONAL = {"matplotlib", "narwhals", "pandas", "polars", "pyarrow", "rich", "scipy", "torch"}


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
def imported(path: Path, within: type[ast.AST] = ast.Module) -> frozenset[str]:
    """Full names of what a file imports, at any depth or within functions alone."""
    outer = [node for node in ast.walk(tree(path)) if isinstance(node, within)]
    found: set[str] = set()
    for node in (inner for part in outer for inner in ast.walk(part)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}: a relative import"
            found.update(whole(f"{node.module}.{alias.name}") for alias in node.names)
    return frozenset(found)


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


def ours(path: Path, within: type[ast.AST] = ast.Module) -> set[str]:
    """What a file imports of the package."""
    return {found for found in imported(path, within) if found.split(".")[0] == "lamina"}


def test_every_folder_of_the_package_is_a_room() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if any(path.glob("*.py"))}
    assert folders <= ROOMS.keys(), folders - ROOMS.keys()


def test_rooms_are_listed_from_top_to_bottom() -> None:
    above: set[str] = set()
    for found, allowed in ROOMS.items():
        assert allowed <= above, found
        above.add(found)


def test_a_file_imports_only_from_its_own_room_and_rooms_above() -> None:
    wrong = [
        f"{name(path)} imports {found}"
        for module, path in modules().items()
        for found in ours(path)
        if room(found) not in ROOMS[room(module)] | {room(module)}
    ]
    assert not wrong, wrong


def test_no_files_import_each_other_in_a_circle() -> None:
    tied = in_circles({module: ours(path) - {module} for module, path in modules().items()})
    assert not tied, sorted(tied)


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


def test_functions_import_only_optional_packages_and_files_that_need_one() -> None:
    needing = {
        module
        for module, path in modules().items()
        if {found.split(".")[0] for found in at_its_top(path)} & OPTIONAL
    }
    while more := {m for m, path in modules().items() if ours(path) & needing} - needing:
        needing |= more
    wrong = [
        f"{name(path)} imports {found} in a function"
        for path in modules().values()
        for found in imported(path, ast.FunctionDef)
        if found.split(".")[0] not in OPTIONAL and found not in needing
    ]
    assert not wrong, wrong


def at_its_top(path: Path) -> frozenset[str]:
    """What reading a file imports."""
    return imported(path) - imported(path, ast.FunctionDef)


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
    assert imported(file, ast.FunctionDef) == {"polars", "lamina.tabular"}
    assert in_circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == {"b", "c"}
    assert room("lamina._training.fit") == "_training"
    assert room("lamina._sequential") == "api"
