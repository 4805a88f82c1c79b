"""`Predictor`: a classifier made ready to answer fast, with the answers of the plain network."""

import math
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from pellucid.classifier.agreement import Agreement, agrees
from pellucid.classifier.onnx_runtime import OnnxRuntime
from pellucid.classifier.products import Bfloat16, Float32, has_packed_products
from pellucid.classifier.stacks import Layer, take_snapshot
from pellucid.data.preparing import Preparation
from pellucid.data.preparing_images import ImagePreparation
from pellucid.devices import has_fast_bfloat16
from pellucid.errors import SettingError, UnknownNameError, did_you_mean
from pellucid.tasks import Task

Answer = Callable[[Tensor], Tensor]
Precision = Literal["auto", "float32", "bfloat16"]
# Inputs that are answered at once; bounds the memory that an answer takes.
BATCH_SIZE = 1024
# From so many examples on bfloat16 is faster than float32, and up to so many ONNX Runtime is asked.
BFLOAT16_FROM = 32
ONNX_UP_TO = 16
# Examples made up to see that the folded network gives the answers of the plain one.
TRIED = 64
ITSELF = "PyTorch, the network itself"


class Predictor:
    """A classifier made ready to answer fast; made by `Classifier.predictor`.

    A network of Linear layers and activations on the CPU is copied, with the preparation folded into the first layer,
    and answers as it was when the predictor was made; make another one after changing weights. Any other network is
    asked itself, layer by layer.

    Attributes:
        agreement: What was seen of bfloat16 beside float32; None where only float32 is used.
        int8_agreement: What was seen of int8 beside float32; None where it is not used.

    Args:
        network: Of the classifier.
        preparation: Of its inputs.
        classes: How many.
        plain: The plain network with the preparation before it.
        task: What the network answers.
        finish: Makes of raw outputs what `Classifier.logits` gives.
        precision: "auto": bfloat16 for many examples where the processor has it and its answers agree, examples near a
            tie decided in float32; "float32"; or "bfloat16" without a look at the answers.
        with_onnx: Whether ONNX Runtime is used for a few examples, where it is installed, agrees and is faster. With
            the precision "auto" a single example is answered in int8, under the same conditions as in bfloat16.
    """

    def __init__(
        self,
        network: nn.Module,
        preparation: Preparation,
        classes: int,
        plain: Callable[[Tensor], Tensor],
        *,
        task: Task = "multiclass",
        finish: Callable[[Tensor], Tensor] = lambda outputs: outputs,
        precision: Precision = "auto",
        with_onnx: bool = False,
    ) -> None:
        check_precision(precision)
        self._preparation = preparation
        self._classes = classes
        self._plain = plain
        self._task = task
        self._finish = finish
        # Only the preparation of images is one product and one sum, and so can stand in the first layer.
        self._snapshot = None
        if isinstance(preparation, ImagePreparation):
            self._snapshot = take_snapshot(network, math.prod(preparation.shape), classes)
        self._float32: Float32 | None = None
        self._bfloat16: Bfloat16 | None = None
        self._onnx: OnnxRuntime | None = None
        self._int8: OnnxRuntime | None = None
        self.agreement: Agreement | None = None
        self.int8_agreement: Agreement | None = None
        if self._snapshot is None or not isinstance(preparation, ImagePreparation):
            return
        float32 = Float32(self._snapshot.layers, preparation)
        tried = _made_up(preparation)
        flat = tried.flatten(start_dim=1)
        if not agrees(float32(flat), plain(tried)):
            return
        self._float32 = float32
        is_fast = has_fast_bfloat16(torch.device("cpu"))
        if has_packed_products() and (precision == "bfloat16" or (precision == "auto" and is_fast)):
            self._bfloat16 = Bfloat16(self._snapshot.layers, preparation)
            self.agreement = Agreement() if precision == "auto" else None
        if with_onnx:
            self._onnx = _faster_onnx(float32, flat)
            if precision == "auto" and classes > 1:
                self._int8 = _faster_int8(float32.layers, self._onnx or float32, flat)
                self.int8_agreement = Agreement("int8") if self._int8 is not None else None

    @property
    def engine(self) -> str:
        """What computes the answers, in words."""
        if self._float32 is None:
            return ITSELF
        words = ["PyTorch, float32"]
        if self._bfloat16 is not None and not (self.agreement and self.agreement.is_refused):
            words.append(f"bfloat16 from {BFLOAT16_FROM} examples on")
        if self._onnx is not None:
            words.append(f"ONNX Runtime {self._onnx.version} up to {ONNX_UP_TO}")
        if self._int8 is not None and not (self.int8_agreement and self.int8_agreement.is_refused):
            words.append(f"ONNX Runtime {self._int8.version} in int8 for one")
        return "; ".join(words)

    def __str__(self) -> str:
        agreements = (self.agreement, self.int8_agreement)
        return "\n".join([self.engine, *(str(seen) for seen in agreements if seen is not None and seen.compared)])

    def is_current(self) -> bool:
        """Return whether the network is a stack of Linear layers that is still as it was when this was made."""
        return self._snapshot is not None and self._snapshot.is_true()

    def logits(self, inputs: Tensor) -> Tensor:
        """Return the logits of raw inputs.

        Args:
            inputs: Raw [examples, channels, height, width], as in the dataset.

        Returns:
            Float32 [examples, classes], on the CPU.

        Raises:
            ShapeError: If the inputs have another shape than the training inputs.
        """
        return self._finish(self._outputs(inputs))

    def _outputs(self, inputs: Tensor) -> Tensor:
        if self._float32 is None:
            return self._plain(inputs)
        self._preparation.check_shape(inputs)
        raw = inputs.detach().cpu().flatten(start_dim=1)
        if len(raw) <= BATCH_SIZE:
            return self._answers(raw, self._float32)
        return torch.cat([self._answers(part, self._float32) for part in torch.split(raw, BATCH_SIZE)])

    def probabilities(self, inputs: Tensor) -> Tensor:
        """Return the probability of each class, or of each label: float32 [examples, classes].

        Raises:
            SettingError: If the classifier answers with numbers.
        """
        self._check_has_classes()
        logits = self.logits(inputs)
        return logits.sigmoid() if self._task == "multilabel" else logits.softmax(dim=1)

    def classes(self, inputs: Tensor) -> Tensor:
        """Return the most probable class of each input: int64 [examples]; of several labels bool [examples, labels].

        Raises:
            SettingError: If the classifier answers with numbers.
        """
        self._check_has_classes()
        logits = self.logits(inputs)
        return logits > 0 if self._task == "multilabel" else logits.argmax(dim=1)

    def _check_has_classes(self) -> None:
        if self._task == "regression":
            raise SettingError("a regression has no classes and no probabilities", fix="ask for its logits")

    def _answers(self, raw: Tensor, float32: Float32) -> Tensor:
        if len(raw) == 1 and self._int8 is not None and self.int8_agreement is not None:
            return self._one_in_int8(raw, self._onnx or float32, self._int8, self.int8_agreement)
        if self._onnx is not None and len(raw) <= ONNX_UP_TO:
            return self._onnx(raw)
        if self._bfloat16 is None or len(raw) < BFLOAT16_FROM:
            return float32(raw)
        if self.agreement is None:
            return self._bfloat16(raw)
        if self.agreement.is_refused:
            return float32(raw)
        return self._agreed(raw, float32, self._bfloat16, self.agreement)

    def _agreed(self, raw: Tensor, float32: Float32, bfloat16: Bfloat16, agreement: Agreement) -> Tensor:
        """Answer in bfloat16 what it can decide; the first examples, and near ties, in float32."""
        logits = bfloat16(raw)
        seen = raw[: agreement.left]
        if len(seen):
            exact = float32(seen)
            agreement.compare(logits[: len(seen)], exact)
            if agreement.is_refused:
                return float32(raw)
            logits[: len(seen)] = exact
        undecided = agreement.undecided(logits)
        if len(undecided):
            logits[undecided] = float32(raw[undecided])
        return logits

    @staticmethod
    def _one_in_int8(raw: Tensor, exact: Answer, int8: OnnxRuntime, agreement: Agreement) -> Tensor:
        """Answer one example in int8 if that can decide it; one of the first, or a near tie, in float32."""
        if agreement.is_refused:
            return exact(raw)
        logits = int8(raw)
        if agreement.left:
            expected = exact(raw)
            agreement.compare(logits, expected)
            return expected
        return exact(raw) if agreement.is_undecided(logits) else logits


