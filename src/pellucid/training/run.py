"""`train`: a network, a dataset and settings make a run."""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.classifier.classifier import Classifier
from pellucid.classifier.evaluating import evaluate
from pellucid.data.augmentation import Augmentation
from pellucid.data.batches import Batches
from pellucid.data.dataset import Dataset
from pellucid.data.preparing import Preparation, fit_preparation
from pellucid.data.showing import shown
from pellucid.data.streaming.batches import StreamBatches
from pellucid.data.targets import learnable
from pellucid.devices import DeviceChoice, choose_device, random_state_kept
from pellucid.doctor.checkup import Checkup
from pellucid.doctor.finding import Finding
from pellucid.doctor.retraining import Retraining
from pellucid.errors import PellucidError
from pellucid.evaluation.judgement import Judgement
from pellucid.rendering.blocks import Block, Note
from pellucid.rendering.result import Result
from pellucid.tracing.architecture import Architecture
from pellucid.training.choosing import Choices, choose, is_channels_last
from pellucid.training.engine import fit
from pellucid.training.history import Epoch, History, Progress
from pellucid.training.lesson import Lesson, examined
from pellucid.training.settings import Settings
from pellucid.training.threads import Threads
from pellucid.training.weights import check_trainable
from pellucid.training.whitening import Components

Watcher = Callable[[Architecture | Checkup | Choices | Progress | Epoch], None]

# Bytes of components that are kept from one pass to the next; more are made anew, which takes a tenth longer.
MOST_KEPT = 2**27
# Examples, and input values, that are judged at once.
VALIDATION_BATCH, VALIDATION_VALUES = 1024, 2**25


@dataclass(frozen=True, eq=False)
class Run(Result):
    """One training: what was asked, what happened, and the classifier that came of it.

    Attributes:
        settings: As asked, with what was left to choose filled in.
        choices: What was chosen, and why.
        device: That it ran on.
        precision: Of the products, "float32", "bfloat16" or "float16".
        dataset: Its name.
        architecture: Of the network.
        checkup: What the doctor says of the network, its loss and its data, before it was trained.
        history: Epoch by epoch.
        evaluation: Of the test split, judged once, at the end; None without one.
        classifier: With the weights of the best epoch.
        seconds: Of training and validation.
    """

    settings: Settings
    choices: Choices
    device: DeviceChoice
    precision: str
    dataset: str
    architecture: Architecture
    checkup: Checkup
    history: History
    evaluation: Judgement | None
    classifier: Classifier
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; the judgement on the test split is `test`."""
        return {
            "dataset": self.dataset,
            "device": self.device.to_dict(),
            "precision": self.precision,
            "network": self.architecture.to_dict(),
            "findings": self.checkup.to_dict()["findings"],
            "settings": self.settings.to_dict(),
            "chosen": self.choices.to_dict(),
            "history": self.history.to_dict(),
            "test": self.evaluation.to_dict() if self.evaluation else None,
            "seconds": self.seconds,
        }

    def blocks(self) -> Sequence[Block]:
        """Show the history and the result on the test split."""
        judged: list[Block] = [*self.evaluation.summary()] if self.evaluation else []
        return [
            *self.checkup.findings_shown(),
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
        network: Maps prepared inputs to raw outputs [examples, outputs]: see `output_for` for how many.
        dataset: With a train split; validation and test are used if they are there.
        settings: How to train; by default `Settings()`.
        preparation: Of the inputs; by default fitted on the training examples.
        device: "cpu", "cuda" …, or what `choose_device` gave; by default the best there is.
        watcher: Called with the `Architecture` first, then with the `Checkup`, the `Choices`, a `Progress` at most
            ten times a second, and each `Epoch`.

    Raises:
        DeviceError: If the device is not there.
        NonfiniteLossError: If the loss becomes NaN or infinite.
        SettingError: If the network has nothing to train, or what is no image shall be augmented.
        ShapeError: If the network does not give one output for each class, label or target.
        UserCodeError: If the network cannot take the inputs.
    """
    settings = settings or Settings()
    Augmentation.parse(settings.augment).check_fits(dataset.input_shape)
    choice = device if isinstance(device, DeviceChoice) else choose_device(device)
    preparation = preparation or fit_preparation(dataset)
    network.to(choice.device)
    lesson = Lesson.of(network, dataset, preparation, settings, choice.device)
    check_trainable(network)
    if watcher is not None:
        watcher(lesson.architecture)
    started = perf_counter()
    checkup = examined(network, lesson, choice.device)
    if watcher is not None:
        watcher(checkup)
    is_processor = choice.device.type == "cpu" and not settings.reference
    with Threads(settings.threads, is_processor=is_processor) as threads:
        choices = choose(
            network,
            lesson.train,
            preparation,
            lesson.architecture,
            lesson.loss,
            settings,
            choice.device,
            lesson.training_examples,
        )
        try:
            if watcher is not None:
                watcher(choices)
            history = _fitted(network, lesson, choices, choice.device, threads, started, watcher)
        finally:
            choices.close()
        seconds = perf_counter() - started
        classifier = Classifier(network, preparation, dataset.class_names, lesson.task, lesson.scale)
        evaluation = evaluate(classifier, dataset) if len(dataset.splits.get("test", ())) else None
    return Run(
        settings=choices.settings,
        choices=choices,
        device=choice,
        precision=choices.precision,
        dataset=dataset.name,
        architecture=lesson.architecture,
        checkup=checkup,
        history=history,
        evaluation=evaluation,
        classifier=Classifier(
            network,
            preparation,
            dataset.class_names,
            lesson.task,
            lesson.scale,
            settings={
                **choices.settings.to_dict(),
                "chosen": choices.to_dict(),
                "findings": [_in_lines(finding) for finding in checkup.findings],
            },
            metrics=_metrics(history, evaluation),
            dataset={
                "name": shown(dataset.name),
                "fingerprint": dataset.fingerprint,
                # A card holds no characters that could rewrite a screen; a path may have some.
                "source": shown(dataset.source),
                "notes": [shown(note) for note in dataset.notes],
                "options": dataset.options.to_dict(),
                "examples": {
                    name: dataset.training_examples if name == "train" else len(split)
                    for name, split in dataset.splits.items()
                },
            },
        ),
        seconds=seconds,
    )


