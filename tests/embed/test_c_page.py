"""The header is C99 and C++11, its structs only grow, and every program of docs/c.md runs."""

import ctypes as ct
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import c_structs
import lamina as lm
from lamina import _core
from lamina.tabular import TableModel

PACKAGE = Path(_core.__file__).parent
STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Wshadow", "-Werror", "-pedantic"]
COMPILERS = ["gcc", "clang"]
HEADER = "lamina/lamina.h"


def compiled(tmp_path, compiler, text, *, language="c", standard="c99", links=True):
    """The program made of this text; a test is skipped where the compiler is not there."""
    if shutil.which(compiler) is None:
        pytest.skip(f"there is no {compiler}")
    source, program = tmp_path / "program.txt", tmp_path / "program"
    source.write_text(text, encoding="utf-8")
    library = [f"-L{PACKAGE / 'lib'}", "-llamina", f"-Wl,-rpath,{PACKAGE / 'lib'}", "-lm"]
    command = [compiler, f"-std={standard}", *STRICT, f"-I{PACKAGE / 'include'}", "-x", language]
    command += (
        [str(source), "-x", "none", "-o", str(program), *library]
        if links
        else [
            str(source),
            "-fsyntax-only",
        ]
    )
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return program


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(
    ("language", "standard"),
    [("c", "c99"), ("c", "c11"), ("c++", "c++11"), ("c++", "c++20")],
)
def test_the_header_compiles_alone_and_twice_without_a_warning(
    tmp_path, compiler, language, standard
):
    text = f'#include "{HEADER}"\n#include "{HEADER}"\nint main(void) {{ return LAMINA_OK; }}\n'
    compiled(tmp_path, compiler, text, language=language, standard=standard, links=False)


# Version 1 of each struct, as programs compiled today have it.
FIRST = {
    "lamina_option": c_structs.Option,
    "lamina_description": c_structs.Description,
    "lamina_load_options": c_structs.LoadOptions,
    "lamina_save_options": c_structs.SaveOptions,
    "lamina_cell": c_structs.Cell,
    "lamina_column": c_structs.Column,
    "lamina_parameter": c_structs.Parameter,
    "lamina_data": c_structs.Data,
    "lamina_observer": c_structs.Observer,
    "lamina_metric": c_structs.Metric,
    "lamina_early_stopping": c_structs.EarlyStopping,
    "lamina_class_weight": c_structs.ClassWeight,
    "lamina_fit_options": c_structs.FitOptions,
    "lamina_sparse_rows": c_structs.SparseRows,
    "lamina_loss_batch": c_structs.LossBatch,
    "lamina_loss_function": c_structs.LossFunction,
    "lamina_evaluate_options": c_structs.EvaluateOptions,
    "lamina_figure": c_structs.Figure,
}


def test_structs_only_grow_and_those_without_a_size_stay(tmp_path):
    lines = [
        f'printf("{name} %zu\\n", {what});'
        for struct, first in FIRST.items()
        for name, what in [
            (struct, f"sizeof({struct})"),
            *((f"{struct}.{field}", f"offsetof({struct}, {field})") for field, _ in first._fields_),
        ]
    ]
    includes = "".join(f"#include <{header}>\n" for header in (HEADER, "stddef.h", "stdio.h"))
    text = f"{includes}int main(void) {{\n{chr(10).join(lines)}\nreturn 0;\n}}\n"
    printed = subprocess.run([compiled(tmp_path, "gcc", text)], capture_output=True, text=True)
    found = {name: int(size) for name, size in map(str.split, printed.stdout.splitlines())}
    for struct, first in FIRST.items():
        grows = first._fields_[0][0] == "struct_size"
        size = ct.sizeof(first)
        assert found[struct] >= size if grows else found[struct] == size, struct
        for field, _ in first._fields_:
            assert found[f"{struct}.{field}"] == getattr(first, field).offset, (struct, field)


def programs():
    """The programs of docs/c.md by the headings that they stand under."""
    text = (Path(__file__).parents[2] / "docs" / "c.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    found = {}
    for heading, body in zip(parts[::2], parts[1::2], strict=True):
        for block in re.findall(r"```c\n(.*?)```", body, flags=re.DOTALL):
            if "main(" in block:
                found[heading] = block
    return found


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with the models that the programs load."""
    folder = tmp_path_factory.mktemp("models")
    layers = [lm.Dense(8, "relu"), lm.Dense(3, "softmax")]
    lm.Sequential(layers, inputs=4).save(folder / "network.lamina")
    size = np.linspace(-1.0, 1.0, 60)
    colour = np.array(["red", "blue"] * 30, dtype=object)
    paid = np.where(size + np.sin(np.arange(60)) > 0, "yes", "no").astype(object)
    table = {"colour": colour, "size": size, "paid": paid}
    options = {"target": "paid", "epochs": 2, "n_members": 1, "verbose": False}
    TableModel.fit(table, **options).save(folder / "table.lamina")
    return folder


EXPECTED = {
    "Load a model and predict": r"0\.\d{3} 0\.\d{3} 0\.\d{3}\n",
    "Table models": r"yes: 0\.\d{3}\n(yes|no)\n",
    "The lowest latency": r"0\.\d{3}\n",
    "Build and train": r"0: \d\.\d{4}\n(\d+: \d\.\d{4}\n)*accuracy \d\.\d\d, .*\n",
    "Losses of the program's own": r"lower after \d+ calls\n",
    "Metrics of rows": r"loss \d\.\d{3}\naccuracy \d\.\d{3}\nf1 \d\.\d{3}\n"
    r"confusion_matrix 3 x 3\n",
    "Sparse rows": r"0\.\d{3}\n",
    "Steps and gradients": r"\d\.\d{4}, then \d\.\d{4}; slope -?\d\.\d{4}\n"
    r"layers\.0\.weight: 16\nlayers\.0\.bias: 8\nlayers\.1\.weight: 8\nlayers\.1\.bias: 1\n",
}


def test_the_page_has_a_program_for_each_group_of_functions():
    assert programs().keys() == EXPECTED.keys()


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("heading", EXPECTED)
def test_a_program_of_the_page_compiles_without_a_warning_and_runs(
    tmp_path, models, compiler, heading
):
    program = compiled(tmp_path, compiler, programs()[heading])
    done = subprocess.run([program], cwd=models, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(EXPECTED[heading], done.stdout), done.stdout


def test_python_loads_what_a_program_of_the_page_trained(tmp_path, models):
    program = compiled(tmp_path, "gcc", programs()["Build and train"])
    subprocess.run([program], cwd=models, check=True, capture_output=True, timeout=60)
    net = lm.load(models / "trained.lamina")
    assert net.epochs_trained > 0
    assert net.predict([[0.5, 0.5]])[0, 1] > net.predict([[0.5, -0.5]])[0, 1]
