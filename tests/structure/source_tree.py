"""Lists the project's own files and what each of them includes or imports."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CORE = REPOSITORY / "cpp" / "src"
BINDINGS = REPOSITORY / "python" / "bindings"
PACKAGE = REPOSITORY / "python" / "lamina"

CPP_SUFFIXES = {".cpp", ".h", ".inl", ".c"}
NOT_OURS = {".git", ".venv", "build", "dist", "__pycache__"}


def files(folder: Path, suffixes: set[str]) -> list[Path]:
    """All files below `folder` with one of the suffixes, in a fixed order, at least one."""
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in suffixes and not NOT_OURS & set(path.relative_to(REPOSITORY).parts)
    )
    assert found, f"no {', '.join(sorted(suffixes))} below {folder}: a test of them could not fail"
    return found


def name(path: Path) -> str:
    """The path as a reader of the project knows it."""
    return path.relative_to(REPOSITORY).as_posix()


def includes(path: Path) -> list[str]:
    """What a C or C++ file includes, as written between the quotes or brackets."""
    text = path.read_text(encoding="utf-8")
    return re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', text, flags=re.MULTILINE)


def imports(path: Path, *, at_import_only: bool = False) -> Iterator[str]:
    """Yield the full module names that a Python file imports (relative ones made absolute).

    With `at_import_only`, those inside functions and under `if TYPE_CHECKING` are left out.
    """
    package = path.relative_to(PACKAGE.parent).parent.parts
    for node in _nodes(ast.parse(path.read_text(encoding="utf-8")), at_import_only):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*parent, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _nodes(tree: ast.AST, at_import_only: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if at_import_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if at_import_only and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        yield from _nodes(node, at_import_only)
