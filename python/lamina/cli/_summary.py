"""What `lamina train` says about a table before the training: what was inferred, and why."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from rich.console import Console

from lamina.cli._arguments import Arguments
from lamina.cli._errors import option, remedy_option
from lamina.cli._plan import Plan
from lamina.cli._report import columns_of_a_screen, count_rows, print_columns, say
from lamina.tabular import ClassTarget, ColumnSummary, Giveaway

_SHOWN_CLASSES = 10
_SHOWN_TEXTS = 3
# Below it a share says less than the number of rows.
_SMALL_SHARE = 0.01
_KINDS = "kinds follow from the values; --numeric, --categorical or --ignore COLUMN changes one"


@dataclass(frozen=True)
class Summary:
    """What was found in the training table.

    Attributes:
        class_rows: rows of each class; empty for a number.
        without_target: rows left out for want of a target, by part of the data.
    """

    arguments: Arguments
    plan: Plan
    columns: Sequence[ColumnSummary]
    giveaways: Sequence[Giveaway]
    class_rows: Sequence[int]
    without_target: dict[str, int]

    def print(self, console: Console, training: int, validation: int) -> None:
        """Print it; `training` and `validation` are numbers of rows."""
        target, preprocessor = self.plan.target, self.plan.preprocessor
        say(
            console,
            f"{self.arguments.table}: {target.task} of '{target.name}', {training:,} rows to "
            f"train, {validation:,} to validate",
        )
        lines = (self._task(), *self._left_out(), self._stray(), self._classes())
        for line in lines:
            if line:
                say(console, line)
        print_columns(
            console, [_with_option(s) for s in self.columns], columns_of_a_screen(console)
        )
        for giveaway in self.giveaways:
            say(console, self._giveaway(giveaway))
        say(console, _KINDS)
        size = 4 * (training + validation) * preprocessor.inputs
        count = len(preprocessor.encoders)
        columns = f"{count:,} {'column' if count == 1 else 'columns'}"
        say(console, f"{columns}, {preprocessor.width} features, encoded {_size(size)}")

    def record(self) -> dict[str, Any]:
        """The same as fields of a JSON object."""
        return {
            "task": {"kind": self.plan.target.task, "reason": self.plan.choice.reason},
            "rows_without_target": self.without_target,
            "missing_target_texts": self.plan.missing,
            "columns": [asdict(summary) for summary in self.columns],
            "giveaways": [asdict(giveaway) for giveaway in self.giveaways],
        }

    def _task(self) -> str:
        choice = self.plan.choice
        if not choice.reason:
            return ""
        change = f"; --task {choice.possible} changes it" if choice.possible else ""
        why = choice.reason.removeprefix("it ")
        return f"task: {choice.task}, because the target {why}{change}"

    def _left_out(self) -> list[str]:
        """Lines on the rows without a target, and on texts of the target that count as missing."""
        lines: list[str] = []
        for part, count in self.without_target.items():
            if count:
                where = "" if part == "training" else f" of the {part} table"
                lines.append(f"left out for want of a target: {count_rows(count)}{where}")
        texts = self.plan.missing
        if texts:
            shown = [f"'{text}' ({rows:,})" for text, rows in list(texts.items())[:_SHOWN_TEXTS]]
            more = ", ..." if len(texts) > len(shown) else ""
            line = f"target values that count as missing: {', '.join(shown)}{more}"
            if isinstance(self.plan.target, ClassTarget):
                line += "; --only-missing '' keeps them as classes"
            lines.append(line)
        return lines

    def _stray(self) -> str:
        """A line on a value of a target of numbers that may stand for a missing one."""
        stray = self.plan.stray
        if not stray:
            return ""
        typed = option("--missing", stray)
        return f"target value far from all others: {stray}; {typed} counts it as missing"

    def _classes(self) -> str:
        target = self.plan.target
        if not isinstance(target, ClassTarget):
            return ""
        shown = [
            f"'{name}' {share:.1%}" if share >= _SMALL_SHARE else f"'{name}' {count_rows(count)}"
            for name, share, count in zip(
                target.classes, target.shares.tolist(), self.class_rows, strict=True
            )
        ][:_SHOWN_CLASSES]
        return f"classes: {', '.join(shown)}{', ...' if len(target.classes) > len(shown) else ''}"

    def _giveaway(self, giveaway: Giveaway) -> str:
        what = "class" if isinstance(self.plan.target, ClassTarget) else "variance"
        return (
            f"'{giveaway.column}' alone explains {giveaway.explains:.1%} of the target's {what}: "
            f"if it is not known before the target is, {option('--ignore', giveaway.column)}"
        )


def _with_option(summary: ColumnSummary) -> ColumnSummary:
    """The summary with a note that names the option which changes the column's kind."""
    typed = remedy_option(summary)
    if not typed:
        return summary
    does = "counts it as missing" if summary.remedy.startswith("missing:") else "takes it"
    return replace(summary, note=f"{summary.note}; {typed} {does}")


def _size(count: int) -> str:
    """Bytes as people read them: `2.1 MB`."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{max(count / 1e3, 0.1):.1f} kB"
