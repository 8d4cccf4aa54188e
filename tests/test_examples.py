"""The examples run and do what they say."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lamina as lm
from scripts import load_script

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def cart_pole() -> ModuleType:
    return load_script(EXAMPLES / "cart_pole.py")


@pytest.fixture(scope="module")
def slope() -> ModuleType:
    return load_script(EXAMPLES / "slope_in_the_loss.py")


# Cart-pole


def test_the_cart_moves_as_in_gym(cart_pole: ModuleType) -> None:
    # Two steps of gymnasium's CartPole-v1 from (0.01, 0.02, 0.03, 0.04): right, then left.
    state = cart_pole.push((0.01, 0.02, 0.03, 0.04), 10.0)
    theta, turn, force = 0.03, 0.04, 10.0
    temp = (force + 0.1 * 0.5 * turn**2 * np.sin(theta)) / 1.1
    turning = (9.8 * np.sin(theta) - np.cos(theta) * temp) / (
        0.5 * (4 / 3 - 0.1 * np.cos(theta) ** 2 / 1.1)
    )
    moving = temp - 0.1 * 0.5 * turning * np.cos(theta) / 1.1
    expected = (0.01 + 0.02 * 0.02, 0.02 + 0.02 * moving, 0.03 + 0.02 * 0.04, 0.04 + 0.02 * turning)
    np.testing.assert_allclose(state, expected, rtol=1e-14)


def test_reinforce_by_hand_keeps_the_pole_up(
    cart_pole: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    run = cart_pole.main(["--seed", "0"])
    assert run.average >= 475.0  # 195 is what counts as solved where episodes end at 200 steps
    assert "the last 100 episodes average" in capsys.readouterr().out


def test_the_gradient_of_the_policy_is_the_slope_of_what_is_maximised(
    cart_pole: ModuleType,
) -> None:
    policy = cart_pole.LaminaPolicy(0)
    policy.optimizer = lm.SGD(0.0)
    episodes = cart_pole.Episodes()
    draw = iter(np.random.default_rng(0).uniform(size=10_000).tolist()).__next__
    for _ in range(3):
        cart_pole.play(policy, draw, episodes)
    exact = lm.Sequential(policy.net.layers, inputs=4, dtype="float64")
    weights = policy.net.parameters()
    advantages = episodes.advantages()
    done = np.frombuffer(episodes.actions, np.uint8)

    def loss(change: float) -> float:
        exact.set_parameters({k: v.astype(float) + change for k, v in weights.items()})
        logits = exact.predict(episodes.inputs())
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return float(-(advantages * logs[np.arange(len(done)), done]).mean())

    policy.learn(episodes)
    along_ones = sum(float(gradient.sum()) for gradient in policy.net.gradients().values())
    # float32 sums of 4,610 elements
    assert along_ones == pytest.approx((loss(1e-5) - loss(-1e-5)) / 2e-5, rel=1e-3, abs=1e-5)


# A slope in the loss


@pytest.fixture
def recorded() -> Iterator[Any]:
    with np.load(EXAMPLES.parent / "tests" / "parity" / "torch_slope.npz") as file:
        yield file


def test_loss_and_gradients_are_those_of_pytorchs_double_backward(
    slope: ModuleType, recorded: Any
) -> None:
    net = slope.network()
    names = list(net.parameters())
    net.set_parameters({name: recorded[f"weights/{name}"] for name in names})
    loss = slope.loss_and_gradients(net, recorded["x"], recorded["f"], recorded["slope"])
    assert loss == pytest.approx(float(recorded["loss"]), rel=1e-12)
    for name in names:
        expected = recorded[f"gradients/{name}"]
        error = np.abs(net.gradients()[name] - expected).max() / np.abs(expected).max()
        assert error <= 1e-9  # h^4 = 1e-12 times a fifth derivative; rounding 1e-16 / h


def test_the_slopes_bring_the_function_nearer(
    slope: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    worst, worst_slope = slope.main([])
    assert worst < 0.01
    assert worst_slope < 0.1
    without = float(capsys.readouterr().out.rsplit(": ", 1)[1].split()[0])
    assert worst < without / 2


# What each setting does

SETTINGS = EXAMPLES / "settings"
PAGES = sorted(path.stem for path in SETTINGS.glob("*.md") if path.stem != "README")


@pytest.fixture(scope="module")
def make_pages() -> Iterator[ModuleType]:
    pytest.importorskip("matplotlib")
    sys.path.insert(0, str(SETTINGS))
    yield load_script(SETTINGS / "make_pages.py")
    sys.path.remove(str(SETTINGS))


def table_rows(page: str) -> list[str]:
    """The first column of a page's table."""
    lines = (SETTINGS / f"{page}.md").read_text(encoding="utf-8").splitlines()
    return [line.split(" | ")[0].strip("| ") for line in lines if line.startswith("| ")]


def test_every_setting_has_a_page_that_the_script_writes(
    make_pages: ModuleType, tmp_path: Path
) -> None:
    written = make_pages.main(["--quick", "--output", str(tmp_path)])
    assert sorted(written) == PAGES
    for page in PAGES:
        assert f"({page}.md)" in (SETTINGS / "README.md").read_text(encoding="utf-8")
        assert (tmp_path / f"{page}.svg").stat().st_size > 1000
        text = (tmp_path / f"{page}.md").read_text(encoding="utf-8")
        assert "**Too little:**" in text
        assert "**Too much:**" in text
        assert "**What to do:**" in text


def test_the_tables_of_the_pages_hold_what_the_script_tries(make_pages: ModuleType) -> None:
    for page in make_pages.pages():
        assert table_rows(page.name) == [page.column, *page.tried]
        assert (SETTINGS / f"{page.name}.svg").stat().st_size < 50_000


@pytest.mark.long
def test_the_pages_say_what_a_run_says(make_pages: ModuleType) -> None:
    """Best and worst of each page's ends, by test loss; the last digits hang on the processor."""
    data = make_pages.read_data()
    for page in make_pages.pages():
        labels = list(page.tried)
        losses = {label: make_pages.run(page.tried[label], data).test[-1] for label in labels}
        recorded = {}
        for line in (SETTINGS / f"{page.name}.md").read_text(encoding="utf-8").splitlines():
            cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
            if cells[0] in losses:
                recorded[cells[0]] = float(cells[3])
        for label in labels:
            if recorded[label] < 0.9:  # beyond, training has come apart
                assert losses[label] == pytest.approx(recorded[label], rel=0.05)
