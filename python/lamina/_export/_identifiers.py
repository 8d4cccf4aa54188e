"""Names of a table's columns as identifiers, and in comments."""

import re
import unicodedata
from collections.abc import Sequence

# Of C and C++, and what standard headers define in small letters.
_WORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t
    char8_t class co_await co_return co_yield compl complex concept const const_cast consteval
    constexpr constinit continue decltype default delete do double dynamic_cast else enum errno
    explicit export extern false float for friend goto if imaginary inline int linux long mutable
    namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
    reinterpret_cast requires restrict return short signed sizeof static static_assert static_cast
    stderr stdin stdout struct switch template this thread_local throw true try typedef typeid
    typename typeof unix union unsigned using virtual void volatile wchar_t while xor xor_eq
"""
# Of JavaScript, and what Node.js gives each file.
_JAVASCRIPT = """
    arguments async await break case catch class const continue debugger default delete do else
    enum eval export exports extends false finally for function globalThis if implements import in
    instanceof interface let module new null package private protected public require return static
    super switch this throw true try typeof undefined var void while with yield Infinity NaN
"""
_JAVASCRIPT_WORDS = frozenset(re.findall(r"\w+", _JAVASCRIPT))
_TAKEN = frozenset(re.findall(r"\w+", _WORDS))
_MOST = 60


def identifiers(names: Sequence[str]) -> list[str]:
    """An identifier of C for each name, none twice: letters, digits and underscores of it."""
    found: list[str] = []
    taken: set[str] = set()
    for number, name in enumerate(names, start=1):
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        text = re.sub(r"\W+", "_", plain.replace("_", " ").strip()).strip("_")[:_MOST]
        if not text or text[0].isdigit():
            text = f"column_{text or number}"
        # Small letters and great ones are told apart in C, but not by all who read it.
        while text.lower() in taken or text in _TAKEN:
            text = f"{text}_{number}"
        taken.add(text.lower())
        found.append(text)
    return found


def printable(text: str) -> str:
    """A user's text as it may stand in a comment: one line of printable ASCII, cut if it is long.

    What a comment of one of the languages would end at is parted by a blank.
    """
    line = re.sub(r"[^ -~]+", "?", text)
    line = line if len(line) <= _MOST else line[: _MOST - 3] + "..."
    # Trigraphs of C, ends of its comments, and tags at which a page would end a script.
    return re.sub(r"(?<=\?)(?=\?)|(?<=\*)(?=/)|(?<=/)(?=\*)|(?<=<)(?=[/!])", " ", line)


def in_docstring(text: str) -> str:
    """A text as it may stand between the quotes of a docstring of Python."""
    return text.replace("\\", "\\\\").replace('"', "'")


def check_prefix(prefix: str, language: str) -> None:
    """Refuse a prefix that names of C, or the variable of JavaScript, cannot begin with."""
    if not isinstance(prefix, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", prefix):
        raise ValueError(
            "export: expected a prefix of letters, digits and underscores that begins with a "
            f"letter, got {prefix!r}"
        )
    if "__" in prefix or prefix.endswith("_"):
        raise ValueError(
            "export: expected a prefix without two underscores together, which C++ keeps for "
            f"itself, and without one at its end, got {prefix!r}"
        )
    if language == "js" and prefix in _JAVASCRIPT_WORDS:
        raise ValueError(
            f"export: expected a prefix that JavaScript allows as a variable, got {prefix!r}"
        )
