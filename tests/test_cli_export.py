"""`lamina export`: models as source code by the command."""

import json

import numpy as np
import pytest

pytest.importorskip("polars")
pytest.importorskip("rich")

import lamina as lm
from commands import fails, lamina, train_models


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model of a table, and a network alone."""
    folder = train_models(tmp_path_factory.mktemp("export"))
    net = lm.Sequential([lm.Dense(8, "relu"), lm.Dense(1)], inputs=2)
    net.set_parameters(net.parameters())
    net.save(folder / "net.lamina")
    numbers = "\n".join(f"{x:.2f},{x * x:.2f}" for x in np.linspace(-1, 1, 50))
    (folder / "numbers.csv").write_text(f"a,b\n{numbers}\n")
    return folder


@pytest.mark.parametrize(
    ("to", "ending", "begin"),
    [("c", "h", "/*\n * my.h"), ("python", "py", '"""my'), ("js", "js", "// my")],
)
@pytest.mark.parametrize("model", ["paid", "amount", "net"])
def test_each_language_is_written_to_the_file_named_or_by_its_prefix(
    folder, tmp_path, monkeypatch, model, to, ending, begin
):
    monkeypatch.chdir(tmp_path)
    path = folder / f"{model}.lamina"
    code, out, err = lamina("export", path, "--to", to, "--prefix", "my")
    assert (code, err) == (0, "")
    assert f"written to my.{ending}" in out
    assert ("flash: " in out and "RAM: " in out) == (to == "c")
    text = (tmp_path / f"my.{ending}").read_text()
    assert text.startswith(begin if to != "python" else '"""')
    assert lamina("export", path, "--to", to, "-o", "other", "--prefix", "my")[0] == 0
    assert (tmp_path / "other").read_text() == text


def test_json_tells_what_it_takes(folder, tmp_path):
    model = folder / "net.lamina"
    code, out, _ = lamina("export", model, "--to", "c", "-o", tmp_path / "m.h", "--json")
    found = {"output": str(tmp_path / "m.h"), "flash": 132, "ram": 32}
    assert (code, json.loads(out)) == (0, found)


def test_integers_take_their_ranges_from_a_table(folder, tmp_path):
    for model, table in (("paid", "train"), ("net", "numbers")):
        arguments = ["export", folder / f"{model}.lamina", "--to", "c", "-o", tmp_path / "m.h"]
        assert lamina(*arguments)[0] == 0
        plain = (tmp_path / "m.h").read_text()
        more = ["--dtype", "int8", "--calibration", folder / f"{table}.csv"]
        assert lamina(*arguments, *more)[0] == 0
        text = (tmp_path / "m.h").read_text()
        assert "8-bit integers" in text
        assert "8-bit integers" not in plain


def test_gradient_and_libm_are_options_of_the_command(folder, tmp_path):
    model = folder / "net.lamina"
    arguments = ["--to", "c", "--gradient", "--math", "libm", "-o", tmp_path / "m.h"]
    assert lamina("export", model, *arguments)[0] == 0
    text = (tmp_path / "m.h").read_text()
    assert "model_gradient(" in text
    assert "#include <math.h>" in text


def test_what_does_not_go_together_is_told(folder, tmp_path):
    paid, net = folder / "paid.lamina", folder / "net.lamina"
    output = ["-o", tmp_path / "m"]

    def says(*arguments):
        return fails("export", *arguments, *output)

    assert "--dtype int8 and --calibration TABLE go together" in says(
        paid, "--to", "c", "--dtype", "int8"
    )
    assert "--math: --to js has no such option" in says(net, "--to", "js", "--math", "own")
    assert "--gradient: --to onnx has no such option" in says(net, "--to", "onnx", "--gradient")
    assert "gradient is of networks of numbers" in says(paid, "--to", "c", "--gradient")
    assert "expected a prefix" in says(net, "--to", "c", "--prefix", "1")
    assert not (tmp_path / "m").exists()
    calibration = ["--dtype", "int8", "--calibration", folder / "numbers.csv"]
    assert "the table has no column" in says(paid, "--to", "c", *calibration)
    assert "there is no folder" in fails("export", net, "--to", "c", "-o", tmp_path / "no" / "m.h")
