"""Finds the single changes of C++ code, the mutants, that tests should notice.

Text alone decides what a mutant may change. Comments, strings and the preprocessor's lines are left
out, and so is what changes speed alone: files and lines about work sizes and the choice of threads.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

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

    def key(self) -> tuple[str, str, str]:
        """What it is, wherever its file and its line have moved since."""
        return Path(self.file).name, self.before.strip(), self.after.strip()


# Start and end of what is replaced, and the text in its place.
Change = tuple[int, int, str]
Finder = Callable[[str], Iterator[Change]]


def masked(text: str) -> str:
    """The text with comments and the insides of literals as blanks, each character in its place."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])+\'',
        re.DOTALL,
    )
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def swaps(pairs: dict[str, str]) -> Finder:
    """Each occurrence of a key becomes its value."""
    pattern = re.compile("|".join(re.escape(key) for key in sorted(pairs, key=len, reverse=True)))

    def find(code: str) -> Iterator[Change]:
        for match in pattern.finditer(code):
            yield match.start(), match.end(), pairs[match.group()]

    return find


def both_ways(*pairs: tuple[str, str]) -> dict[str, str]:
    """Each of a pair becomes the other."""
    return dict(pairs) | {b: a for a, b in pairs}


def unary_minus(code: str) -> Iterator[Change]:
    """The sign of an operand is dropped."""
    for match in re.finditer(r"(?<![-\w)\]])-(?=[\w(])", code):
        before = code[: match.start()].rstrip()
        if before.endswith((*"(,=[{?:<>&|+*/", "return")):
            yield match.start(), match.end(), ""


def negation(code: str) -> Iterator[Change]:
    """What is denied is taken as it is."""
    for match in re.finditer(r"!(?=[\w(])", code):
        yield match.start(), match.end(), ""


def index(code: str) -> Iterator[Change]:
    """The element after or before the one that is meant."""
    for match in re.finditer(r"(?<=[\w)\]])\[([^\[\]]*[A-Za-z_][^\[\]]*)\]", code):
        first, last = match.span(1)
        yield first, last, f"({match.group(1)}) + 1"
        yield first, last, f"({match.group(1)}) - 1"


def constant(code: str) -> Iterator[Change]:
    """A whole number becomes the next or the one before, a fraction twice itself."""
    for match in re.finditer(r"(?<![\w.])(\d+)(\.\d*)?(e-?\d+)?f?(?![\w.])", code):
        number = match.group()
        if match.group(2) is None and match.group(3) is None:
            yield match.start(), match.end(), str(int(match.group(1)) + 1)
            if int(match.group(1)) > 0:
                yield match.start(), match.end(), str(int(match.group(1)) - 1)
        elif float(number.rstrip("f")) == 0.0:
            yield match.start(), match.end(), "1.0"
        else:
            yield match.start(), match.end(), f"2 * {number}"


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
    if re.fullmatch(shape, rest) and ";" in rest and complete and not keyword:
        if re.match(r"[\w:]+;", rest) and not re.match(r"break|continue", rest):
            return
        yield start, start + len(rest), ";"


KINDS: dict[str, Finder] = {
    "sign": swaps(both_ways((" + ", " - "), (" += ", " -= "), (" * ", " / "), (" *= ", " /= "))),
    "unary minus": unary_minus,
    "index": index,
    "comparison": swaps(both_ways((" < ", " <= "), (" > ", " >= "), (" == ", " != "))),
    "extreme": swaps(both_ways(("std::min(", "std::max("), ("std::min<", "std::max<"))),
    "logic": swaps(both_ways((" && ", " || "), ("true", "false"))),
    "negation": negation,
    "constant": constant,
    "statement": statement,
}


def mutants_of(file: str, text: str) -> list[Mutant]:
    """All mutants of a file's text, in the order of its lines."""
    found = []
    lines = zip(text.splitlines(), masked(text).splitlines(), strict=True)
    for number, (line, code) in enumerate(lines, start=1):
        if DECLARATIONS.match(code) or SPEED_LINES.search(code):
            continue
        for kind, finder in KINDS.items():
            for start, end, new in finder(code):
                after = line[:start] + new + line[end:]
                found.append(Mutant(file, number, kind, line, after))
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
