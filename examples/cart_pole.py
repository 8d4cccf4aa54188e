"""REINFORCE on cart-pole, a custom training loop: `python examples/cart_pole.py [--compare]`.

A pole stands on a cart that is pushed left or right; a step in which it still stands gives a
reward of 1, up to 500 an episode. A network of 4-64-64-2 gives the two pushes' log odds and learns
from whole episodes (Williams 1992): after every few of them, log probabilities of what was done
are raised in proportion to the discounted rewards that followed, standardised over the batch.
Training ends when the last 100 episodes average 475.

`--compare` runs the same episodes with PyTorch from the same weights and random numbers, and says
where the time of both goes.
"""

import argparse
import importlib.util
import math
import random
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import lamina as lm

State = tuple[float, float, float, float]
GAMMA, EPISODES_PER_UPDATE, LONGEST, SOLVED = 0.99, 8, 500, 475.0
LEARNING_RATE = 0.005


def push(state: State, force: float) -> State:
    """The state (place, speed, angle, turning speed) 0.02 s later; constants of Barto et al. 1983.

    Cart of 1 kg, pole of 0.1 kg and 2 x 0.5 m, forces in N; Euler's method, as in gym.
    """
    x, v, angle, turn = state
    cosine, sine = math.cos(angle), math.sin(angle)
    pull = (force + 0.05 * turn * turn * sine) / 1.1
    turning = (9.8 * sine - cosine * pull) / (0.5 * (4.0 / 3.0 - 0.1 * cosine * cosine / 1.1))
    moving = pull - 0.05 * turning * cosine / 1.1
    return x + 0.02 * v, v + 0.02 * moving, angle + 0.02 * turn, turn + 0.02 * turning


@dataclass
class Episodes:
    """What a batch of episodes saw, step after step."""

    states: "array[float]" = field(default_factory=lambda: array("f"))
    actions: bytearray = field(default_factory=bytearray)
    lengths: list[int] = field(default_factory=list)

    def inputs(self) -> np.ndarray:
        """States [steps, 4]."""
        return np.frombuffer(self.states, np.float32).reshape(-1, 4)

    def advantages(self) -> np.ndarray:
        """Discounted rewards that followed each step, standardised, [steps]."""
        # A reward of 1 a step: k steps before the end the sum is that of k powers of gamma.
        left = np.concatenate([np.arange(n, 0, -1) for n in self.lengths])
        returns = (1.0 - GAMMA**left) / (1.0 - GAMMA)
        return (returns - returns.mean()) / (returns.std() + 1e-8)


def play(policy: "Policy", draw: Callable[[], float], episodes: Episodes) -> int:
    """One episode; returns its steps."""
    state: State = tuple(0.1 * draw() - 0.05 for _ in range(4))  # type: ignore[assignment]
    right = policy.right
    states, actions = episodes.states, episodes.actions
    steps = 0
    while steps < LONGEST and -2.4 < state[0] < 2.4 and -0.2095 < state[2] < 0.2095:
        action = draw() < right(state)
        states.extend(state)
        actions.append(action)
        state = push(state, 10.0 if action else -10.0)
        steps += 1
    episodes.lengths.append(steps)
    return steps


class Policy:
    """Probability of a push to the right, and how it learns; one for each library."""

    def right(self, state: State) -> float:
        """Probability of a push to the right."""
        raise NotImplementedError

    def learn(self, episodes: Episodes) -> None:
        """One step of gradient ascent on a batch of episodes."""
        raise NotImplementedError


class LaminaPolicy(Policy):
    """The network in lamina."""

    def __init__(self, seed: int) -> None:
        layers = [lm.Dense(64, "tanh"), lm.Dense(64, "tanh"), lm.Dense(2)]
        self.net = lm.Sequential(layers, inputs=4, seed=seed)
        self.optimizer = lm.Adam(LEARNING_RATE)
        self._logits = array("f", bytes(8))
        self._out = np.frombuffer(self._logits, np.float32)  # the same memory
        self._predict = self.net.compile_predictor()

    def right(self, state: State) -> float:
        """From the compiled predictor; a small buffer is read faster than numpy's numbers."""
        logits = self._logits
        self._predict(state, self._out)
        return 1.0 / (1.0 + math.exp(logits[0] - logits[1]))

    def learn(self, episodes: Episodes) -> None:
        """Forward, the policy gradient by the logits, backward, Adam."""
        logits = self.net.forward(episodes.inputs())
        right = 1.0 / (1.0 + np.exp(logits[:, 0] - logits[:, 1]))
        done = np.frombuffer(episodes.actions, np.uint8)
        # d(-advantage * log probability) / d(logit of right); that of left is the opposite.
        by_right = episodes.advantages() * (right - done) / len(logits)
        self.net.backward(np.stack([-by_right, by_right], axis=1), input_gradient=False)
        self.optimizer.step(self.net)
        self._predict = self.net.compile_predictor()


