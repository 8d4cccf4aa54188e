"""What was found in a training table that its owner should know, in sentences."""

from lamina.tabular._giveaway import Giveaway
from lamina.tabular._remedies import Spell
from lamina.tabular._rows import count_rows
from lamina.tabular._target import ClassTarget, Target
from lamina.tabular._training import TableTraining


def giveaway_sentence(giveaway: Giveaway, target: Target, spell: Spell) -> str:
    """What a column that alone explains the target means, and the option that leaves it out."""
    what = "class" if isinstance(target, ClassTarget) else "variance"
    return (
        f"'{giveaway.column}' alone explains {giveaway.explains:.1%} of the target's {what}: "
        f"if it is not known before the target is, {spell('ignore', giveaway.column)}"
    )


def stray_sentence(stray: str, spell: Spell) -> str:
    """A value of a target of numbers that may stand for a missing one."""
    typed = spell("missing", stray)
    return f"target value far from all others: {stray}; {typed} counts it as missing"


def findings(training: TableTraining) -> list[str]:
    """What a program that trains is warned of, where the command line prints a summary."""
    plan, spell = training.plan, training.spell
    found = [giveaway_sentence(g, plan.target, spell) for g in training.giveaways]
    found += [stray_sentence(stray, spell) for stray in plan.strays]
    if training.split.warns:
        found.append(training.split.sentence)
    for part, rows in training.without_target.items():
        if rows:
            found.append(f"left out of the {part} table for want of a target: {count_rows(rows)}")
    return [sentence for sentence in found if sentence]
