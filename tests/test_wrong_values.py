"""Wrong values in public calls are refused in the library's own words."""

import warnings

import pytest

import wrong_values


def test_a_sample_of_wrong_values_gives_errors_in_own_words() -> None:
    assert not list(wrong_values.faults(rounds=1500, seed=0))


@pytest.mark.long
def test_all_wrong_values_give_errors_in_own_words() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not list(wrong_values.faults(rounds=10**9, seed=0))
