"""Mutation testing: changes the core in one place at a time and looks whether the tests notice.

    python tools/mutate.py --sample 200 --seed 0     # mutants drawn at random, one of a line
    python tools/mutate.py --sample 0 --again        # those that survived, after new tests

mutants.py says what is changed, and what is left out since it changes speed alone. A mutant is
caught where a test fails, crashes or takes three times as long as all tests take. Tests are asked
in the order in which they are likely to notice: first those that have caught most mutants of the
same floor. The table is build/mutation/results.csv; no mutant in it is run twice.
"""

import argparse
import csv
import fcntl
import random
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from mutants import Mutant, all_mutants
from mutation_subject import CAUGHT, HUNG, SURVIVED, Subject

ROOT = Path(__file__).resolve().parent.parent
# Survivors that change no result, each with its reason; they do not count.
EQUIVALENT = ROOT / "tools" / "equivalent_mutants.csv"
HEADER = ("file", "line", "kind", "before", "after", "verdict", "by")


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a table."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def row_key(row: dict[str, str]) -> tuple[str, str, str]:
    """As `Mutant.key`."""
    return Path(row["file"]).name, row["before"], row["after"]


class Results:
    """The table: what was found of each mutant."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, str]] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self.read()

    def read(self) -> None:
        """Takes what the file holds by now; another run may have added to it."""
        self.rows = rows_of(self.path)

    def add(self, mutant: Mutant, verdict: str, by: str) -> None:
        """Adds a row, in the place of that of the same mutant where there is one."""
        row = dict.fromkeys(HEADER, "") | {
            "file": mutant.file,
            "line": str(mutant.line),
            "kind": mutant.kind,
            "before": mutant.before.strip(),
            "after": mutant.after.strip(),
            "verdict": verdict,
            "by": by,
        }
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.read()
            keys = self.keys()
            if mutant.key() in keys:
                self.rows[keys.index(mutant.key())] = row
            else:
                self.rows.append(row)
            with self.path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, HEADER, lineterminator="\n")
                writer.writeheader()
                writer.writerows(self.rows)

    def keys(self) -> list[tuple[str, str, str]]:
        """Of all rows, as `Mutant.key`."""
        return [row_key(row) for row in self.rows]

    def survivors(self) -> set[tuple[str, str, str]]:
        """The keys of those that no test noticed, and that count."""
        return {row_key(row) for row in self.judged() if row["verdict"] == SURVIVED}

    def judged(self) -> list[dict[str, str]]:
        """The rows that count: the mutant compiled, and to a program that gives other results."""
        same, verdicts = {row_key(row) for row in rows_of(EQUIVALENT)}, (CAUGHT, HUNG, SURVIVED)
        return [row for row in self.rows if row["verdict"] in verdicts and row_key(row) not in same]

    def likeliest_first(self, file: str) -> list[str]:
        """Names of test files: those that caught most mutants of the file's floor, then of all."""
        floor, caught = file.split("/")[2], Counter[str]()
        for row in self.judged():
            if ".py::" in row["by"]:
                name = Path(row["by"].split("::")[0]).stem
                caught[name] += 10 if row["file"].split("/")[2] == floor else 1
        return [name for name, _ in caught.most_common()]

    def summary(self) -> str:
        """The share caught, and how many there are of each verdict."""
        judged, counts = self.judged(), Counter(row["verdict"] for row in self.rows)
        caught = sum(row["verdict"] != SURVIVED for row in judged)
        listed = ", ".join(f"{verdict} {count}" for verdict, count in counts.most_common())
        return f"{caught} of {len(judged)} caught ({caught / max(len(judged), 1):.1%}); {listed}"


