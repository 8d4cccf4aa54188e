"""A copy of the tree whose core is changed, built and tested, one mutant after the other."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from itertools import pairwise
from pathlib import Path

from mutants import FLOORS, Mutant

# The tests of what the mutants do not touch, and those that start many programs.
OTHER_TESTS = re.compile(
    r"test_(cli|table|tabular|text|column_kinds|frames|history|metrics|progress|documentation|adult"
    r"|fashion|interrupts|fork|giveaways|learning_rate_range|out_of_memory|public_names|split"
    r"|torch_state|instruction_sets|examples)"
)
# Which tests are asked first before anything was learned.
FIRST = (
    *("test_gradients", "test_torch_optimizers", "test_torch_trace", "test_torch_layers"),
    *("test_torch_blocks", "test_row_layers", "test_optimizers", "test_layers", "test_predictor"),
    *("test_losses", "test_catalogue", "test_batch_norm", "test_derivatives", "test_residual"),
)
STAGES = (0, 4, 14, None)  # the likeliest files are asked first, so that few are collected
PYTEST = ("-m", "pytest", "-q", "-x", "--tb=short", "-p", "no:cacheprovider")
CAUGHT, HUNG, SURVIVED = "caught", "hung", "survived"


def run(
    command: list[str], limit: float, where: Path, environment: dict[str, str] | None = None
) -> tuple[int | None, str]:
    """Exit code (None: it was ended after `limit` seconds) and output of a command."""
    paths = os.pathsep.join([str(where / "python"), str(where / "tools")])
    process = subprocess.Popen(
        command,
        cwd=where,
        env=os.environ | {"PYTHONPATH": paths} | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return None, output
    return process.returncode, output


class Subject:
    """The copy: `tree` holds the files of `root` and is built in its folder build/mutation."""

    def __init__(self, root: Path, tree: Path, *, switched: bool) -> None:
        self.root, self.tree, self.switched = root, tree, switched
        self.folder = tree / "build" / ("switches" if switched else "mutation")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._copy()
        self.python = self._make_python()
        found = [*(tree / "tests").glob("test_*.py"), *(tree / "tests/parity").glob("test_*.py")]
        self.tests = sorted(path for path in found if not OTHER_TESTS.match(path.name))
        self.programs = [
            path.stem
            for path in sorted((tree / "cpp" / "tests").glob("test_*.cpp"))
            if re.search(rf'#include "({"|".join(FLOORS)})/', path.read_text(encoding="utf-8"))
        ]
        self._configure()
        self.limit = 3600.0
        self.originals = {
            path.relative_to(tree).as_posix(): path.read_text(encoding="utf-8")
            for path in (tree / "cpp" / "src").rglob("*")
            if path.suffix in {".cpp", ".h"}
        }
        if switched:
            return
        if not self.build("_core", *self.programs):
            raise SystemExit(f"the tree does not build:\n{self.output[-3000:]}")
        self.original = self.fingerprint()

    def switch(self, mutants: list[Mutant]) -> dict[int, Mutant]:
        """Builds all of them into one module, each behind its number; those that compile."""
        numbered = dict(enumerate(mutants, start=1))
        while True:
            self._write_switches(numbered)
            if self.build("_core", *self.programs):
                return numbered
            places = re.findall(r"(?:\.\./)*(cpp/src/[\w/.]+):(\d+)", self.output)
            wrong = {(name, int(line)) for name, line in places}
            left = {n: m for n, m in numbered.items() if (m.file, m.line) not in wrong}
            if len(left) == len(numbered):
                raise SystemExit(f"the tree with switches does not build:\n{self.output[-3000:]}")
            numbered = left

    def _write_switches(self, numbered: dict[int, Mutant]) -> None:
        """The files with these mutants, and the original text of all others."""
        texts: dict[str, list[str]] = {}
        for number, mutant in numbered.items():
            lines = texts.setdefault(mutant.file, self.originals[mutant.file].splitlines())
            lines[mutant.line - 1] = mutant.switched.replace("MUTANT", str(number))
        for name, original in self.originals.items():
            text = "\n".join(texts[name]) + "\n" if name in texts else original
            if (self.tree / name).read_text(encoding="utf-8") != text:
                (self.tree / name).write_text(text, encoding="utf-8")

    def ask_switched(self, numbers: list[int], together: int) -> dict[int, tuple[str, str]]:
        """Verdict and test of each: Python's tests first, then for survivors the C++ tests."""
        (self.folder / "order").write_text(json.dumps(numbers), encoding="utf-8")
        (self.folder / "answers").unlink(missing_ok=True)
        environment = {"LAMINA_MUTANTS": str(self.folder), "LAMINA_MUTANTS_TOGETHER": str(together)}
        command = [self.python, *PYTEST, "-p", "mutation_plugin", *map(str, self.tests)]
        _, self.output = run(command, 1e6, self.tree, environment)
        if not (self.folder / "answers").exists():
            raise SystemExit(f"pytest gave no answers:\n{self.output[-3000:]}")
        verdicts: dict[int, tuple[str, str]] = {}
        for line in (self.folder / "answers").read_text(encoding="utf-8").splitlines():
            answer = json.loads(line)
            found = answer["verdict"], answer["by"]
            if found[0] == SURVIVED:
                found = self._ask_programs({"LAMINA_MUTANT": str(answer["number"])}) or found
            verdicts[answer["number"]] = found
        return verdicts

    def _ask_programs(self, environment: dict[str, str]) -> tuple[str, str] | None:
        """Verdict and name of the first C++ test that notices."""
        for name in self.programs:
            program = str(self.folder / "cpp" / "tests" / name)
            code, self.output = run([program], self.limit, self.tree, environment)
            if code != 0:
                return (HUNG if code is None else CAUGHT), name
        return None

    def ask_without_mutant(self) -> None:
        """Sees that all tests pass, and takes the limit of a run from their time."""
        start = time.monotonic()
        verdict, by = self.test([])
        if verdict != SURVIVED:
            raise SystemExit(f"a test does not pass without a mutant: {by}\n{self.output[-3000:]}")
        self.limit = max(60.0, 3.0 * (time.monotonic() - start))

    def _copy(self) -> None:
        """Copies the tracked and new files that differ; ends with equal files, as ninja sees it."""
        command = ["git", "-C", str(self.root), "ls-files", "-co", "--exclude-standard"]
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        wanted = {name for name in listed.splitlines() if (self.root / name).is_file()}
        for name in wanted:
            source, target = self.root / name, self.tree / name
            if not target.exists() or source.read_bytes() != target.read_bytes():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
        for folder in ("cpp", "python", "tests", "tools"):
            for path in [path for path in (self.tree / folder).rglob("*") if path.is_file()]:
                name = path.relative_to(self.tree).as_posix()
                if name not in wanted and path.suffix in {".cpp", ".h", ".inl", ".py"}:
                    path.unlink()

    def _make_python(self) -> str:
        """A Python that sees this one's packages, but not its editable lamina."""
        venv = self.folder / "venv"
        if not venv.exists():
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
        (site,) = venv.glob("lib/python*/site-packages")
        paths = [path for path in sys.path if path.endswith("site-packages")]
        (site / "packages.pth").write_text("\n".join(paths), encoding="utf-8")
        return str(venv / "bin" / "python")

    def _configure(self) -> None:
        """CMake, with less optimisation where mutants are, and no warning of theirs an error."""
        rule = self.folder / "mutated_floors.cmake"
        include = f'-include "{self.tree / "tools" / "mutation_switch.h"}"' if self.switched else ""
        folders = " ".join(f'"${{CMAKE_SOURCE_DIR}}/cpp/src/{floor}/*.cpp"' for floor in FLOORS)
        rule.write_text(
            f"file(GLOB_RECURSE _mutated {folders})\n"
            "set_property(SOURCE ${_mutated} APPEND PROPERTY\n"
            f"  COMPILE_OPTIONS -O1 -w {include})\n",
            encoding="utf-8",
        )
        options = {"LAMINA_BUILD_TESTS": "ON", "LAMINA_WERROR": "ON", "CMAKE_BUILD_TYPE": "Release"}
        options |= {"CMAKE_PROJECT_INCLUDE": str(rule), "Python_EXECUTABLE": sys.executable}
        # The compiler's name as scikit-build-core takes it, so that ccache has its results.
        if compiler := shutil.which((sysconfig.get_config_var("CXX") or "none").split()[0]):
            options["CMAKE_CXX_COMPILER"] = compiler
        if ccache := shutil.which("ccache"):
            options["CMAKE_CXX_COMPILER_LAUNCHER"] = ccache
        definitions = [f"-D{name}={value}" for name, value in options.items()]
        command = ["cmake", "-S", str(self.tree), "-B", str(self.folder), "-G", "Ninja"]
        code, output = run([*command, *definitions], 600, self.tree)
        if code:
            raise SystemExit(output)

    def build(self, *targets: str) -> bool:
        """Builds targets, and puts the module where Python finds it; False where that fails."""
        command = ["ninja", "-C", str(self.folder), "-j2", "-k0", *targets]
        code, self.output = run(command, self.limit, self.tree)
        if code == 0 and "_core" in targets:
            (module,) = self.folder.glob("_core*.so")
            shutil.copyfile(module, self.tree / "python" / "lamina" / module.name)
        return code == 0

    def compilations(self) -> int:
        """How many files the next build of the module compiles."""
        _, output = run(["ninja", "-C", str(self.folder), "-n", "_core"], 60, self.tree)
        return output.count("Building CXX")

    def fingerprint(self) -> str:
        """Of the module; the same where a mutant changed no instruction."""
        (module,) = self.folder.glob("_core*.so")
        return hashlib.sha256(module.read_bytes()).hexdigest()

    def test(self, order: list[str]) -> tuple[str, str]:
        """Verdict and the test that noticed; `order`: names of test files, the likeliest first."""
        order = [*order, *(name for name in FIRST if name not in order)]
        place = {name: number for number, name in enumerate(order)}
        files = sorted(self.tests, key=lambda path: place.get(path.stem, len(place)))
        for first, last in pairwise(STAGES):
            command = [self.python, *PYTEST, *map(str, files[first:last])]
            code, self.output = run(command, self.limit, self.tree)
            if code is None:
                return HUNG, f"pytest, after {self.limit:.0f} s"
            if code != 0:
                failed = re.search(r"^(?:FAILED|ERROR) (\S+)", self.output, re.MULTILINE)
                return CAUGHT, failed.group(1) if failed else f"pytest's exit code {code}"
        if not self.build("_core", *self.programs):
            return CAUGHT, "a C++ test that does not link"
        return self._ask_programs({}) or (SURVIVED, "")
