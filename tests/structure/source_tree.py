"""Lists the project's own files and what each of them includes."""

import re
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
