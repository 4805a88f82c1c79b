"""Runs by the clock, and runs that stop when they are good enough."""

import math
from collections.abc import Iterator
from time import perf_counter
from typing import ClassVar

import numpy as np
import pytest
import torch

import pellucid
from pellucid.data.dataset import Dataset
from pellucid.training.history import Progress
from pellucid.training.settings import Settings
from pellucid.training.threads import Threads


def test_a_run_by_the_clock_ends_with_it_at_a_rate_near_zero(dataset: Dataset) -> None:
    events: list[object] = []
    settings = Settings(seconds=1.0, batch_size=16, learning_rate=0.01)
    network = pellucid.mlp(36, (16,), 3, seed=0)
    started = perf_counter()
    history = pellucid.train(network, dataset, settings, watcher=events.append).history
    assert perf_counter() - started > 0.9
    assert history.ending == "finished"
    assert len(history.epochs) > 3
    assert history.epochs[-1].learning_rate < 0.001
    progress = [event for event in events if isinstance(event, Progress)]
    assert progress
    assert all(event.epochs is None and 0 < event.share <= 1 for event in progress)
    assert progress[-1].seconds_left < 0.5


def test_a_clock_shorter_than_an_epoch_still_gives_a_judged_network(dataset: Dataset) -> None:
    run = pellucid.train(
        pellucid.mlp(36, (16,), 3, seed=0), dataset, Settings(seconds=0.001, batch_size=8, learning_rate=0.01)
    )
    assert len(run.history.epochs) == 1
    assert run.history.best.validation_accuracy is not None


@pytest.mark.parametrize(("epochs", "steps"), [(2.5, (8, 8, 4)), (0.3, (2,)), (2.0, (8, 8))])
def test_epochs_that_are_not_whole_end_within_the_last(dataset: Dataset, epochs: float, steps: tuple[int, ...]) -> None:
    """60 examples in batches of 8 are 8 steps; the schedule ends with the last of them."""
    seen: list[int] = []
    network = pellucid.mlp(36, (16,), 3, seed=0)
    network.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])) if module.training else None)
    few = Dataset("few", {**dataset.splits, "train": dataset.train.take(np.arange(60))}, dataset.class_names)
    settings = Settings(epochs=epochs, batch_size=8, learning_rate=0.01, reference=True, schedule="one-cycle")
    run = pellucid.train(network, few, settings)
    trained = seen[-sum(steps) :]
    assert len(run.history.epochs) == len(steps)
    assert [sum(size == 8 for size in trained), sum(size == 4 for size in trained)] == [
        sum(min(count, 7) for count in steps), sum(count == 8 for count in steps),
    ]  # fmt: skip
    last = run.history.epochs[-1].learning_rate
    assert last == pytest.approx(0.01 / (sum(steps) - round(0.1 * sum(steps))))
    assert run.history.ending == "finished"
    assert run.settings.to_dict()["epochs"] == epochs


def test_stops_when_the_validation_accuracy_is_reached(dataset: Dataset) -> None:
    settings = Settings(epochs=50, until=0.9, batch_size=16, learning_rate=0.01)
    history = pellucid.train(pellucid.mlp(36, (16,), 3, seed=0), dataset, settings).history
    assert history.ending == "until"
    assert (history.epochs[-1].validation_accuracy or 0) >= 0.9
    assert all((epoch.validation_accuracy or 0) < 0.9 for epoch in history.epochs[:-1])


class TestThreads:
    """The watch is told step times of a machine that is made up."""

    QUIET: ClassVar = {1: 0.0016, 2: 0.001}

    @pytest.fixture(autouse=True)
    def _threads_given_back(self) -> Iterator[None]:
        before = torch.get_num_threads()
        yield
        torch.set_num_threads(before)

    def run(self, threads: Threads, seconds: dict[int, float], steps: int) -> list[int]:
        counts = []
        for _ in range(steps):
            threads.see(seconds[threads.now])
            counts.append(threads.now)
        return counts

    def watching(self) -> Threads:
        torch.set_num_threads(2)
        return Threads(None, is_processor=True)

    def test_takes_the_faster_count_after_a_trial_of_both(self) -> None:
        for seconds, best in (({1: 0.004, 2: 0.002}, 2), ({1: 0.004, 2: 0.02}, 1)):
            counts = self.run(self.watching(), seconds, 40)
            assert counts[-1] == best
            assert counts.count(best) > 25

    def test_changes_down_when_a_neighbour_comes_and_up_when_it_goes(self) -> None:
        threads = self.watching()
        assert self.run(threads, {1: 0.004, 2: 0.002}, 40)[-1] == 2
        assert threads.words is None
        assert self.run(threads, {1: 0.005, 2: 0.03}, 40)[-1] == 1
        assert threads.words == "1 thread: the machine is busy"
        threads._next_trial = 0.0  # the time for the next look has come
        assert self.run(threads, {1: 0.004, 2: 0.002}, 40)[-1] == 2

    def test_short_steps_of_which_few_are_hit_count_with_those_that_are(self) -> None:
        threads = self.watching()
        assert self.run(threads, self.QUIET, 200)[-1] == 2
        # Beside a neighbour one step of two threads in eight waits for 16 ms: most are as fast as ever.
        counts = []
        for step in range(400):
            threads.see(0.016 if threads.now == 2 and step % 8 == 7 else self.QUIET[threads.now])
            counts.append(threads.now)
        assert counts.count(1) > 300

    def test_a_single_slow_step_changes_nothing(self) -> None:
        threads = self.watching()
        assert self.run(threads, self.QUIET, 200)[-1] == 2
        threads._next_trial = math.inf
        threads.see(0.008)
        assert set(self.run(threads, self.QUIET, 100)) == {2}

    def test_a_fixed_count_is_kept_and_the_users_own_given_back(self) -> None:
        before = torch.get_num_threads()
        with Threads(2, is_processor=True) as threads:
            assert torch.get_num_threads() == 2
            self.run(threads, {2: 1.0}, 20)
            assert torch.get_num_threads() == 2
        assert torch.get_num_threads() == before

    def test_another_device_leaves_the_threads_alone(self) -> None:
        before = torch.get_num_threads()
        with Threads(None, is_processor=False) as threads:
            self.run(threads, {before: 1.0}, 20)
            assert torch.get_num_threads() == before