class TorchPolicy(Policy):
    """The same network in PyTorch, from the same weights."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        import torch

        self._torch = torch
        torch.set_num_threads(1)  # more make networks of this size slower
        nn = torch.nn
        self.net = nn.Sequential(
            nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2)
        )
        with torch.no_grad():
            for parameter, value in zip(self.net.parameters(), weights.values(), strict=True):
                parameter.copy_(torch.from_numpy(value))
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=LEARNING_RATE)

    def right(self, state: State) -> float:
        """Without recording for gradients, which is the faster way."""
        with self._torch.no_grad():
            left, right = self.net(self._torch.tensor(state)).tolist()
        return 1.0 / (1.0 + math.exp(left - right))

    def learn(self, episodes: Episodes) -> None:
        """All steps as one batch."""
        torch = self._torch
        logits = self.net(torch.from_numpy(episodes.inputs().copy()))
        chosen = torch.from_numpy(np.frombuffer(episodes.actions, np.uint8).astype(np.int64))
        logs = torch.log_softmax(logits, dim=1).gather(1, chosen[:, None])[:, 0]
        loss = -(torch.from_numpy(episodes.advantages().astype(np.float32)) * logs).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


@dataclass
class Run:
    """A training: reward of each episode, seconds of playing and of learning."""

    rewards: list[int] = field(default_factory=list)
    playing: float = 0.0
    learning: float = 0.0

    @property
    def steps_per_second(self) -> float:
        """Steps of the environment over all the time, learning included."""
        return sum(self.rewards) / (self.playing + self.learning)

    @property
    def average(self) -> float:
        """Mean reward of the last 100 episodes."""
        return sum(self.rewards[-100:]) / len(self.rewards[-100:])


def train(policy: Policy, seed: int, most_steps: int, *, until_solved: bool = True) -> Run:
    """Play and learn until solved or so many steps are done."""
    draw = random.Random(seed).random
    run = Run()
    while sum(run.rewards) < most_steps:
        started = time.perf_counter()
        episodes = Episodes()
        run.rewards += [play(policy, draw, episodes) for _ in range(EPISODES_PER_UPDATE)]
        played = time.perf_counter()
        policy.learn(episodes)
        run.playing += played - started
        run.learning += time.perf_counter() - played
        if until_solved and len(run.rewards) >= 100 and run.average >= SOLVED:
            break
    return run


def compare(seed: int, steps: int, rounds: int) -> tuple[Run, Run]:
    """The first `steps` steps with both libraries by turns, from the same weights; the best runs.

    Each has one thread, with which both are fastest at this size.
    """
    before = lm.get_num_threads()
    lm.set_num_threads(1)
    ours, theirs = [], []
    for _ in range(rounds):
        policy = LaminaPolicy(seed)
        other = TorchPolicy(policy.net.parameters())
        ours.append(train(policy, seed, steps, until_solved=False))
        theirs.append(train(other, seed, steps, until_solved=False))
    lm.set_num_threads(before)
    best = [max(runs, key=lambda run: run.steps_per_second) for runs in (ours, theirs)]
    return best[0], best[1]


def environment_seconds(steps: int) -> float:
    """Seconds of the loop without any network: what both sides pay."""

    class Coin(Policy):
        def right(self, state: State) -> float:
            return 0.5

    draw = random.Random(0).random
    started = time.perf_counter()
    played = 0
    while played < steps:
        played += play(Coin(), draw, Episodes())
    return (time.perf_counter() - started) / played * steps


def main(arguments: Sequence[str] | None = None) -> Any:
    """The command line."""
    parser = argparse.ArgumentParser(description="REINFORCE on cart-pole with lamina")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=1_000_000, help="most steps to train for")
    parser.add_argument("--compare", action="store_true", help="with PyTorch, 60 000 steps each")
    options = parser.parse_args(arguments)
    if options.compare and importlib.util.find_spec("torch") is None:
        parser.error("--compare needs PyTorch: pip install torch")
    if options.compare:
        steps = min(options.steps, 60_000)
        runs = compare(options.seed, steps, rounds=3)
        for name, run in zip(("lamina", "PyTorch"), runs, strict=True):
            done = sum(run.rewards)
            print(
                f"{name:8}{run.steps_per_second:10,.0f} steps/s; a step: "
                f"{run.playing / done * 1e6:.2f} us playing, "
                f"{run.learning / done * 1e6:.2f} us learning"
            )
        alone = min(environment_seconds(steps) for _ in range(3)) / steps
        print(
            f"ratio {runs[0].steps_per_second / runs[1].steps_per_second:.1f}; the environment "
            f"alone takes {alone * 1e6:.2f} us a step, "
            f"{alone * runs[0].steps_per_second:.0%} of lamina's time"
        )
        return runs
    run = train(LaminaPolicy(options.seed), options.seed, options.steps)
    print(
        f"{len(run.rewards)} episodes, {sum(run.rewards):,} steps in "
        f"{run.playing + run.learning:.2f} s ({run.steps_per_second:,.0f} steps/s); "
        f"the last 100 episodes average {run.average:.1f}"
    )
    return run


if __name__ == "__main__":
    main()
