"""What a loss compares with over the run: class numbers, one-hot rows, or real numbers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pellucid.doctor.evidence.data import Batches, Loader
from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import Facts, Flow, Loss, Operation, TrainingFlows, Value, ancestors
from pellucid.doctor.evidence.kinds import SELECTIONS, VIEWS

_CONSTANTS = frozenset(("zeros", "ones", "full", "zeros_like", "ones_like", "full_like", "new_zeros", "new_ones",
                        "new_full", "arange", "eye", "empty", "empty_like", "new_empty", "linspace"))  # fmt: skip
_LARGE = 200_000


@dataclass(frozen=True, eq=False)
class Targets:
    """The targets of one loss, pooled over the traced steps.

    Attributes:
        loss: In the first step that has it.
        given: What it was given in traced steps, as float64, one tensor [examples, ...]; None if not kept.
        whole: The data that these were picked from: all labels, if the loop does `y[rows]` or a TensorDataset is
            behind its loader; None if unknown.
        counts: How often its loader gave each class number over the run; empty if it does not count these.
        facts: Of the targets of every traced step.
        is_made_up: Whether they are constants made for the loss (`torch.ones` of a GAN, `arange` of a contrastive one).
    """

    loss: Loss
    given: Tensor | None
    whole: Tensor | None
    counts: dict[int, int]
    facts: tuple[Facts, ...]
    is_made_up: bool

    @property
    def numbers(self) -> Tensor | None:
        """All that is known: the whole data, or else what traced steps were given."""
        return self.whole if self.whole is not None else self.given

    @property
    def low(self) -> float:
        """Smallest."""
        return min(facts.low for facts in self.facts)

    @property
    def high(self) -> float:
        """Largest."""
        return max(facts.high for facts in self.facts)

    def classes(self) -> dict[int, int]:
        """Return how often each class number occurs, from all that is known; empty if these are no class numbers."""
        found = class_counts(self.numbers)
        if self.counts:
            return {**dict.fromkeys(found, 0), **self.counts}
        for number, count in class_counts(self.given).items():
            found.setdefault(number, count)
        ignored = self.loss.arguments.get("ignore_index", -100)
        return {number: count for number, count in found.items() if number != ignored}


def class_counts(numbers: Tensor | None) -> dict[int, int]:
    """Return how often each class number occurs: in whole numbers, or in one-hot rows; empty for other numbers."""
    if numbers is None or numbers.numel() == 0:
        return {}
    flat = numbers.argmax(1) if is_one_hot(numbers) else numbers.reshape(-1)
    flat = flat[:_LARGE].double()
    if not bool((flat == flat.round()).all()):
        return {}
    found, counts = torch.unique(flat.long(), return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True)) if len(found) <= 5000 else {}


def are_classes(counts: dict[int, int], most: int = 30) -> bool:
    """Return whether whole numbers look like class numbers: few, close together, each but rare ones many times."""
    if not 2 <= len(counts) <= most or sum(counts.values()) < 4 * len(counts):
        return False
    return max(counts) - min(counts) < 2 * len(counts) and min(counts) >= 0 and min(counts) <= 1


def is_one_hot(numbers: Tensor | None) -> bool:
    """Return whether every row has a single 1 among zeros, and not always at the same place."""
    if numbers is None or numbers.ndim != 2 or numbers.shape[1] < 2 or numbers.shape[0] < 2:
        return False
    rows = numbers[:_LARGE]
    return bool(((rows == 0) | (rows == 1)).all() and (rows.sum(1) == 1).all()) and bool(
        (rows.argmax(1) != rows[0].argmax()).any()
    )


def rows_behind(value: Value) -> Value:
    """Walk back from a batch to the data its rows were picked from; never through a pick of columns."""
    while value.maker is not None and value.maker.main is not None:
        source, name = value.maker.main, value.maker.name
        if not (name in VIEWS or name == "one_hot" or (name in SELECTIONS and source.shape[1:] == value.shape[1:])):
            break
        value = source
    return value


def targets_of(loss: Loss, flows: Sequence[Flow], batches: Batches | None = None) -> Targets | None:
    """Pool the targets of a loss over the steps that have it; None if it compares with nothing."""
    if loss.targets is None:
        return None
    place = loss.operation.place
    same = [
        other.targets
        for flow in flows
        for other in flow.losses
        if other.kind == loss.kind and other.operation.place == place and other.targets is not None
    ]
    values = same if any(value is loss.targets for value in same) else [loss.targets, *same]
    given = [value.tensor.detach() for value in values if value.tensor is not None]
    shapes = {tuple(tensor.shape[1:]) for tensor in given}
    pooled = torch.cat([tensor.double() for tensor in given]) if len(shapes) == 1 and given[0].ndim else None
    # The first step may reach back to data before they were split: a later one begins where the loop does.
    source = rows_behind(values[1] if len(values) > 1 else values[0])
    rows = len(pooled) if pooled is not None else 0
    kept = source.tensor if source.loader is None and source is not loss.targets else None
    counts: dict[int, int] = {}
    if source.loader is not None and batches is not None and source.loader < len(batches.loaders):
        loader = batches.loaders[source.loader]
        seen = set(class_counts(pooled))
        # A loader counts its first integers: real numbers beside them are other targets.
        is_counted = bool(seen) if pooled is not None else not source.dtype.is_floating_point
        if is_counted and len(source.shape) == 1 and seen <= set(loader.label_counts):
            counts = dict(loader.label_counts)
        kept = _behind_loader(loader, source)
    if kept is not None and (kept.ndim == 0 or len(kept) < rows / max(1, len(values))):
        kept = None
    facts = tuple(value.facts for value in values if value.facts is not None)
    whole = kept.detach().double() if kept is not None else None
    return Targets(loss, pooled, whole, counts, facts, is_constant(loss.targets)) if facts else None


def _behind_loader(loader: Loader, value: Value) -> Tensor | None:
    """Return the labels of a TensorDataset, or of a part of one, if there is one tensor that can be meant."""
    dataset: Any = loader.dataset
    rows: Any = slice(None)
    if hasattr(dataset, "indices") and hasattr(dataset, "dataset"):
        rows, dataset = torch.as_tensor(list(dataset.indices)), dataset.dataset
    tensors = getattr(dataset, "tensors", ())
    fitting = [t for t in tensors if t.dtype == value.dtype and tuple(t.shape[1:]) == value.shape[1:]]
    return fitting[0][rows] if len(fitting) == 1 else None


def is_constant(value: Value) -> bool:
    """Return whether a value was made from constants alone: no data, no random numbers, nothing learned."""
    left, seen = [value], set()
    while left:
        made_by = left.pop().maker
        if made_by is None:
            return False
        if made_by.index in seen or made_by.name in _CONSTANTS:
            continue
        if not made_by.inputs:
            return False
        seen.add(made_by.index)
        left.extend(made_by.inputs)
    return True


def is_learned(value: Value) -> bool:
    """Return whether a value was computed by trainable weights."""
    return any(weight.is_trainable for operation in ancestors(value) for weight in operation.weights)


def comparisons(flows: Sequence[Flow]) -> Iterator[tuple[Operation, Value, Value]]:
    """Yield each `predicted == labels` outside of a loss: the operation, the predictions, the labels."""
    for flow in flows:
        for operation in flow.operations:
            if operation.name in ("eq", "ne") and len(operation.inputs) == 2:
                one, other = operation.inputs
                if is_learned(one) != is_learned(other):
                    yield (operation, one, other) if is_learned(one) else (operation, other, one)


@dataclass(frozen=True, eq=False)
class Misfit:
    """Class numbers that the outputs have no place for, and that raised.

    Attributes:
        place: Where.
        width: How many outputs there are.
        classes: How often each class number occurs, as far as they are known.
        bad: Those without a place.
    """

    place: str | None
    width: int
    classes: dict[int, int]
    bad: tuple[int, ...]


def misfit_of(ending: Ending, flows: TrainingFlows | None, batches: Batches | None) -> Misfit | None:
    """Return the class numbers that made a loss, a `one_hot`, a `gather` or `logits[rows, labels]` raise, or None."""
    seen = flows.flows if flows is not None else ()
    operation = ending.operation
    if operation is not None and isinstance(operation.error, IndexError | RuntimeError):
        found = _picked(operation)
        if found is None:
            return None
        outputs, labels, width = found
        loss, place = Loss(operation.name, operation, outputs, labels, "mean"), operation.place
        targets = targets_of(loss, seen, batches)
        classes = targets.classes() if targets is not None else {}
    else:
        match = re.search(r"Target (-?\d+) is out of bounds", str(ending.error)) if ending.error else None
        named = [loss for flow in seen for loss in flow.losses if loss.kind in ("cross_entropy", "nll_loss")]
        if match is None or not named or len(named[0].outputs.shape) < 2:
            return None
        targets = targets_of(named[0], seen, batches)
        width, place = named[0].outputs.shape[1], ending.place
        classes = {int(match.group(1)): 1, **(targets.classes() if targets is not None else {})}
    bad = tuple(number for number in sorted(classes) if not 0 <= number < width)
    return Misfit(place, width, classes, bad) if bad else None


def _picked(operation: Operation) -> tuple[Value, Value, int] | None:
    """Return outputs, labels and the number of outputs of an operation that picks outputs by labels."""
    inputs = [value for value in operation.inputs if value.kind != "weight"]
    if not inputs:
        return None
    first, last = inputs[0], inputs[-1]
    if last.dtype.is_floating_point or last.dtype == torch.bool:
        return None
    if operation.name in ("cross_entropy", "nll_loss", "multi_margin_loss") and len(inputs) > 1:
        return first, inputs[1], first.shape[1 if len(first.shape) > 1 else 0]
    if operation.name == "one_hot":
        width = operation.arguments.get("num_classes", operation.arguments.get("1"))
        return (first, first, width) if isinstance(width, int) and width > 0 else None
    if operation.name == "gather" and len(first.shape) == 2 and is_learned(first):
        return first, last, first.shape[1]
    if operation.name == "index" and len(inputs) == 3 and len(first.shape) == 2 and is_learned(first):
        return first, last, first.shape[1]
    return None
