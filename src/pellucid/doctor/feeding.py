"""What is kept of the data while a run lasts: single examples by their hash, a sample, and a loader's order."""

from collections import Counter
from typing import Any

import torch
from torch import Tensor

EXAMPLES = 4096
SAMPLE = 2048
SAMPLE_BYTES = 16 << 20
LABELS = 20_000


def row_hashes(tensor: Tensor, limit: int) -> list[int]:
    """Return the hash of each row, up to a limit."""
    rows = tensor.detach()[:limit]
    if rows.dtype == torch.bfloat16:
        rows = rows.float()
    numbers = rows.cpu().contiguous().reshape(len(rows), -1).numpy()
    return [hash(row.tobytes()) for row in numbers]


class FeedRecord:
    """Of one network at one line, with gradients on or off."""

    def __init__(self, network: str, place: str | None, step: int) -> None:
        self.network = network
        self.place = place
        self.step = step
        self.looked = 0
        self.sides: dict[bool, dict[str, Any]] = {}

    def look(self, tensors: list[Tensor], *, training: bool, grad: bool, step: int) -> dict[str, Any]:
        """Return what is to be kept of one call."""
        seen: dict[str, Any] = {
            "training": training, "grad": grad, "step": step, "size": 0, "hashes": [], "sample": None
        }  # fmt: skip
        inputs = next((tensor for tensor in tensors if tensor.ndim >= 1), None)
        if inputs is None or inputs.is_sparse or torch._C._functorch.is_functorch_wrapped_tensor(inputs):  # noqa: SLF001
            return seen
        seen["size"] = inputs.shape[0]
        if self.looked < 2 * EXAMPLES and inputs.numel() and inputs.numel() * inputs.element_size() <= 8 * SAMPLE_BYTES:
            seen["hashes"] = row_hashes(inputs, EXAMPLES)
            self.looked += len(seen["hashes"])
            row = max(1, inputs[0].numel() * inputs.element_size())
            seen["sample"] = inputs.detach()[: min(SAMPLE, SAMPLE_BYTES // row)].clone()
        return seen

    def commit(self, seen: dict[str, Any], *, is_training: bool) -> None:
        """Count a call on its side."""
        side = self.sides.setdefault(
            is_training,
            {
                "calls": 0,
                "sizes": [],
                "hashes": [],
                "steps": [],
                "sample": [],
                "rows": 0,
                "flags": [0, 0],
                "grads": [0, 0],
            },
        )
        side["calls"] += 1
        side["flags"][0 if seen["training"] else 1] += 1
        side["grads"][0 if seen["grad"] else 1] += 1
        if len(side["sizes"]) < 200:
            side["sizes"].append(seen["size"])
        if len(side["hashes"]) < EXAMPLES:
            side["hashes"].extend(seen["hashes"][: EXAMPLES - len(side["hashes"])])
            side["steps"].extend([seen["step"]] * (len(side["hashes"]) - len(side["steps"])))
        sample = seen["sample"]
        if sample is not None and side["rows"] < SAMPLE:
            kept = sum(piece.numel() * piece.element_size() for piece in side["sample"])
            if kept + sample.numel() * sample.element_size() <= SAMPLE_BYTES:
                side["sample"].append(sample[: SAMPLE - side["rows"]])
                side["rows"] += len(side["sample"][-1])


Key = tuple[int, str | None, bool]


class Feeds:
    """What all networks were given; a call waits until it is known whether a backward follows it.

    Attributes:
        records: By the network's identity, the line, and whether gradients were recorded.
        per_step: How many calls of each kind a traced backward came from, by the line of the backward.
    """

    def __init__(self) -> None:
        self.records: dict[Key, FeedRecord] = {}
        self.per_step: dict[str | None, Counter[Key]] = {}
        self._pending: list[tuple[Key, dict[str, Any]]] = []

    def take(self, key: Key, network: str, tensors: list[Tensor], *, training: bool, step: int) -> None:
        """A network is called."""
        record = self.records.get(key)
        if record is None:
            record = self.records[key] = FeedRecord(network, key[1], step)
        self._pending.append((key, record.look(tensors, training=training, grad=key[2], step=step)))
        if len(self._pending) > 64:
            late_key, seen = self._pending.pop(0)
            self.records[late_key].commit(seen, is_training=False)

    def settle(self, place: str | None = None, *, after_backward: bool) -> None:
        """Decide for each waiting call whether it led to the backward at a line; some wait for another backward."""
        left = Counter(self.per_step.get(place, ()))
        others = set().union(*self.per_step.values()) if after_backward else set()
        is_last = True
        waiting: list[tuple[Key, dict[str, Any]]] = []
        for key, seen in reversed(self._pending):
            is_training = False
            if after_backward and key[2]:
                if left[key] > 0:
                    left[key] -= 1
                    is_training = True
                elif is_last and place not in self.per_step:
                    is_training = True
                elif key in others and len(waiting) < 16:
                    waiting.append((key, seen))
                    continue
                is_last = False
            self.records[key].commit(seen, is_training=is_training)
        self._pending = waiting[::-1]


class LoaderRecord:
    """Of one DataLoader."""

    def __init__(self, loader: Any, number: int, place: str | None) -> None:
        self.loader = loader
        self.number = number
        self.place = place
        self.epochs = 0
        self.batches = 0
        self.labels: list[int] = []
        self.label_counts: Counter[int] = Counter()
        self.epoch_hashes: list[list[int]] = []
        self.example_hashes: list[int] = []

    def start(self) -> None:
        """A new epoch begins."""
        self.epochs += 1
        if len(self.epoch_hashes) < 50:
            self.epoch_hashes.append([])

    def take(self, tensors: list[Tensor], *, counts_labels: bool) -> None:
        """Keep what a batch tells."""
        self.batches += 1
        if self.epochs <= len(self.epoch_hashes) and len(self.epoch_hashes[-1]) < 4:
            self.epoch_hashes[-1].append(
                hash(tuple(h for tensor in tensors[:3] if tensor.ndim for h in row_hashes(tensor, 64)))
            )
        if self.epochs == 1 and len(self.example_hashes) < EXAMPLES:
            inputs = next((tensor for tensor in tensors if tensor.is_floating_point() and tensor.ndim > 1), None)
            if inputs is not None:
                self.example_hashes.extend(row_hashes(inputs, EXAMPLES - len(self.example_hashes)))
        if not counts_labels:
            return
        labels = next((tensor for tensor in tensors if tensor.ndim == 1 and not tensor.is_floating_point()), None)
        if labels is not None:
            numbers = labels.tolist()
            self.label_counts.update(numbers)
            if self.epochs == 1 and len(self.labels) < LABELS:
                self.labels.extend(numbers)
