"""Networks as integers of 8 bits, and generated C on a small processor."""

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamina as lm
from embed.generated_code import (
    compiled,
    module,
    needs,
    network_driver,
    node,
    predictions,
)
from networks import class_data
from test_fashion_mnist import FallingRate, images

__all__ = ["images"]  # the fixture
ARM = [
    "arm-linux-gnueabihf-gcc",
    "-std=c99",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wpedantic",
    "-Werror",
]


@pytest.fixture(scope="module")
def trained() -> tuple[lm.Sequential, Any, Any]:
    """A classifier with layers of several kinds, and its data."""
    x, y = class_data(rows=600, inputs=12)
    block = lm.Residual([lm.Dense(48, "tanh"), lm.Dense(48)])
    layers = [
        lm.Normalization(),
        lm.Dense(48, "relu"),
        block,
        lm.LayerNorm(),
        lm.Dense(3, "softmax"),
    ]
    net = lm.Sequential(layers, inputs=12)
    net.fit(x, y, epochs=12, optimizer=lm.Adam(0.01), verbose=False)
    return net, x, y


def test_integers_keep_the_classes_in_a_quarter_of_the_size(trained: Any, tmp_path: Path) -> None:
    net, x, _ = trained
    plain = net.export_c(tmp_path / "plain.h")
    small = net.export_c(tmp_path / "model.h", dtype="int8", calibration=x)
    assert small.constants < 0.36 * plain.constants  # of layers so small scales and biases count
    found = predictions(compiled(network_driver(tmp_path / "model.h", "float32")), x, 3)
    assert (found.argmax(axis=1) == net.predict(x).argmax(axis=1)).mean() >= 0.985


def test_integers_are_the_same_in_c_python_and_javascript(trained: Any, tmp_path: Path) -> None:
    net, x, _ = trained
    x = x[:40]
    exports = {"h": net.export_c, "py": net.export_python, "js": net.export_javascript}
    for ending, export in exports.items():
        export(tmp_path / f"model.{ending}", dtype="int8", calibration=x)
    in_c = predictions(compiled(network_driver(tmp_path / "model.h", "float32")), x, 3)
    python = module(tmp_path / "model.py")
    assert python.selftest() == 0
    assert (np.array([python.predict(row) for row in x.tolist()], np.float32) == in_c).all()
    script = (
        f'const model = require("./model.js"); const x = {x.tolist()};'
        "const outputs = x.map((row) => Array.from(model.predict(row)));"
        "console.log(JSON.stringify([model.selftest(), outputs]))"
    )
    selftest, outputs = node(tmp_path, script)
    assert selftest == 0
    assert (np.array(outputs, np.float32) == in_c).all()


@pytest.mark.parametrize("math", ["own", "libm"])
def test_a_value_beyond_the_calibration_counts_as_its_end(tmp_path: Path, math: Any) -> None:
    net = lm.Sequential([lm.Dense(2, "tanh"), lm.Dense(1)], inputs=1, seed=4)
    calibration = np.linspace(-2, 2, 9, dtype=np.float32)[:, None]
    net.export_c(tmp_path / "model.h", dtype="int8", calibration=calibration, math=math)
    x = np.array([[2.1], [3], [1e9], [3e38], [-2.1], [-1e9], [-3e38]], np.float32)
    found = predictions(compiled(network_driver(tmp_path / "model.h", "float32")), x, 1)[:, 0]
    assert (found[:4] == found[0]).all()
    assert (found[4:] == found[4]).all()
    assert found[0] != found[4]


def test_members_of_an_ensemble_and_units_without_weights_are_integers_too(tmp_path: Path) -> None:
    head = lm.Dense(2, parametrization="ntk")
    net = lm.Sequential([lm.Ensemble([lm.Dense(16, "relu", bias=False), head], k=3)], inputs=5)
    parameters = net.parameters()
    parameters["layers.0.layers.0.weight"][3] = 0.0
    parameters["layers.0.layers.1.bias"] += 2.0
    net.set_parameters(parameters)
    x = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    net.export_c(tmp_path / "model.h", dtype="int8", calibration=x)
    found = predictions(compiled(network_driver(tmp_path / "model.h", "float32")), x, 2)
    expected = net.predict(x)
    # Two products read 8 bits over some eight deviations: 8 / 255 / sqrt(12) of one each.
    assert (found - expected).std() < 0.02 * expected.std()


def test_factors_of_members_and_missing_values_go_with_integers(tmp_path: Path) -> None:
    members = lm.Ensemble([lm.Dense(8, "relu"), lm.Dense(2)], k=3, adapters="all")
    net = lm.Sequential([lm.Embedding({0: 4}, units=3), members], inputs=2, seed=1)
    x = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    x[:, 0] = np.resize([np.nan, 0, 1, 2, 3, 9], 200)
    net.export_c(tmp_path / "model.h", dtype="int8", calibration=x)
    found = predictions(compiled(network_driver(tmp_path / "model.h", "float32")), x, 2)
    expected = net.predict(x)
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()


def test_calibration_from_which_no_range_follows_is_refused(tmp_path: Path) -> None:
    net = lm.Sequential([lm.Affine(1e30), lm.Affine(1e30), lm.Dense(1)], inputs=1)
    with pytest.raises(ValueError, match=r"dense layer 0 .*reads NaN or infinite numbers"):
        net.export_c(tmp_path / "model.h", dtype="int8", calibration=[[9.0], [1.0]])