def check_precision(name: str) -> None:
    """Check that there is such a precision.

    Raises:
        UnknownNameError: If there is none.
    """
    if name not in get_args(Precision):
        raise UnknownNameError(f"there is no precision {name!r}", fix=did_you_mean(name, get_args(Precision)))


def _made_up(preparation: ImagePreparation) -> Tensor:
    """Return raw inputs spread as the training inputs were; no generator but its own is touched."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(TRIED, *preparation.shape, generator=generator)
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (preparation.mean, preparation.std))
    raw = (drawn * std + mean) * preparation.divisor
    return raw.clamp(0, preparation.divisor).to(torch.uint8) if preparation.divisor != 1.0 else raw


def _faster_onnx(float32: Float32, tried: Tensor) -> OnnxRuntime | None:
    """Return ONNX Runtime if it is installed, knows the layers, agrees, and answers one example sooner."""
    try:
        onnx = OnnxRuntime(float32.layers)
    except (ImportError, LookupError):
        return None
    is_faster = _seconds(onnx, tried[:1]) < _seconds(float32, tried[:1])
    return onnx if is_faster and agrees(onnx(tried), float32(tried)) else None


def _faster_int8(layers: Sequence[Layer], exact: Answer, tried: Tensor) -> OnnxRuntime | None:
    """Return ONNX Runtime in int8 if it is installed, knows the layers, and answers one example sooner."""
    try:
        int8 = OnnxRuntime(layers, is_int8=True)
    except (ImportError, LookupError):
        return None
    return int8 if _seconds(int8, tried[:1]) < _seconds(exact, tried[:1]) else None


def _seconds(answer: Answer, raw: Tensor) -> float:
    """Return the shortest of a few runs: what else the machine does can only lengthen them."""
    fastest = math.inf
    for _ in range(10):
        started = perf_counter()
        answer(raw)
        fastest = min(fastest, perf_counter() - started)
    return fastest
