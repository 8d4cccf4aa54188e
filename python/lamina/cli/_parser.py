"""The parser of the command line: errors in two lines, with the option that was probably meant."""

import argparse
import difflib
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

_NEGATIVE_NUMBER = re.compile(r"-\d+|-\d*\.\d+")
_MOST_OFFERS = 3

# What other programs and libraries call an option: name (without dashes) -> lamina's.
_OTHER_NAMES = {
    "alpha": "--weight-decay",
    "batch": "--batch-size",
    "cutoff": "--threshold",
    "delimiter": "--separator",
    "drop": "--ignore",
    "early-stopping": "--patience",
    "early-stopping-rounds": "--patience",
    "exclude": "--ignore",
    "iterations": "--epochs",
    "jobs": "--threads",
    "label": "--target",
    "layers": "--hidden",
    "lr": "--learning-rate",
    "max-iter": "--epochs",
    "model": "--output",
    "n-jobs": "--threads",
    "na-values": "--missing",
    "neurons": "--hidden",
    "num-epochs": "--epochs",
    "out": "--output",
    "proba": "--probabilities",
    "random-state": "--seed",
    "save": "--output",
    "sep": "--separator",
    "skip-columns": "--ignore",
    "solver": "--optimizer",
    "test-data": "--test",
    "units": "--hidden",
    "val": "--validation",
    "validation-split": "--validation-fraction",
    "wd": "--weight-decay",
    "workers": "--threads",
    "y": "--target",
}


class CommandParser(argparse.ArgumentParser):
    """An `ArgumentParser` whose errors are short, and which takes no abbreviated options.

    An abbreviation would change its meaning, or lose it, when an option is added.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
        self.commands: dict[str, CommandParser] = {}

    def add_command(self, name: str, summary: str) -> "CommandParser":
        """The parser of a command; `arguments.command` names the one chosen."""
        if not self.commands:
            self._chosen = self.add_subparsers(dest="command", required=True, metavar="COMMAND")
        self.commands[name] = self._chosen.add_parser(name, help=summary)
        return self.commands[name]

    # The base class has overloads for namespaces of other classes, which nobody asks for here.
    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: None = None
    ) -> argparse.Namespace:
        """As `ArgumentParser.parse_args`; no arguments at all, or `help`, print the help.

        Unknown options are told first: they may be the reason why another is missing.
        """
        tokens = list(sys.argv[1:] if args is None else args)
        if not tokens:
            self.print_help()
            self.exit()
        place = next((i for i, token in enumerate(tokens) if not _is_option(token)), len(tokens))
        self.refuse_unknown(tokens[:place])
        command = self.commands.get(tokens[place]) if place < len(tokens) else None
        if command is not None:
            command.refuse_unknown(tokens[place + 1 :])
        arguments, further = self.parse_known_args(tokens)
        if further:
            (command or self).error(f"unexpected argument '{further[0]}'")
        return arguments

    def refuse_unknown(self, tokens: Sequence[str]) -> None:
        """End with an error where one of the tokens is an option that the parser does not know."""
        before = ""
        for token in tokens:
            if token == "--":
                return
            name = token.partition("=")[0]
            if _is_option(token) and not self._knows(name):
                offers = nearest_options(name, self._option_string_actions)
                hint = f"; did you mean {' or '.join(offers)}?" if offers else ""
                if not offers and before in self._option_string_actions:
                    hint = f"; if it is the value of {before}, write {before}={token}"
                if not offers and self.commands:
                    hint = f"; the options of a command follow its name: {self.prog} COMMAND {name}"
                self.error(f"unknown option {name}{hint}")
            before = name if _is_option(token) else ""

    def error(self, message: str) -> NoReturn:
        """Print the error and where to read on, without a page of usage; exit code 2."""
        message = message.removeprefix("argument ")
        self.exit(2, f"{self.prog}: {message}\nsee '{self.prog} --help'\n")

    def _knows(self, name: str) -> bool:
        if name in self._option_string_actions:
            return True
        # -oFILE is a value right behind its option; -output would be one too, which nobody means.
        return name[:2] in self._option_string_actions and f"-{name}" not in (
            self._option_string_actions
        )

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        names = [str(choice) for choice in action.choices]
        command = action.metavar == "COMMAND"
        raise argparse.ArgumentError(
            None if command else action,
            f"unknown {'command' if command else 'value'} '{value}'"
            f"{nearest_or_all(str(value), names)}",
        )


def nearest_options(name: str, options: Iterable[str]) -> list[str]:
    """The options that somebody who wrote `name` may have meant, the most likely first."""
    known = [option for option in options if option.startswith("--")]
    plain = name.lstrip("-").lower().replace("_", "-")
    if not plain:
        return []
    other = _OTHER_NAMES.get(plain)
    if other in known:
        return [other]
    words = set(plain.split("-"))
    for alike in (
        [option for option in known if option[2:] == plain],
        [option for option in known if len(plain) > 1 and option[2:].startswith(plain)],
        [option for option in known if set(option[2:].split("-")) <= words],
    ):
        if alike:
            return alike[:_MOST_OFFERS]
    return difflib.get_close_matches(f"--{plain}", known, n=_MOST_OFFERS, cutoff=0.7)


def nearest_or_all(name: str, names: Sequence[str]) -> str:
    """A sentence's end that offers the names most like this one, or all of them."""
    by_lower = {candidate.lower(): candidate for candidate in names}
    lower = name.lower()
    found = difflib.get_close_matches(lower, by_lower, n=_MOST_OFFERS, cutoff=0.6)
    found = found or [key for key in by_lower if lower and key.startswith(lower)]
    if found:
        return f"; did you mean {' or '.join(repr(by_lower[key]) for key in found)}?"
    return f"; expected one of {', '.join(names)}"


def _is_option(token: str) -> bool:
    """Whether argparse takes the token for an option, not for a value."""
    return (
        token.startswith("-")
        and token not in ("-", "--")
        and " " not in token
        and not _NEGATIVE_NUMBER.fullmatch(token)
    )
