"""A pytest plugin that collects tests once and runs them for many mutants, in forked processes.

LAMINA_MUTANTS names a folder. In it `order` lists the mutants' numbers; a line of JSON is added to
`answers` for each: its number, the verdict, the test that noticed and how many tests were asked.
Only tests that reach a mutant are asked, the quick ones and those that have caught others first.
"""

import ctypes
import json
import os
import pickle
import resource
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

MOST = 4096  # kMost of mutation_switch.h
TOGETHER = int(os.environ.get("LAMINA_MUTANTS_TOGETHER", "2"))  # processes at a time


@dataclass
class Known:
    """What a run without a mutant has found of a test."""

    passed: bool
    seconds: float
    reached: frozenset[int]


class Core:
    """The switch in lamina's compiled module."""

    def __init__(self) -> None:
        import lamina._core

        self.library = ctypes.CDLL(lamina._core.__file__)
        self.library.lamina_reached_mutants.restype = ctypes.POINTER(ctypes.c_ubyte * MOST)
        self.reached = self.library.lamina_reached_mutants().contents

    def set(self, number: int) -> None:
        """Turns a mutant on, in the programs that tests start too."""
        os.environ["LAMINA_MUTANT"] = str(number)
        self.library.lamina_set_mutant(number)


def passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    """Runs a test with its fixtures."""
    reports = runtestprotocol(item, nextitem=following, log=False)
    return not any(report.failed for report in reports)


def ask(items: list[pytest.Item]) -> tuple[int, str]:
    """Runs tests up to the first that fails; how many were run, and its name."""
    for number, item in enumerate(items):
        if not passes(item, items[number + 1] if number + 1 < len(items) else None):
            return number + 1, item.nodeid
    return len(items), ""


def measure(core: Core, items: list[pytest.Item]) -> list[Known]:
    """Runs all tests without a mutant."""
    known = []
    for number, item in enumerate(items):
        ctypes.memset(core.reached, 0, MOST)
        start = time.process_time()
        passed = passes(item, items[number + 1] if number + 1 < len(items) else None)
        reached = frozenset(i for i, byte in enumerate(bytes(core.reached)) if byte)
        known.append(Known(passed, time.process_time() - start, reached))
    return known


def fork(task: Callable[[], Any], seconds: float) -> tuple[int, int]:
    """Starts a process that sends what `task` returns; its id and the pipe's end to read from."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, reading
    os.close(reading)
    os.setpgid(0, 0)
    limit = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silence, stream)
    try:
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(task(), pipe)
    except BaseException:
        os._exit(1)
    os._exit(0)


def finish(process: int, pipe: int, wall: float) -> tuple[Any, str]:
    """What the process has sent, or None and how it ended."""
    end, data = time.monotonic() + wall, b""
    while True:
        ready, _, _ = select.select([pipe], [], [], max(end - time.monotonic(), 0.0))
        if not ready:
            os.killpg(process, signal.SIGKILL)
            break
        part = os.read(pipe, 1 << 16)
        if not part:
            break
        data += part
    os.close(pipe)
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        hung = number in (signal.SIGKILL, signal.SIGXCPU)
        return None, "hung" if hung else f"ended by {signal.Signals(number).name}"
    return (pickle.loads(data), "") if data else (None, "ended without an answer")


class Runner:
    """Asks the tests for each mutant, some at a time."""

    def __init__(self, folder: Path, items: list[pytest.Item]) -> None:
        self.folder, self.items, self.core = folder, items, Core()
        self.caught: Counter[str] = Counter()
        found, problem = finish(*fork(lambda: measure(self.core, items), 3600), 3600)
        if found is None:
            sys.exit(f"the run without a mutant {problem}")
        self.known: list[Known] = found
        failed = [i.nodeid for i, k in zip(items, found, strict=True) if not k.passed]
        lines = [f"without a mutant these fail and are left out: {failed}"]
        slow = sorted(zip(found, items, strict=True), key=lambda pair: -pair[0].seconds)
        lines += [f"{known.seconds:.2f} s {item.nodeid}" for known, item in slow]
        (folder / "tests").write_text("\n".join(lines), encoding="utf-8")

    def tests_of(self, number: int) -> list[tuple[pytest.Item, Known]]:
        """Those that reach the mutant: first the ones that caught most in their time."""
        pairs = zip(self.items, self.known, strict=True)
        reaching = [(item, k) for item, k in pairs if k.passed and number in k.reached]
        return sorted(
            reaching,
            key=lambda pair: (pair[1].seconds + 0.01) / (1 + 3 * self.caught[pair[0].nodeid]),
        )

    def start(self, number: int) -> tuple[int, int, float, int]:
        """A process for one mutant, its pipe, its limit and the number of its tests."""
        tests = self.tests_of(number)
        seconds = 20.0 + 5.0 * sum(known.seconds for _, known in tests)
        items = [item for item, _ in tests]

        def task() -> tuple[int, str]:
            self.core.set(number)
            return ask(items)

        return (*fork(task, seconds), seconds, len(tests))

    def answer(self, number: int, started: tuple[int, int, float, int]) -> None:
        """Waits for a mutant's process and writes what became of it."""
        process, pipe, seconds, tests = started
        found, problem = finish(process, pipe, 20 * seconds)
        if found is None:
            verdict, by, asked = ("hung" if problem == "hung" else "caught"), problem, tests
        else:
            asked, by = found
            verdict = "caught" if by else "survived"
            self.caught[by] += 1 if by else 0
        if not tests:
            by = "no test reaches it"
        line = {"number": number, "verdict": verdict, "by": by, "asked": asked, "tests": tests}
        with (self.folder / "answers").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def run(self, numbers: list[int]) -> None:
        """All mutants, TOGETHER at a time."""
        waiting: list[tuple[int, tuple[int, int, float, int]]] = []
        for number in numbers:
            waiting.append((number, self.start(number)))
            if len(waiting) == TOGETHER:
                self.answer(*waiting.pop(0))
        for pair in waiting:
            self.answer(*pair)


def pytest_runtestloop(session: pytest.Session) -> bool:
    """In place of pytest's own loop over the tests."""
    if session.testsfailed:
        raise session.Interrupted(f"{session.testsfailed} errors while tests were collected")
    folder = Path(os.environ["LAMINA_MUTANTS"])
    numbers = json.loads((folder / "order").read_text(encoding="utf-8"))
    Runner(folder, session.items).run(numbers)
    return True
