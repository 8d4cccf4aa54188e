"""What `lamina train` says about a table before the training: what was inferred, and why."""

from dataclasses import replace

from rich.console import Console

from lamina.cli._errors import option
from lamina.cli._report import columns_of_a_screen, print_columns, say
from lamina.tabular import (
    ClassTarget,
    ColumnSummary,
    TableTraining,
    count_rows,
    giveaway_sentence,
    names_of,
    remedy_option,
    stray_sentence,
)

_SHOWN_CLASSES = 10
_SHOWN_TEXTS = 3
# Below it a share says less than the number of rows.
_SMALL_SHARE = 0.01
_KINDS = "kinds follow from the values; --numeric, --categorical or --ignore COLUMN changes one"


class Summary:
    """What was found in the training table.

    Args:
        table: its name. training: after `encode`.
        folds: of a cross-validation, which says itself how it divides the rows; None: none.
    """

    def __init__(self, table: str, training: TableTraining, folds: int | None = None) -> None:
        self._table, self._training, self._folds = table, training, folds
        self._plan = training.plan

    def print(self, console: Console) -> None:
        """Print it."""
        target, preprocessor = self._plan.target, self._plan.preprocessor
        say(console, f"{self._table}: {target.task} of {names_of(target)}, {self._counts()}")
        strays = (stray_sentence(stray, option) for stray in self._plan.strays)
        lines = (self._task(), *self._left_out(), *strays, self._classes())
        for line in (*lines, *self._weights(), self._spread()):
            if line:
                say(console, line)
        print_columns(
            console,
            [_with_option(s) for s in self._training.summaries],
            columns_of_a_screen(console),
        )
        for giveaway in self._training.giveaways:
            say(console, giveaway_sentence(giveaway, target, option))
        say(console, _KINDS)
        size = 4 * self._encoded_rows() * preprocessor.inputs
        count = len(preprocessor.encoders)
        columns = f"{count:,} {'column' if count == 1 else 'columns'}"
        say(console, f"{columns}, {preprocessor.width} features, encoded {_size(size)}")
        if self._training.split.sentence and not self._folds:
            say(console, self._training.split.sentence)

    def _counts(self) -> str:
        training = self._training
        every = len(training.everything.target)
        if self._folds:
            return f"{every:,} rows, {self._folds} folds"
        if self._shares_rows:
            share = len(training.split.parts[0][1]) / every
            return f"{every:,} rows, of which each network holds back {share:.0%} to validate"
        rows, validation = len(training.train.target), len(training.measured["validation"].target)
        return f"{rows:,} rows to train, {validation:,} to validate"

    @property
    def _shares_rows(self) -> bool:
        """Whether each network holds back other rows of those to train."""
        return len(self._training.split.parts) > 1

    def _encoded_rows(self) -> int:
        training = self._training
        held_back = 0 if self._shares_rows else len(training.measured["validation"].target)
        return len(training.train.target) + held_back

    def _task(self) -> str:
        choice = self._plan.choice
        if not choice.reason:
            return ""
        change = f"; --task {choice.possible} changes it" if choice.possible else ""
        why = choice.reason.removeprefix("it ")
        which = "target" if len(self._plan.target.names) == 1 else "first target"
        return f"task: {choice.task}, because the {which} {why}{change}"

    def _left_out(self) -> list[str]:
        """Lines on the rows without a target, and on texts of the target that count as missing."""
        lines: list[str] = []
        for part, count in self._training.without_target.items():
            if count:
                where = "" if part == "training" else f" of the {part} table"
                lines.append(f"left out for want of a target: {count_rows(count)}{where}")
        texts = self._plan.missing
        if texts:
            shown = [f"'{text}' ({rows:,})" for text, rows in list(texts.items())[:_SHOWN_TEXTS]]
            more = ", ..." if len(texts) > len(shown) else ""
            line = f"target values that count as missing: {', '.join(shown)}{more}"
            if isinstance(self._plan.target, ClassTarget):
                line += "; --only-missing '' keeps them as classes"
            lines.append(line)
        return lines

    def _weights(self) -> list[str]:
        """Lines on the weights of rows and of classes."""
        lines: list[str] = []
        weights = self._training.everything.weights
        if weights is not None:
            zeros = int((weights == 0.0).sum())
            none = f"; {count_rows(zeros)} of weight 0" if zeros else ""
            name = self._training.options.weight_column
            lines.append(
                f"rows count by '{name}', from {weights.min():g} to {weights.max():g}{none}"
            )
        by_class = self._training.class_weights
        if by_class:
            shown = [f"'{name}' {weight:.4g}" for name, weight in by_class.items()][:_SHOWN_CLASSES]
            more = ", ..." if len(by_class) > len(shown) else ""
            lines.append(f"class weights: {', '.join(shown)}{more}")
        return lines

    def _spread(self) -> str:
        """A line on the quantiles that are learned."""
        target = self._plan.target
        if isinstance(target, ClassTarget) or target.spread is None:
            return ""
        levels = ", ".join(f"{level:g}" for level in target.spread.levels)
        return f"quantiles: {levels}; the prediction is the median"

    def _classes(self) -> str:
        target = self._plan.target
        if not isinstance(target, ClassTarget):
            return ""
        shown = [
            f"'{name}' {share:.1%}" if share >= _SMALL_SHARE else f"'{name}' {count_rows(count)}"
            for name, share, count in zip(
                target.classes, target.shares.tolist(), self._training.class_rows, strict=True
            )
        ][:_SHOWN_CLASSES]
        return f"classes: {', '.join(shown)}{', ...' if len(target.classes) > len(shown) else ''}"


def _with_option(summary: ColumnSummary) -> ColumnSummary:
    """The summary with a note that names the option which changes the column's kind."""
    typed = remedy_option(summary, option)
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
