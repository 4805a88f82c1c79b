"""fastai: a `Learner` over tensors in its own DataLoaders, batch 64, `fit_one_cycle`."""

import fastai
import torch
from fastai.callback.core import Callback, CancelFitException
from fastai.callback.schedule import Learner  # the module that gives a Learner fit_one_cycle
from fastai.data.core import DataLoaders
from torch import nn
from torch.utils.data import TensorDataset

from benchmarks.peers.in_torch import answers_of, network
from benchmarks.peers.race import ADAM_RATE, Race


class Lap(Callback):  # type: ignore[misc]
    """A lap after each epoch."""

    def __init__(self, race: Race, examples: int) -> None:
        self.race, self.examples = race, examples

    def after_train(self) -> None:
        """Judge."""
        if not self.race.lap(self.examples, answers_of(self.learn.model)):
            raise CancelFitException


def main() -> None:
    """Race."""
    race = Race()
    inputs, labels, classes = race.train_examples()
    examples = TensorDataset(torch.from_numpy(inputs), torch.from_numpy(labels))
    few = TensorDataset(*(tensor[:1] for tensor in examples.tensors))
    loaders = DataLoaders.from_dsets(examples, few, bs=race.batch_size(64), shuffle=True, device="cpu", num_workers=0)
    model = network(inputs.shape[1], classes, race.seed)
    learner = Learner(loaders, model, loss_func=nn.CrossEntropyLoss(), cbs=[Lap(race, len(labels))])
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(race.epochs, ADAM_RATE)
    race.finish(versions={"torch": str(torch.__version__), "fastai": fastai.__version__})


if __name__ == "__main__":
    main()