def judge_together(
    subject: Subject, results: Results, mutants: list[Mutant], together: int
) -> list[Mutant]:
    """Runs all that can stand behind a switch, in one build; returns those."""
    numbered = subject.switch([mutant for mutant in mutants if mutant.switched])
    print(f"{len(numbered)} of {len(mutants)} mutants in one build", flush=True)
    for number, (verdict, by) in subject.ask_switched(list(numbered), together).items():
        results.add(numbered[number], verdict, by)
        show(numbered[number], verdict, by)
    return list(numbered.values())


def judge(subject: Subject, results: Results, mutant: Mutant, *, known: bool) -> None:
    """Runs one mutant in a build of its own; the copy's files are then as before.

    Of one that is known to survive, only whether the compiler makes the same program of it.
    """
    path = subject.tree / mutant.file
    lines = subject.originals[mutant.file].splitlines(keepends=True)
    lines[mutant.line - 1] = mutant.after + "\n"
    verdict, by = SURVIVED, ""
    try:
        path.write_text("".join(lines), encoding="utf-8")
        if not subject.build("_core"):
            verdict = "did not compile"
        elif subject.fingerprint() == subject.original:
            verdict = "same instructions"
        elif not known:
            verdict, by = subject.test(results.likeliest_first(mutant.file))
    finally:
        path.write_text(subject.originals[mutant.file], encoding="utf-8")
    if not known or verdict != SURVIVED:
        results.add(mutant, verdict, by)
        show(mutant, verdict, by)


def show(mutant: Mutant, verdict: str, by: str) -> None:
    """A line for who waits."""
    print(f"{verdict:>17} {mutant.file}:{mutant.line} [{mutant.kind}] {by}", flush=True)


def drawn(mutants: list[Mutant], seed: int) -> Iterable[Mutant]:
    """Every line in random order, one mutant of each: of a random kind, then of that kind."""
    generator = random.Random(seed)
    lines: dict[tuple[str, int], dict[str, list[Mutant]]] = {}
    for mutant in mutants:
        kinds = lines.setdefault((mutant.file, mutant.line), {})
        kinds.setdefault(mutant.kind, []).append(mutant)
    for key in generator.sample(sorted(lines), len(lines)):
        kinds = lines[key]
        yield generator.choice(kinds[generator.choice(sorted(kinds))])


def main() -> None:
    """Reads the options and runs mutants until there are enough."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    tree = ROOT / "build" / "mutation" / "tree"
    parser.add_argument("--sample", type=int, default=200, help="mutants to judge in all (200)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice (0)")
    parser.add_argument("--only", default="", help="files whose path contains this")
    parser.add_argument("--again", action="store_true", help="those that survived too")
    parser.add_argument(
        "--together-only", action="store_true", help="none that needs a build of its own"
    )
    parser.add_argument("--together", type=int, default=2, help="processes at a time (2)")
    parser.add_argument("--tree", type=Path, default=tree, help="folder of the changed copy")
    options = parser.parse_args()
    tree, results = options.tree.resolve(), Results(ROOT / "build" / "mutation" / "results.csv")
    subject = Subject(ROOT, tree, switched=True)
    found = [mutant for mutant in all_mutants(tree) if options.only in mutant.file]
    print(f"{len(found)} possible mutants on {len({(m.file, m.line) for m in found})} lines")
    survivors, known = results.survivors(), set(results.keys())
    again = [mutant for mutant in found if mutant.key() in survivors and options.again]
    new = (mutant for mutant in drawn(found, options.seed) if mutant.key() not in known)
    if options.together_only:
        new = (mutant for mutant in new if mutant.switched)
    chosen = again + list(islice(new, max(options.sample - len(results.judged()), 0)))
    together = judge_together(subject, results, chosen, options.together)
    if not options.together_only:
        # The others, and survivors that may be no change at all, each in a build of its own.
        subject = Subject(ROOT, tree, switched=False)
        survivors = results.survivors()
        for mutant in chosen:
            if mutant not in together or mutant.key() in survivors:
                judge(subject, results, mutant, known=mutant in together)
    print(results.summary())


if __name__ == "__main__":
    main()