def fashion(images: Any, rows: int, epochs: int) -> tuple[lm.Sequential, Any, Any]:
    """The recipe of test_fashion_mnist, on pixels as they are, and the test images."""
    scaling = lm.Affine(1 / (255 * 0.353), -0.286 / 0.353)
    hidden = [lm.Dense(256, "relu"), lm.Dropout(0.15), lm.Dense(128, "relu"), lm.Dropout(0.15)]
    net = lm.Sequential([scaling, *hidden, lm.Dense(10, "softmax")], inputs=784)
    x, y = images["train"]
    options: dict[str, Any] = {"epochs": epochs, "batch_size": 128, "callbacks": [FallingRate()]}
    net.fit(x[:rows], y[:rows], optimizer=lm.Adam(1e-3), verbose=False, **options)
    return net, images["t10k"][0].astype(np.float32), images["t10k"][1]


def compare(net: lm.Sequential, x: Any, y: Any, calibration: Any, folder: Path) -> None:
    plain = net.export_c(folder / "plain.h")
    small = net.export_c(folder / "model.h", dtype="int8", calibration=calibration)
    assert small.constants <= 0.255 * plain.constants
    program = compiled(network_driver(folder / "model.h", "float32"), optimize="-O2")
    found = predictions(program, x, 10).argmax(axis=1)
    before = (net.predict(x).argmax(axis=1) == y).mean()
    assert (found == y).mean() >= before - 0.005


def test_integers_lose_no_half_percent_on_fashion_mnist(images: Any, tmp_path: Path) -> None:
    net, x, y = fashion(images, 10_000, 2)
    compare(net, x[:2000], y[:2000], images["train"][0][:200], tmp_path)


@pytest.mark.long
def test_integers_lose_no_half_percent_on_all_of_fashion_mnist(images: Any, tmp_path: Path) -> None:
    net, x, y = fashion(images, 60_000, 12)
    assert (net.predict(x).argmax(axis=1) == y).mean() > 0.88
    compare(net, x, y, images["train"][0][:2000], tmp_path)


@pytest.mark.parametrize("dtype", [None, "int8"])
def test_it_runs_on_arm_and_takes_the_flash_that_the_export_says(
    trained: Any, tmp_path: Path, dtype: Any
) -> None:
    needs("arm-linux-gnueabihf-gcc", "qemu-arm", "arm-linux-gnueabihf-size")
    net, x, _ = trained
    exported = net.export_c(
        tmp_path / "model.h", dtype=dtype, calibration=None if dtype is None else x
    )
    source = network_driver(tmp_path / "model.h", "float32")
    program = tmp_path / "arm"
    subprocess.run([*ARM, "-O2", "-static", source, "-o", program], check=True, timeout=300)
    found = predictions(program, x[:50], 3, ["qemu-arm"])
    if dtype is None:
        assert np.abs(found - net.predict(x[:50])).max() < 2e-6
    else:
        here = predictions(compiled(source), x[:50], 3)
        assert np.abs(found - here).max() < 0.02
    alone = tmp_path / "alone.c"
    alone.write_text(
        '#include "model.h"\nvoid run(const float* x, float* y);\n'
        "void run(const float* x, float* y) { model_predict(x, y); }\n"
    )
    subprocess.run([*ARM, "-Os", "-c", alone, "-o", tmp_path / "alone.o"], check=True, timeout=300)
    size = ["arm-linux-gnueabihf-size", "-A", str(tmp_path / "alone.o")]
    table = subprocess.run(size, capture_output=True, text=True, check=True).stdout
    sections = {name: int(count) for name, count in re.findall(r"(?m)^(\.\S+) +(\d+)", table)}
    flash = sum(count for name, count in sections.items() if name.startswith(".rodata"))
    assert abs(flash - exported.constants) <= 64  # padding
    assert sections[".data"] == sections[".bss"] == 0
    print(f"flash {flash}, code {sections['.text']}, stack {exported.stack} bytes")


def test_a_bare_processor_needs_no_library(trained: Any, tmp_path: Path) -> None:
    needs("arm-none-eabi-gcc", "arm-none-eabi-nm")
    trained[0].export_c(tmp_path / "model.h")
    source = tmp_path / "bare.c"
    source.write_text(
        '#include "model.h"\nvoid run(const float* x, float* y);\n'
        "void run(const float* x, float* y) { model_predict(x, y); }\n"
    )
    flags = ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-ffreestanding"]
    command = ["arm-none-eabi-gcc", "-std=c99", "-Os", *flags, "-nostdinc", "-c", str(source)]
    subprocess.run([*command, "-o", tmp_path / "bare.o"], check=True, timeout=300)
    names = ["arm-none-eabi-nm", "-u", str(tmp_path / "bare.o")]
    found = subprocess.run(names, capture_output=True, text=True, check=True).stdout.split()[1::2]
    # The compiler's own arithmetic of float64, which this processor lacks, and copies.
    assert all(name.startswith("__aeabi_") or name in ("memcpy", "memset") for name in found)


def test_inputs_beyond_those_of_calibration_are_clipped(trained: Any, tmp_path: Path) -> None:
    net, x, _ = trained
    net.export_c(tmp_path / "model.h", dtype="int8", calibration=x)
    far = (x[:20] * 1e6).astype(np.float32)
    found = predictions(compiled(network_driver(tmp_path / "model.h", "float32")), far, 3)
    assert np.isfinite(found).all()


def test_too_many_inputs_for_sums_of_32_bits_are_refused(tmp_path: Path) -> None:
    net = lm.Sequential([lm.Dense(1)], inputs=70_000)
    with pytest.raises(
        ValueError, match=r"sums at most 60000 products .* layers.0 has 70000 inputs"
    ):
        net.export_c(tmp_path / "m.h", dtype="int8", calibration=np.ones((1, 70_000), np.float32))
