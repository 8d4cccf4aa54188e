"""Finds the single changes of C++ code, the mutants, that tests should notice.

Text alone decides what a mutant may change. Comments, strings and the preprocessor's lines are left
out, and so is what changes speed alone: files and lines about work sizes and the choice of threads.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

FLOORS = ("layers", "network", "optimizers", "training", "inference")
# These choose how work is shared: their numbers change a result's time, not the result.
SPEED_FILES = re.compile(r"/(thread_choice|schedule|work_sizes|timed_poll)\.(cpp|h)$")
SPEED_LINES = re.compile(
    r"threads?\b|Threads?\b|per_task|kColumns\b|kRowsPer|fetch_ahead|multiply_adds|[Pp]oll\b|places"
    r"|\breserve\(|kSmall|kEnough|kWorth|splits_|work_size|first_transposed_stale_|weights_version_"
)
# Lines that declare rather than compute.
DECLARATIONS = re.compile(
    r"^\s*(#|//|template\b|using\b|namespace\b|static_assert|assert\(|class\b|struct\b|enum\b|friend\b"
    r"|virtual\b|extern\b)"
)


@dataclass(frozen=True)
class Mutant:
    """One line of one file, changed in one place."""

    file: str  # relative to the repository
    line: int  # from 1
    kind: str
    before: str
    after: str
    switched: str  # the line with both, and MUTANT for its number; "" where that cannot be

    def key(self) -> tuple[str, str, str]:
        """What it is, wherever its file and its line have moved since."""
        return Path(self.file).name, self.before.strip(), self.after.strip()


class Change(NamedTuple):
    """The text between two columns and what takes its place."""

    start: int
    end: int
    new: str
    # Both behind a switch, MUTANT for the number and HERE for the text that it takes the place of.
    switched: str = ""
    group: tuple[int, int] | None = None  # the columns of that text, if others than the first two


Finder = Callable[[str], Iterator[Change]]
SWITCH = "lamina_mutation::"  # see mutation_switch.h


def masked(text: str) -> str:
    """The text with comments and the insides of literals as blanks, each character in its place."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])+\'',
        re.DOTALL,
    )
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def swaps(pairs: dict[str, str], switch: Callable[[str, str], str] = lambda a, b: "") -> Finder:
    """Each occurrence of a key becomes its value."""
    pattern = re.compile("|".join(re.escape(key) for key in sorted(pairs, key=len, reverse=True)))

    def find(code: str) -> Iterator[Change]:
        for match in pattern.finditer(code):
            here, mutant = match.group(), pairs[match.group()]
            yield Change(*match.span(), mutant, switch(here, mutant))

    return find


def both_ways(*pairs: tuple[str, str]) -> dict[str, str]:
    """Each of a pair becomes the other."""
    return dict(pairs) | {b: a for a, b in pairs}


def around_tag(here: str, _: str) -> str:
    """The operator on both sides of a tag, which overloads know."""
    return "" if here.strip() in ("*=", "/=") else f"{here}{SWITCH}tag<MUTANT>{here}"


def extreme(here: str, _: str) -> str:
    """min or max, or both, of types deduced or given."""
    name = "least" if "min" in here else "largest"
    return f"{SWITCH}{name}<MUTANT>(" if here.endswith("(") else f"{SWITCH}{name}<MUTANT, "


def either(here: str, mutant: str) -> str:
    """One of two numbers."""
    return f"{SWITCH}either<MUTANT>({here}, {mutant})"


def unary_minus(code: str) -> Iterator[Change]:
    """The sign of an operand is dropped."""
    for match in re.finditer(r"(?<![-\w)\]])-(?=[\w(])", code):
        before = code[: match.start()].rstrip()
        if before.endswith((*"(,=[{?:<>&|+*/", "return")):
            yield Change(*match.span(), "", f"{SWITCH}minus<MUTANT>->*")


def negation(code: str) -> Iterator[Change]:
    """What is denied is taken as it is."""
    for match in re.finditer(r"!(?=[\w(])", code):
        yield Change(*match.span(), "", f"{SWITCH}negated<MUTANT>->*")


def logic(code: str) -> Iterator[Change]:
    """And becomes or, or becomes and; by a switch where the whole condition is on the line."""
    for match in re.finditer(r" (&&|\|\|) ", code):
        new = " || " if match.group(1) == "&&" else " && "
        start, end = group_around(code, match.start())
        if start < 0:
            yield Change(*match.span(), new)
            continue
        other = code[start : match.start()] + new + code[match.end() : end]
        both = f"({SWITCH}on<MUTANT>() ? ({other}) : (HERE))"
        yield Change(*match.span(), new, both, (start, end))


def group_around(code: str, place: int) -> tuple[int, int]:
    """The columns of the bracketed or returned expression around a place, or (-1, -1)."""
    depth, start = 0, place
    while start > 0 and depth >= 0:
        start -= 1
        depth += {")": 1, "(": -1}.get(code[start], 0)
    if depth >= 0:
        found = re.match(r"\s*return ", code)
        if not found:
            return -1, -1
        start, closing = found.end(), ";"
    else:
        start, closing = start + 1, ")"
    depth, end = 0, place
    while end < len(code) and not (depth == 0 and code[end] == closing):
        depth += {"(": 1, ")": -1}.get(code[end], 0)
        end += 1
    return (start, end) if end < len(code) and '"' not in code[start:end] else (-1, -1)


