"""skorch: a `NeuralNetClassifier` over arrays, batch 128 as it is by default, with no examples held back."""

import math
from typing import Any

import skorch
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, LRScheduler
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from benchmarks.peers.in_torch import answers_of, network, optimizer_options, share_of_rate, smoothing
from benchmarks.peers.race import Race


class Lap(Callback):  # type: ignore[misc]
    """A lap after each epoch."""

    def __init__(self, race: Race, examples: int) -> None:
        self.race, self.examples = race, examples

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Judge; skorch ends a fit without complaint at an interruption."""
        if not self.race.lap(self.examples, answers_of(net.module_)):
            raise KeyboardInterrupt


def main() -> None:
    """Race."""
    race = Race()
    inputs, labels, classes = race.train_examples()
    batch_size = race.batch_size(128)
    kind, options = optimizer_options(race)
    callbacks: list[Any] = [Lap(race, len(labels))]
    if race.setting == "recipe":
        steps = math.ceil(len(labels) / batch_size) * race.epochs
        callbacks += [LRScheduler(LambdaLR, lr_lambda=share_of_rate(race, steps), step_every="batch")]
    NeuralNetClassifier(
        network(inputs.shape[1], classes, race.seed),
        criterion=nn.CrossEntropyLoss,
        criterion__label_smoothing=smoothing(race),
        optimizer=kind,
        max_epochs=race.epochs,
        batch_size=batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=callbacks,
        verbose=0,
        **{name if name == "lr" else f"optimizer__{name}": value for name, value in options.items()},
    ).fit(inputs, labels)
    race.finish(versions={"torch": str(torch.__version__), "skorch": skorch.__version__})


if __name__ == "__main__":
    main()
