"""Files stay small, say what they are for, and name no one machine."""

import ast
import re
from pathlib import Path

from structure.source_tree import CPP_SUFFIXES, REPOSITORY, files, name

MAXIMUM_LINES = 400
MAXIMUM_FUNCTION_LINES = 60

# Files that may be longer: name -> reason.
LONGER: dict[str, str] = {
    "cpp/include/lamina/lamina.h": "users of C include one header, and read it as the reference",
}

CODE = CPP_SUFFIXES | {".py", ".cmake"}


def test_no_file_is_longer_than_400_lines() -> None:
    wrong = {}
    for path in files(REPOSITORY, CODE):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MAXIMUM_LINES and name(path) not in LONGER:
            wrong[name(path)] = lines
    assert not wrong, wrong


def test_no_python_function_is_longer_than_60_lines_besides_its_docstring() -> None:
    wrong = {}
    for path in files(REPOSITORY, {".py"}):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[1] if ast.get_docstring(node) and node.body[1:] else node.body[0]
                lines = (node.end_lineno or 0) - first.lineno + 1
                if lines > MAXIMUM_FUNCTION_LINES:
                    wrong[f"{name(path)}: {node.name}"] = lines
    assert not wrong, wrong


def test_every_cpp_file_opens_with_its_purpose() -> None:
    wrong = [
        name(path)
        for path in files(REPOSITORY, CPP_SUFFIXES)
        if not re.match(r"// \S.*|/\* \S.*", path.read_text(encoding="utf-8"))
    ]
    assert not wrong, wrong


def test_every_python_file_opens_with_its_purpose() -> None:
    wrong = [
        name(path)
        for path in files(REPOSITORY, {".py"})
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not wrong, wrong


def test_no_file_names_a_folder_of_one_machine_or_leaves_work_open() -> None:
    machine_folder = re.compile(r"(?<![\w.}~/-])/(?:home|mnt|root|tmp|work)/\w")
    open_work = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    wrong = []
    for path in [*files(REPOSITORY, CODE | {".md", ".toml", ".json", ".sh"}), *scripts()]:
        text = path.read_text(encoding="utf-8")
        wrong += [
            f"{name(path)}: {match.group()}"
            for pattern in (machine_folder, open_work)
            for match in pattern.finditer(text)
        ]
    assert not wrong, wrong


def scripts() -> list[Path]:
    """The shell scripts, which have no suffix."""
    return [REPOSITORY / "run", REPOSITORY / ".ci" / "run"]
