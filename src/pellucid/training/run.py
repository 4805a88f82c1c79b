"""`train`: a network, a dataset and settings make a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from torch import nn

from pellucid.classifier.classifier import Classifier, check_logits
from pellucid.classifier.evaluating import evaluate
from pellucid.data.batches import Batches
from pellucid.data.dataset import Dataset
from pellucid.data.preparing import Preparation
from pellucid.devices import DeviceChoice, choose_device, has_fast_bfloat16, random_state_kept
from pellucid.errors import PellucidError, UserCodeError
from pellucid.evaluation.evaluation import Evaluation
from pellucid.networks.modes import evaluating
from pellucid.rendering.blocks import Block, Note
from pellucid.rendering.result import Result
from pellucid.tracing.architecture import Architecture
from pellucid.tracing.describing import describe
from pellucid.training.engine import Watcher, fit
from pellucid.training.history import History
from pellucid.training.settings import Settings

VALIDATION_BATCH = 1024


@dataclass(frozen=True, eq=False)
class Run(Result):
    """One training: what was asked, what happened, and the classifier that came of it.

    Attributes:
        settings: As asked.
        device: That it ran on.
        precision: Of the products, "float32" or "bfloat16".
        dataset: Its name.
        architecture: Of the network.
        history: Epoch by epoch.
        evaluation: Of the test split, judged once, at the end; None without one.
        classifier: With the weights of the best epoch.
        seconds: Of training and validation.
    """

    settings: Settings
    device: DeviceChoice
    precision: str
    dataset: str
    architecture: Architecture
    history: History
    evaluation: Evaluation | None
    classifier: Classifier
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; the judgement on the test split is `test`."""
        return {
            "dataset": self.dataset,
            "device": self.device.to_dict(),
            "precision": self.precision,
            "network": self.architecture.to_dict(),
            "settings": self.settings.to_dict(),
            "history": self.history.to_dict(),
            "test": self.evaluation.to_dict() if self.evaluation else None,
            "seconds": self.seconds,
        }

    def blocks(self) -> Sequence[Block]:
        """Show the history and the result on the test split."""
        judged: list[Block] = [self.evaluation.headline(), self.evaluation.class_table()] if self.evaluation else []
        return [
            *self.history.blocks(),
            *judged,
            Note(f"trained {self.seconds:.1f} s on {self.device.device} in {self.precision}"),
        ]


def train(
    network: nn.Module,
    dataset: Dataset,
    settings: Settings | None = None,
    *,
    preparation: Preparation | None = None,
    device: str | DeviceChoice | None = None,
    watcher: Watcher | None = None,
) -> Run:
    """Train a network on a dataset.

    The network is trained in place and moved to the device. Choices are made on the validation split; the test split
    is looked at once, by the final judgement. PyTorch's random generator is left as it was.

    Args:
        network: Maps prepared inputs [examples, channels, height, width] to logits [examples, classes].
        dataset: With a train split; validation and test are used if they are there.
        settings: How to train; by default `Settings()`.
        preparation: Of the inputs; by default fitted on the training examples.
        device: "cpu", "cuda" …, or what `choose_device` gave; by default the best there is.
        watcher: Called with the `Architecture` first, then with a `Progress` at most ten times a second and with each
            `Epoch`.

    Raises:
        DeviceError: If the device is not there.
        NonfiniteLossError: If the loss becomes NaN or infinite.
        SettingError: If the network has nothing to train.
        ShapeError: If the network does not give one logit for each class.
        UserCodeError: If the network cannot take the inputs.
    """
    settings = settings or Settings()
    choice = device if isinstance(device, DeviceChoice) else choose_device(device)
    preparation = preparation or Preparation.fit(dataset.train)
    network.to(choice.device)
    architecture = look(network, dataset, preparation, choice.device)
    is_bfloat16 = takes_bfloat16(network, dataset, preparation, settings, choice.device)
    if watcher is not None:
        watcher(architecture)
    shuffling = torch.Generator().manual_seed(settings.seed)
    batches = Batches(
        dataset.train, preparation, batch_size=settings.batch_size, device=choice.device, generator=shuffling
    )
    validation = None
    if len(dataset.splits.get("validation", ())):
        validation = Batches(dataset.validation, preparation, batch_size=VALIDATION_BATCH, device=choice.device)
    loss_function = nn.CrossEntropyLoss(label_smoothing=settings.label_smoothing)
    started = perf_counter()
    with random_state_kept(choice.device, seed=settings.seed):
        history = fit(
            network,
            batches,
            validation,
            loss_function,
            settings,
            device=choice.device,
            is_bfloat16=is_bfloat16,
            watcher=watcher,
        )
    seconds = perf_counter() - started
    classifier = Classifier(network, preparation, dataset.class_names)
    evaluation = evaluate(classifier, dataset) if len(dataset.splits.get("test", ())) else None
    return Run(
        settings=settings,
        device=choice,
        precision="bfloat16" if is_bfloat16 else "float32",
        dataset=dataset.name,
        architecture=architecture,
        history=history,
        evaluation=evaluation,
        classifier=Classifier(
            network,
            preparation,
            dataset.class_names,
            settings=settings.to_dict(),
            metrics=_metrics(history, evaluation),
            dataset={
                "name": dataset.name,
                "fingerprint": dataset.fingerprint,
                "examples": len(dataset.train),
            },
        ),
        seconds=seconds,
    )


def look(network: nn.Module, dataset: Dataset, preparation: Preparation, device: torch.device) -> Architecture:
    """Run two training examples through a network and describe it, before anything is trained.

    Raises:
        PellucidError: If a layer of ours raises it.
        ShapeError: If it does not give one logit for each class.
        UserCodeError: If it raises; the original exception is the cause.
    """
    inputs = preparation(torch.from_numpy(dataset.train.inputs[:2]).to(device))
    try:
        architecture = describe(network, inputs)
        with evaluating(network), random_state_kept(device):
            logits = network(inputs)
    except PellucidError:
        raise
    except Exception as error:
        raise UserCodeError(
            f"{type(network).__name__} cannot take inputs of shape {list(inputs.shape)}: {error}",
            fix=f"make its layers fit inputs of {' x '.join(map(str, dataset.input_shape))}",
        ) from error
    check_logits(logits, len(inputs), len(dataset.class_names))
    return architecture


def takes_bfloat16(
    network: nn.Module, dataset: Dataset, preparation: Preparation, settings: Settings, device: torch.device
) -> bool:
    """Return whether to make products in bfloat16: as asked; left to us, where it is faster and the network can."""
    if settings.precision != "auto":
        return settings.precision == "bfloat16"
    if not has_fast_bfloat16(device):
        return False
    inputs = preparation(torch.from_numpy(dataset.train.inputs[:2]).to(device))
    try:
        with evaluating(network), random_state_kept(device), torch.autocast(device.type, torch.bfloat16):
            logits = network(inputs)
    except Exception:  # noqa: BLE001 a network that mixes types by hand may raise anything
        return False
    return bool(logits.isfinite().all())


def _metrics(history: History, evaluation: Evaluation | None) -> dict[str, Any]:
    metrics: dict[str, Any] = {"best_epoch": history.best_epoch}
    if history.best.validation_accuracy is not None:
        metrics["validation_accuracy"] = history.best.validation_accuracy
    if evaluation is not None:
        metrics["test_accuracy"] = evaluation.accuracy
        metrics["test_interval"] = list(evaluation.interval)
    return metrics
