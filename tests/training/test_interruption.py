"""Ctrl-C in Python; the command's own test sends a real one to a real process."""

import os
import signal
import threading

import pytest

import pellucid
from pellucid.data.dataset import Dataset
from pellucid.training.history import Epoch
from pellucid.training.settings import Settings


def test_ctrl_c_ends_the_run_after_its_step_and_keeps_the_best(dataset: Dataset) -> None:
    def press(event: object) -> None:
        if isinstance(event, Epoch) and event.epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)

    run = pellucid.train(pellucid.mlp(36, (16,), 3, seed=0), dataset, Settings(epochs=50), watcher=press)
    assert run.history.ending == "interrupted"
    assert len(run.history.epochs) == 2
    assert run.history.best_epoch in {1, 2}


def test_a_second_ctrl_c_ends_it_at_once(dataset: Dataset) -> None:
    def press(event: object) -> None:
        if isinstance(event, Epoch):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        pellucid.train(pellucid.mlp(36, (16,), 3, seed=0), dataset, Settings(epochs=50), watcher=press)


def test_the_handler_is_given_back(dataset: Dataset) -> None:
    before = signal.getsignal(signal.SIGINT)
    pellucid.train(pellucid.mlp(36, (16,), 3, seed=0), dataset, Settings(epochs=1))
    assert signal.getsignal(signal.SIGINT) is before


def test_trains_outside_the_main_thread(dataset: Dataset) -> None:
    endings = []

    def work() -> None:
        run = pellucid.train(pellucid.mlp(36, (16,), 3, seed=0), dataset, Settings(epochs=1))
        endings.append(run.history.ending)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert endings == ["finished"]
