"""Values of options: each function reads one from its text, or says what it expected."""

import argparse
import json
from collections.abc import Callable

from lamina import _core
from lamina.cli._parser import nearest_or_all


def sizes(text: str) -> list[int]:
    """Numbers of units between commas, or none."""
    if not text.strip():
        return []
    return [at_least(1)(size) for size in text.split(",")]


def activation(text: str) -> str:
    """The name of an activation that a network can train with."""
    names = [name for name in _core.catalogue()["activations"] if _is_trainable(name)]
    if not _is_trainable(text):
        raise argparse.ArgumentTypeError(
            f"unknown activation '{text}'{nearest_or_all(text, names)}"
        )
    return text


def _is_trainable(activation: str) -> bool:
    try:
        return _core.is_trainable(json.dumps(activation))
    except ValueError:
        return False


def encoding(text: str) -> str:
    """The name of a text encoding."""
    try:
        "a".encode(text)
        return text
    except LookupError:
        raise argparse.ArgumentTypeError(
            f"expected an encoding such as utf-8 or latin-1, got '{text}'"
        ) from None


def separator(text: str) -> str:
    """The separator of cells."""
    text = {"tab": "\t", "\\t": "\t", "blanks": " "}.get(text, text)
    return _one_character(text, "'tab' or 'blanks'", "\"'")


def quote(text: str) -> str:
    """The character around cells."""
    return "" if text == "none" else _one_character(text, "'none'", " \t,;")


def comment(text: str) -> str:
    """The character before comments."""
    return _one_character(text, "such as #", ' \t"')


def _one_character(text: str, others: str, refused: str) -> str:
    """A character of ASCII that is neither a letter, a digit, a line end nor one of `refused`."""
    usual = len(text) == 1 and text.isascii() and text not in "\r\n\0" and not text.isalnum()
    if not usual or text in refused:
        raise argparse.ArgumentTypeError(f"expected one character or {others}, got '{text}'")
    return text


def levels(text: str) -> list[float]:
    """Levels of quantiles between commas."""
    return [fraction(level) for level in text.split(",")]


def class_weight(text: str) -> str | tuple[str, float]:
    """`balanced`, or a class and its weight."""
    if text == "balanced":
        return text
    name, mark, weight = text.rpartition("=")
    if not mark:
        raise argparse.ArgumentTypeError(
            f"expected balanced, or a class and its weight such as yes=3, got '{text}'"
        )
    return name, not_negative(weight)


def at_least(least: int) -> Callable[[str], int]:
    """A reader of whole numbers of at least so much."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(
                f"expected a whole number of at least {least}, got '{text}'"
            )
        return value

    return parse


def _number(text: str, accept: Callable[[float], bool], expected: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not accept(value):
        raise argparse.ArgumentTypeError(f"expected {expected}, got '{text}'")
    return value


def fraction(text: str) -> float:
    """A number between 0 and 1."""
    return _number(text, lambda x: 0.0 < x < 1.0, "a number between 0 and 1")


def share(text: str) -> float:
    """A number from 0 to below 1."""
    return _number(text, lambda x: 0.0 <= x < 1.0, "a number from 0 to below 1")


def probability(text: str) -> float:
    """A number from 0 to 1."""
    return _number(text, lambda x: 0.0 <= x <= 1.0, "a number from 0 to 1")


def positive(text: str) -> float:
    """A number above 0."""
    return _number(text, lambda x: 0.0 < x < float("inf"), "a number above 0")


def not_negative(text: str) -> float:
    """A number of at least 0."""
    return _number(text, lambda x: 0.0 <= x < float("inf"), "a number of at least 0")
