"""Lightning: a `LightningModule` and a `Trainer` over a DataLoader of tensors, batch 64; no logs, no bar."""

import logging
import math
import warnings
from typing import Any

import lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.peers.in_torch import answers_of, network, training_parts
from benchmarks.peers.race import Race


class Classifier(lightning.LightningModule):  # type: ignore[misc]
    """The network, its loss and its optimizer, as Lightning wants them."""

    def __init__(self, model: nn.Module, race: Race, steps: int) -> None:
        super().__init__()
        self.model = model
        self.loss_function, self.optimizer, self.schedule = training_parts(race, model.parameters(), steps)
        self.is_scheduled = race.setting == "recipe"

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Any:
        """Return the loss of a batch."""
        inputs, labels = batch
        return self.loss_function(self.model(inputs), labels)

    def configure_optimizers(self) -> Any:
        """Return the optimizer, and its schedule."""
        if self.is_scheduled:
            return [self.optimizer], [{"scheduler": self.schedule, "interval": "step"}]
        return self.optimizer


class Lap(lightning.Callback):  # type: ignore[misc]
    """A lap after each epoch."""

    def __init__(self, race: Race, examples: int) -> None:
        self.race, self.examples = race, examples

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        """Judge."""
        if not self.race.lap(self.examples, answers_of(module.model)):
            trainer.should_stop = True


def main() -> None:
    """Race."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")  # that a DataLoader has no workers, which would be slower here
    race = Race()
    inputs, labels, classes = race.train_examples()
    examples = TensorDataset(torch.from_numpy(inputs), torch.from_numpy(labels))
    loader = DataLoader(examples, batch_size=race.batch_size(64), shuffle=True)
    module = Classifier(
        network(inputs.shape[1], classes, race.seed),
        race,
        math.ceil(len(labels) / race.batch_size(64)) * race.epochs,
    )
    lightning.Trainer(
        max_epochs=race.epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Lap(race, len(labels))],
    ).fit(module, loader)
    race.finish(versions={"torch": str(torch.__version__), "lightning": lightning.__version__})


if __name__ == "__main__":
    main()
