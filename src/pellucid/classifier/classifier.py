"""`Classifier`: what is saved, served and asked."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.classifier.predictor import (
    BATCH_SIZE,
    BFLOAT16_FROM,
    ITSELF,
    Precision,
    Predictor,
    check_precision,
)
from pellucid.data.preparing import Preparation
from pellucid.data.targets import TargetScale
from pellucid.devices import random_state_kept
from pellucid.errors import ShapeError
from pellucid.networks.modes import device_of, evaluating
from pellucid.tasks import Task


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network with the preparation of its inputs and its class names.

    Attributes:
        network: Maps prepared inputs to raw outputs [examples, outputs]; a plain module.
        preparation: Applied to raw inputs before the network sees them.
        class_names: By class number; of the labels, or of the targets of a regression.
        task: "multiclass" (an output for each class), "binary" (one output for two classes), "multilabel" (an output
            for each label) or "regression" (an output for each target).
        targets: How the targets of a regression were scaled for the network; None of other tasks.
        settings: How it was trained, by name.
        metrics: What was measured of it, by name.
        dataset: Name and fingerprint of what it was trained on.
    """

    network: nn.Module
    preparation: Preparation
    class_names: tuple[str, ...]
    task: Task = "multiclass"
    targets: TargetScale | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    dataset: dict[str, Any] = field(default_factory=dict)
    _predictors: dict[Any, Predictor] = field(default_factory=dict, init=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        # Predictors are made again where they are needed: a session of ONNX Runtime goes into no other process.
        return {**vars(self), "_predictors": {}}

    def predictor(self, *, precision: Precision = "auto", with_onnx: bool = True) -> Predictor:
        """Return what answers fast: numbers for raw inputs, with nothing around them.

        It is made at the first call (some milliseconds) and made again only when the network has changed. What you hold
        answers for the weights it was made with.

        Args:
            precision: "auto", "float32" or "bfloat16"; see `Predictor`.
            with_onnx: Whether ONNX Runtime may answer where it is installed (`pip install pellucid[onnx]`).

        Raises:
            UnknownNameError: If there is no such precision.

        Example:
            >>> from pellucid import Classifier, ImagePreparation, mlp
            >>> preparation = ImagePreparation((1, 28, 28), divisor=255.0, mean=(0.3,), std=(0.4,), border=0.0)
            >>> classifier = Classifier(mlp(784, 32, 2, seed=0), preparation, ("boot", "shirt"))
            >>> predictor = classifier.predictor(precision="float32", with_onnx=False)
            >>> predictor.probabilities(torch.zeros(5, 1, 28, 28, dtype=torch.uint8)).shape
            torch.Size([5, 2])
            >>> predictor.engine
            'PyTorch, float32'
        """
        check_precision(precision)
        if precision == "auto" and self.task != "multiclass":
            # Whether bfloat16 decides alike is seen of the largest of several logits only.
            precision = "float32"
        known = self._predictors.get((precision, with_onnx))
        if known is not None and known.is_current():
            return known
        made = Predictor(
            self.network,
            self.preparation,
            self.outputs,
            self._raw,
            task=self.task,
            finish=self.answered,
            precision=precision,
            with_onnx=with_onnx,
        )
        self._predictors[precision, with_onnx] = made
        return made

    @property
    def outputs(self) -> int:
        """How many outputs the network has."""
        return 1 if self.task == "binary" else len(self.class_names)

    def answers(self, inputs: Tensor, precision: Precision = "auto", *, flip: bool = False) -> tuple[Tensor, str]:
        """Return what `logits` does in the way that is fast for so many inputs, and what computed it, in words.

        Args:
            inputs: Raw [examples, ...], as in the dataset.
            precision: See `Predictor`.
            flip: Whether to answer with the mean of what the network says of each image and of its mirror image.

        Raises:
            ShapeError: If the network gives anything but one logit for each class, or the inputs have another shape; or
                what is no image is to be mirrored.
            UnknownNameError: If there is no such precision.
        """
        check_precision(precision)
        if flip:
            if inputs.ndim != 4:
                raise ShapeError(f"inputs of shape {list(inputs.shape)} are no images", fix="leave flip out")
            (plain, engine), (mirrored, _) = (self.answers(form, precision) for form in (inputs, inputs.flip(3)))
            return (plain + mirrored) / 2, f"{engine}; the mean with the mirror image"
        if len(inputs) < BFLOAT16_FROM:
            # To see that a predictor is still true takes longer than the network does.
            return self.logits(inputs), ITSELF
        predictor = self.predictor(precision=precision, with_onnx=False)
        return predictor.logits(inputs), predictor.engine

    def logits(self, inputs: Tensor) -> Tensor:
        """Return what the plain network answers, layer by layer in its own precision; it is left as it was.

        Args:
            inputs: Raw [examples, ...], as in the dataset.

        Returns:
            Float32 on the CPU: a logit for each class [examples, classes], of a binary task (0, output), whose softmax
            is the sigmoid of the output; a logit for each label [examples, labels]; or for a regression the answers in
            the units of the labels [examples, targets].

        Raises:
            ShapeError: If the network gives anything but one output for each class, label or target.
        """
        return self.answered(self._raw(inputs))

    def answered(self, outputs: Tensor) -> Tensor:
        """Return what `logits` gives for raw outputs of the network [examples, outputs]."""
        if self.task == "binary":
            return torch.cat([torch.zeros_like(outputs), outputs], dim=1)
        return outputs if self.targets is None else self.targets.restore(outputs)

    def _raw(self, inputs: Tensor) -> Tensor:
        """Return the raw outputs of the plain network: float32 [examples, outputs], on the CPU."""
        device = device_of(self.network)
        answers = []
        with evaluating(self.network), random_state_kept(device):
            for part in torch.split(inputs, BATCH_SIZE):
                logits = self.network(self.preparation(part.to(device)))
                check_logits(logits, len(part), self.outputs)
                answers.append(logits.float().cpu())
        return torch.cat(answers) if answers else torch.zeros(0, self.outputs)


def check_logits(logits: object, examples: int, outputs: int) -> None:
    """Check that a network gave so many outputs: one for each class, label or target, or one for two classes.

    Raises:
        ShapeError: If it did not.
    """
    shape = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if shape != [examples, outputs]:
        raise ShapeError(
            f"the network gives {shape} for {examples} examples, not [{examples}, {outputs}]",
            fix=f"let its forward return one tensor [examples, {outputs}]: make the last layer {outputs} wide",
        )