def trained_both(network: nn.Module, dataset: Dataset, checkup: Checkup) -> Retraining:
    """Train a copy of a network and a mended copy for an epoch each; the network is left as it was.

    Args:
        network: That was checked.
        dataset: What it is to learn.
        checkup: Of the network.

    Raises:
        PellucidError: If no cause has a mechanical fix, or the mended network cannot be trained.
    """
    mended = checkup.mend(network)
    fixes = tuple(f.fix.splitlines()[0] for f in checkup.causes if f.mend is not None and f.mend.is_possible)
    settings = Settings(epochs=1)
    try:
        before = train(copy.deepcopy(network), dataset, settings).history.epochs[0].train_loss
    except PellucidError:
        before = None
    after = train(mended, dataset, settings)
    steps = -(-dataset.training_examples // (after.settings.batch_size or 1))
    return Retraining(fixes, steps, before, after.history.epochs[0].train_loss)


def _fitted(
    network: nn.Module,
    lesson: Lesson,
    choices: Choices,
    device: torch.device,
    threads: Threads,
    started: float,
    watcher: Watcher | None,
) -> History:
    """Feed the loop as it was chosen."""
    settings = choices.settings
    preparation = lesson.preparation
    dtype = torch.bfloat16 if choices.arithmetic == "bfloat16" else torch.float32
    prepare: Callable[[Tensor], Tensor] = preparation
    if choices.start is not None:
        prepare = Components(preparation, choices.start.whitening, dtype)
    elif dtype != torch.float32:

        def prepare(raw: Tensor) -> Tensor:
            return preparation(raw).to(dtype)

    # Examples whose components are kept; an image to be mirrored stays one.
    most_kept = 0
    if choices.start is not None and (settings.seconds is not None or (settings.epochs or 0) > 1):
        most_kept = MOST_KEPT // (choices.start.whitening.components * dtype.itemsize)
    augmentation = Augmentation.parse(settings.augment)
    train = lesson.train
    if augmentation.mixup and lesson.task == "multiclass":
        train = learnable(train, lesson.task, classes=lesson.outputs)
    has_channels_last = is_channels_last(network, preparation, settings)
    assert settings.batch_size is not None, "chosen"
    batches: Batches | StreamBatches
    if lesson.stream is not None:
        batches = StreamBatches(
            lesson.stream,
            prepare,
            batch_size=settings.batch_size,
            device=device,
            seed=settings.seed,
            learnable=partial(
                learnable,
                task=lesson.task,
                scale=lesson.scale,
                classes=lesson.outputs if augmentation.mixup else None,
                smoothing=settings.label_smoothing,
            ),
            is_flipping=settings.flip,
            is_channels_last=has_channels_last,
            augmentation=augmentation,
        )
    else:
        batches = Batches(
            train,
            prepare,
            batch_size=settings.batch_size,
            device=device,
            generator=torch.Generator().manual_seed(settings.seed),
            is_prepared_once=len(train) <= most_kept and not settings.flip and not augmentation,
            is_flipping=settings.flip,
            is_channels_last=has_channels_last,
            augmentation=augmentation,
        )
    validation = None
    if lesson.validation is not None:
        validation = Batches(
            lesson.validation,
            prepare,
            batch_size=min(VALIDATION_BATCH, max(1, VALIDATION_VALUES // math.prod(preparation.prepared_shape))),
            device=device,
            is_prepared_once=len(lesson.validation) <= most_kept,
            is_channels_last=has_channels_last,
        )
    with random_state_kept(device, seed=settings.seed):
        return fit(
            network,
            batches,
            validation,
            lesson.loss,
            settings,
            device=device,
            task=lesson.task,
            arithmetic=choices.arithmetic,
            threads=threads,
            spent=perf_counter() - started,
            watcher=watcher,
        )


def _metrics(history: History, evaluation: Judgement | None) -> dict[str, Any]:
    best = history.best
    metrics: dict[str, Any] = {"best_epoch": history.best_epoch, "history": _finite(history.to_dict())}
    if best.validation_accuracy is not None:
        metrics["validation_accuracy"] = best.validation_accuracy
    if best.validation_r2 is not None:
        metrics["validation_r2"] = best.validation_r2
    if evaluation is not None:
        metrics |= {f"test_{name}": value for name, value in evaluation.metrics().items()}
    return metrics


def _in_lines(finding: Finding) -> dict[str, Any]:
    """Return a finding as a card holds it: texts as lists of their lines, since it holds no line ends."""
    facts = finding.to_dict()
    return facts | {key: facts[key].splitlines() for key in ("fix", "evidence", "why")}


def _finite(value: Any) -> Any:
    """Return facts with None for every number that is not finite, which no card holds."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list | tuple) else value
