"""From a table and the options to the task, the target, and how the columns are to be read."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lamina.tabular._columns import TableError
from lamina.tabular._inspect import closest
from lamina.tabular._options import TrainOptions
from lamina.tabular._preprocessor import Preprocessor
from lamina.tabular._presets import PRESETS
from lamina.tabular._remedies import Spell, options_named, table_named
from lamina.tabular._rows import Table, count_rows
from lamina.tabular._target import ClassTarget, NumberTarget, NumberTargets, Target, names_of
from lamina.tabular._task import (
    TargetError,
    TaskChoice,
    choose_task,
    fit_target,
    missing_texts,
    stray_value,
)

_KINDS = {"numeric": "number", "categorical": "category", "ignore": "ignored"}


@dataclass(frozen=True)
class Plan:
    """What the options and the whole table make of a training.

    Attributes:
        target, preprocessor: the latter is not yet fitted.
        choice: the task and why it was chosen; no reason where an option gives it.
        missing: rows of each text that counts as missing in the target's columns.
        ignored_dates: formats of columns of dates that only order the rows.
        strays: values of a target of numbers that may stand for a missing one.
    """

    target: Target
    preprocessor: Preprocessor
    choice: TaskChoice
    missing: dict[str, int]
    ignored_dates: dict[str, str]
    strays: tuple[str, ...]


@dataclass(frozen=True)
class ColumnOptions:
    """What the options say of single columns, each of which is there.

    Attributes:
        kinds: by column, where an option forces it. parsed: columns of marked numbers.
        date_formats: of columns that the network reads. ignored_dates: of those that it does not.
    """

    kinds: dict[str, str]
    parsed: list[str]
    date_formats: dict[str, str]
    ignored_dates: dict[str, str]


def column_options(
    options: TrainOptions, names: Collection[str], table: str, spell: Spell
) -> ColumnOptions:
    """The options of single columns, for a training table with columns of these names.

    Raises:
        TableError: an option names no column, or one that another option names.
    """
    with table_named(table):
        for target in options.targets:
            if target not in names:
                raise TableError(f"there is no column '{target}'{closest(target, names)}")
    kinds = _forced_kinds(options, names, spell)
    parsed = list(dict.fromkeys(map(str, options.parse_numbers)))
    formats = {str(name): form for name, form in (options.date_format or {}).items()}
    for option, columns in (("parse_numbers", parsed), ("date_format", formats)):
        for name in columns:
            _check_name(name, names, spell(option, None))
    ignored = {name: form for name, form in formats.items() if kinds.get(name) == "ignored"}
    formats = {name: form for name, form in formats.items() if name not in ignored}
    for option, columns in (("parse_numbers", parsed), ("date_format", formats)):
        for twice in kinds.keys() & columns:
            if option == "parse_numbers" and kinds[twice] == "number":
                continue
            raise TableError(f"{spell(option, None)}: column '{twice}' is named by two options")
    for target in options.targets:
        if target in formats:
            raise TableError(
                f"{spell('date_format', None)}: '{target}' is the target; dates cannot be predicted"
            )
    time = options.time_column
    if time is not None and time in options.targets:
        raise TableError(f"{spell('time_column', None)}: '{time}' is the target")
    if time is not None:
        _check_name(time, names, spell("time_column", None))
    _check_weight_column(options, names, {*kinds, *formats, *ignored}, spell)
    group = options.group_column
    if group is not None:
        typed = spell("group_column", None)
        _check_name(group, names, typed)
        if group in options.targets:
            raise TableError(f"{typed}: '{group}' is the target")
        if group == options.weight_column:
            raise TableError(f"{typed}: column '{group}' is named by two options")
        kinds.setdefault(group, "ignored")
    return ColumnOptions(kinds, parsed, formats, ignored)


def make_plan(
    options: TrainOptions,
    table: Table,
    name: str,
    index_columns: Collection[str],
    spell: Spell,
) -> Plan:
    """Choose target and encoding for a training table of that name.

    Raises:
        TableError: an option names no column, or the target cannot be learnt.
    """
    columns = column_options(options, table, name, spell)
    preset, most = PRESETS[options.preset], options.max_one_hot
    if options.embedding_units is not None and most is None and preset.max_one_hot is None:
        raise TableError(
            f"{spell('embedding_units', None)}: no column becomes vectors of that size; give "
            f"{spell('max_one_hot', None)} too, the categories above which columns do, or a preset "
            "that has it"
        )
    try:
        preprocessor = Preprocessor(
            numbers=options.numbers or preset.numbers,
            bins=options.bins,
            max_one_hot=preset.max_one_hot if most is None else most,
            kinds=columns.kinds,
            missing_values=options.missing_values,
            parse_numbers=columns.parsed,
            date_formats=columns.date_formats,
            decimal=options.decimal,
            index_columns=index_columns,
        )
    except ValueError as error:
        raise TableError(str(error)) from None
    with options_named(options.targets, spell), table_named(name):
        preprocessor.formats.learn(table, preprocessor.missing_values)
        fitted = [_fit_target(options, n, table, preprocessor, spell) for n in options.targets]
    first = fitted[0]
    target: Target = first.target
    if len(fitted) > 1:
        target = NumberTargets(
            tuple(f.target for f in fitted if isinstance(f.target, NumberTarget))
        )
    _check_spread(options, target, spell)
    strays = tuple(dict.fromkeys(f.stray for f in fitted if f.stray))
    missing = {text: rows for f in reversed(fitted) for text, rows in f.missing.items()}
    return Plan(target, preprocessor, first.choice, missing, columns.ignored_dates, strays)


def _check_spread(options: TrainOptions, target: Target, spell: Spell) -> None:
    """Refuse quantiles of classes and temperatures of numbers."""
    is_class = isinstance(target, ClassTarget)
    for option in ("quantiles", "interval"):
        if is_class and getattr(options, option):
            raise TableError(
                f"{spell(option, None)}: {names_of(target)} is a class, which has no quantiles; "
                f"{spell('calibrate', None)} gives probabilities to rely on"
            )
    if options.calibrate and not is_class:
        raise TableError(
            f"{spell('calibrate', None)}: {names_of(target)} is a number, which has no "
            f"probabilities; {spell('interval', '0.9')} gives an interval"
        )
    clips = any(recipe["clip_outputs"] for recipe in PRESETS[options.preset].recipes)
    if options.levels and clips and len(options.targets) > 1:
        raise TableError(
            f"{spell('preset', options.preset)}: its networks clip the quantiles of one target "
            f"alone, got {names_of(target)}; train a model of each, or take another preset"
        )


@dataclass(frozen=True)
class _Fitted:
    """What is learned of one column of the target; see `Plan`."""

    target: ClassTarget | NumberTarget
    choice: TaskChoice
    missing: dict[str, int]
    stray: str


def _fit_target(
    options: TrainOptions, name: str, table: Table, preprocessor: Preprocessor, spell: Spell
) -> _Fitted:
    missing_values = preprocessor.missing_values
    found = missing_texts(name, table[name], missing_values)
    with _missing_named(found, spell):
        column = preprocessor.read(name, table[name])
        choice = TaskChoice(options.task, "")
        if options.task == "auto":
            choice = choose_task(name, column, missing_values)
        if len(options.targets) > 1 and choice.task == "classification":
            why = choice.reason and f", because {choice.reason}"
            change = f"; {spell('task', 'regression')} takes them as numbers"
            raise TableError(
                f"several targets must be numbers, but '{name}' is a class{why}"
                f"{change if choice.possible == 'regression' else ''}; train a model of its own"
            )
        target = fit_target(name, column, missing_values, choice.task)
        stray = ""
        if isinstance(target, NumberTarget):
            stray = stray_value(name, column, missing_values)
    return _Fitted(target, choice, found, stray)


@contextmanager
def _missing_named(found: dict[str, int], spell: Spell) -> Iterator[None]:
    """Within it a target of too few classes tells which texts of it count as missing."""
    try:
        yield
    except TargetError as error:
        if not found:
            raise
        texts = ", ".join(f"'{text}' ({count_rows(rows)})" for text, rows in found.items())
        raise TableError(
            f"{error}; {texts} {'counts' if len(found) == 1 else 'count'} as missing: "
            f"{spell('only_missing', '')} keeps them as classes"
        ) from None


def _check_weight_column(
    options: TrainOptions, names: Collection[str], named: Collection[str], spell: Spell
) -> None:
    """Refuse a column of weights that is not there, or that is something else too."""
    name, typed = options.weight_column, spell("weight_column", None)
    if name is None:
        return
    _check_name(name, names, typed)
    if name in options.targets:
        raise TableError(f"{typed}: '{name}' is the target")
    if name in named or name == options.time_column:
        raise TableError(f"{typed}: column '{name}' is named by two options")


def _forced_kinds(options: TrainOptions, names: Collection[str], spell: Spell) -> dict[str, str]:
    kinds: dict[str, str] = {}
    for option, kind in _KINDS.items():
        typed = spell(option, None)
        for name in dict.fromkeys(map(str, getattr(options, option))):
            _check_name(name, names, typed)
            if name in kinds:
                raise TableError(f"{typed}: column '{name}' is named by two options")
            if name in options.targets:
                task = spell("task", None)
                raise TableError(f"{typed}: '{name}' is the target; use {task} to say its kind")
            kinds[name] = kind
    return kinds


def _check_name(name: str, names: Collection[str], option: str) -> None:
    if name not in names:
        raise TableError(f"{option}: there is no column '{name}'{closest(name, names)}")
