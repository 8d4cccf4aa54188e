"""Lines of generated C are cut where they may be, and left whole elsewhere."""

import pytest

from lamina._export._print_c import wrapped


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("f(a, b);", ["f(a, b);"]),
        ("call(first, second, third);", ["call(first, second,", "    third);"]),
        ("sum = left_factor_of_it * right;", ["sum = left_factor_of_it * right;"]),
        ("do(a_name_longer_than_the_width_is);", ["do(a_name_longer_than_the_width_is);"]),
        (
            "ok = one && a_long_name_behind_it_that_stays;",
            ["ok = one &&", "    a_long_name_behind_it_that_stays;"],
        ),
    ],
)
def test_a_long_line_is_cut_behind_marks_alone(line: str, lines: list[str]) -> None:
    assert wrapped(line, 20) == lines
