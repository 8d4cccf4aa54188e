"""The mutation tool changes code, one place at a time, and nothing that is no code."""

import pytest

from scripts import load_script
from structure.source_tree import REPOSITORY

mutants = load_script(REPOSITORY / "tools" / "mutants.py")


def changed(line: str, file: str = "cpp/src/layers/dense.cpp") -> dict[str, set[str]]:
    """What each kind of mutant makes of a line."""
    found: dict[str, set[str]] = {}
    for mutant in mutants.mutants_of(file, line):
        assert mutant.before == line
        found.setdefault(mutant.kind, set()).add(mutant.after)
    return found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("return a + b;", {"sign": {"return a - b;"}}),
        ("x *= -y;", {"sign": {"x /= -y;"}, "unary minus": {"x *= y;"}, "statement": {";"}}),
        (
            "if (n < rows && !done) break;",
            {
                "comparison": {"if (n <= rows && !done) break;"},
                "logic": {"if (n < rows || !done) break;"},
                "negation": {"if (n < rows && done) break;"},
                "statement": {"if (n < rows && !done) ;"},
            },
        ),
        ("return x[i];", {"index": {"return x[(i) + 1];", "return x[(i) - 1];"}}),
        ("const T y = std::min(a, b);", {"extreme": {"const T y = std::max(a, b);"}}),
        ("const int n = 2;", {"constant": {"const int n = 3;", "const int n = 1;"}}),
        ("const T e = 1e-5;", {"constant": {"const T e = 2 * 1e-5;"}}),
        ("if (a != b) return;", {"comparison": {"if (a == b) return;"}}),
        ("team.barrier();", {"statement": {";"}}),
        ("return p->n;", {}),
        ("void f(T&& x, const std::vector<T>& y);", {}),
    ],
)
def test_a_line_is_changed_in_one_place(line: str, expected: dict[str, set[str]]) -> None:
    assert changed(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "// a + b < 2",
        'fail("a + b[i] < 2");',
        "#if X > 2",
        "template <int n = 2>",
        "static_assert(sizeof(T) == 4);",
        "const int threads = a + 1;",
        "names.reserve(n + 1);",
    ],
)
def test_comments_strings_and_what_changes_speed_alone_are_left_out(line: str) -> None:
    assert changed(line).keys() <= {"statement"}


def test_files_about_work_sizes_are_left_out_and_the_others_are_not() -> None:
    files = {mutant.file for mutant in mutants.all_mutants(REPOSITORY)}
    assert not any(name in file for file in files for name in ("thread_choice", "work_sizes"))
    assert {file.split("/")[2] for file in files} == set(mutants.FLOORS)
