"""How a text table is written, as far as the options of a command say it."""

from collections.abc import Iterable
from dataclasses import dataclass

from lamina.cli._arguments import Arguments
from lamina.cli._names import split_names

# As a separator it stands for a run of blanks and tabs.
BLANKS = " "


@dataclass(frozen=True)
class TextFormat:
    """How a text table is written; None is inferred from the file, and "" stands for no character.

    Attributes:
        separator: one character between cells; a blank stands for runs of blanks and tabs.
        quote: the character around cells that hold separators or line ends.
        comment: lines that begin with this character are left out.
        skip: lines before the header, or before the first row, to leave out.
        as_written: columns whose cells stay text as they are, for `--parse-numbers` to read.
    """

    separator: str | None = None
    header: bool = True
    columns: tuple[str, ...] | None = None
    encoding: str | None = None
    decimal: str = "."
    quote: str | None = None
    comment: str | None = None
    skip: int = 0
    as_written: frozenset[str] = frozenset()


def text_format(arguments: Arguments, as_written: Iterable[str] = ()) -> TextFormat:
    """The format that a command's options give."""
    columns = arguments.columns
    if columns and len(columns) == 1:
        columns = split_names(columns[0])
    return TextFormat(
        separator=arguments.separator,
        header=not arguments.no_header,
        columns=tuple(columns) if columns else None,
        encoding=arguments.encoding,
        decimal=arguments.decimal,
        quote=arguments.quote,
        comment=arguments.comment,
        skip=arguments.skip,
        as_written=frozenset(as_written),
    )