def truth(code: str) -> Iterator[Change]:
    """True becomes false, false becomes true."""
    for match in re.finditer(r"\b(true|false)\b", code):
        new = "false" if match.group() == "true" else "true"
        yield Change(*match.span(), new, either(match.group(), new))


def index(code: str) -> Iterator[Change]:
    """The element after or before the one that is meant."""
    for match in re.finditer(r"(?<=[\w)\]])\[([^\[\]]*[A-Za-z_][^\[\]]*)\]", code):
        place = f"({match.group(1)}) "
        for sign in "+-":
            offset = f"{SWITCH}either<MUTANT>(0, 1)"
            yield Change(*match.span(1), f"{place}{sign} 1", f"{place}{sign} {offset}")


def constant(code: str) -> Iterator[Change]:
    """A whole number becomes the next or the one before, a fraction twice itself."""
    for match in re.finditer(r"(?<![\w.])(\d+)(\.\d*)?(e-?\d+)?f?(?![\w.])", code):
        number = match.group()
        if match.group(2) is None and match.group(3) is None:
            value = int(match.group(1))
            others = [str(value + 1), *([str(value - 1)] if value else [])]
        else:
            others = ["1.0" if float(number.rstrip("f")) == 0.0 else f"2 * {number}"]
        for other in others:
            yield Change(*match.span(), other, either(number, other))


def statement(code: str) -> Iterator[Change]:
    """A whole assignment or call of one line is removed."""
    start = len(code) - len(code.lstrip())
    while found := re.match(r"(if|for|while) \(|else (?!if)", code[start:]):
        end = start + found.end()
        depth = 0 if found.group(1) is None else 1
        while depth and end < len(code):
            depth += {"(": 1, ")": -1}.get(code[end], 0)
            end += 1
        start = end + len(code[end:]) - len(code[end:].lstrip())
    rest = code[start:].rstrip()
    shape = r"[\w.\[\]>()*:<-]+ ?([-+*/|&^]?= .*|\(.*\))?;|(\+\+|--)[\w.>-]+;|(break|continue);"
    keyword = re.match(r"(return|throw|goto|delete|assert|using|case|default)\b", rest)
    complete = rest.count("(") == rest.count(")") and rest.count("{") == rest.count("}")
    if re.fullmatch(shape, rest) and complete and not keyword:
        if re.match(r"[\w:]+;", rest) and not re.match(r"break|continue", rest):
            return
        yield Change(start, start + len(rest), ";", STATEMENT)


# The statement stays, and is passed over where the mutant is on.
STATEMENT = f"{{ if (!{SWITCH}on<MUTANT>()) HERE }}"
# Numbers that the compiler must know cannot hang on a switch.
CONSTANT = re.compile(r"\bconstexpr\b|\bcase\b|\balignas\b|^\s*(static )?const \w+ k[A-Z]")

COMPARISONS = both_ways((" < ", " <= "), (" > ", " >= "), (" == ", " != "))
SIGNS = both_ways((" + ", " - "), (" += ", " -= "), (" * ", " / "), (" *= ", " /= "))
EXTREMES = both_ways(("std::min(", "std::max("), ("std::min<", "std::max<"))
KINDS: dict[str, Finder] = {
    "sign": swaps(SIGNS, around_tag),
    "unary minus": unary_minus,
    "index": index,
    "comparison": swaps(COMPARISONS, around_tag),
    "extreme": swaps(EXTREMES, extreme),
    "logic": logic,
    "truth": truth,
    "negation": negation,
    "constant": constant,
    "statement": statement,
}


def switch(line: str, code: str, change: Change) -> str:
    """The line with both behind a switch, or "" where that cannot be."""
    if not change.switched or CONSTANT.search(code):
        return ""
    start, end = change.group or (change.start, change.end)
    here = line[start:end]
    if change.group and here != code[start:end]:
        return ""  # a string in the condition
    return line[:start] + change.switched.replace("HERE", here) + line[end:]


def mutants_of(file: str, text: str) -> list[Mutant]:
    """All mutants of a file's text, in the order of its lines."""
    found = []
    lines = zip(text.splitlines(), masked(text).splitlines(), strict=True)
    for number, (line, code) in enumerate(lines, start=1):
        if DECLARATIONS.match(code) or SPEED_LINES.search(code):
            continue
        for kind, finder in KINDS.items():
            for change in finder(code):
                after = line[: change.start] + change.new + line[change.end :]
                found.append(Mutant(file, number, kind, line, after, switch(line, code, change)))
    return found


def all_mutants(tree: Path) -> list[Mutant]:
    """Those of every source file and header on the floors that compute."""
    found = []
    for floor in FLOORS:
        for path in sorted((tree / "cpp" / "src" / floor).rglob("*")):
            if path.suffix not in {".cpp", ".h"} or SPEED_FILES.search(path.as_posix()):
                continue
            name = path.relative_to(tree).as_posix()
            found += mutants_of(name, path.read_text(encoding="utf-8"))
    return found
