"""Training batches come sorted by class, or in the same order in each epoch.

Why: A batch of one class pulls the whole network towards that class, the next one pulls it away again: it forgets
instead of learning, and normalisation and the loss see a world that does not exist.

Fix: DataLoader(..., shuffle=True), or for rows in torch.randperm(len(inputs)).split(batch_size).
"""

from collections.abc import Iterator, Sequence

import torch

from pellucid.doctor.evidence.data import Batches, Loader
from pellucid.doctor.evidence.flow import Flow, TrainingFlows, Value, ancestors, whole
from pellucid.doctor.finding import Finding

SEVERITY = "warning"
FAMILY = "data"
FOLDS = (
    "oscillating-loss", "collapsed-output", "loss-not-decreasing", "learning-rate-too-high", "learning-rate-too-low",
    "unsuited-optimizer", "too-few-epochs", "overfitting", "stale-statistics", "single-class", "imbalanced-labels",
    "odd-optimizer-settings", "unchanged-weights", "cannot-fit-one-batch",
)  # fmt: skip


def find(flows: TrainingFlows, batches: Batches | None) -> Iterator[Finding]:
    """Compare the mixture of classes within batches with that of all labels; then the order of two epochs."""
    trained = {number for flow in flows.flows for number in _loaders(flow)}
    for number in sorted(trained) if batches is not None else ():
        assert batches is not None
        loader = batches.loaders[number]
        size = loader.batch_size or 0
        pieces = [loader.labels[start : start + size] for start in range(0, len(loader.labels), size)] if size else []
        mixture = _mixture(pieces, loader.labels) if loader.shuffles is not True else None
        if mixture is not None:
            yield _sorted(mixture, pieces, loader.place, "DataLoader(dataset, batch_size=..., shuffle=True)")
            return
        if _repeats(loader):
            yield Finding(
                where="the training batches",
                place=loader.place,
                severity="note",
                evidence=f"the training batches came in the same order in all {loader.epochs} epochs",
                fix="DataLoader(dataset, batch_size=..., shuffle=True)",
                confidence=0.8,
            )
    if trained:
        return
    pieces, everything = [], ()
    for flow in flows.flows:
        for loss in flow.losses[:1]:
            source = whole(loss.targets) if loss.targets is not None else None
            labels = _labels(loss.targets)
            if labels and flow.backward_place == flows.first.backward_place:
                pieces.append(labels)
                everything = _labels(source) if source is not loss.targets else everything
    distinct = {label for piece in pieces for label in piece}
    if (everything and len(everything) > len(pieces[0])) or len(distinct) >= 3:
        mixture = _mixture(pieces, everything or [label for piece in pieces for label in piece])
        if mixture is not None:
            fix = "for rows in torch.randperm(len(inputs)).split(batch_size):\n    ..."
            yield _sorted(mixture, pieces, flows.first.backward_place, fix)


def _sorted(mixture: tuple[float, float], pieces: Sequence[Sequence[int]], place: str | None, fix: str) -> Finding:
    classes = [len(set(piece)) for piece in pieces]
    return Finding(
        where="the training batches",
        place=place,
        evidence=f"a training batch of {len(pieces[0])} holds {sum(classes) / len(classes):.1f} classes on average; two of its "
        f"examples differ in class in {mixture[0]:.0%} of cases, two of all examples in {mixture[1]:.0%}: sorted by class",
        fix=fix,
        confidence=0.9,
    )


def _mixture(pieces: Sequence[Sequence[int]], labels: Sequence[int]) -> tuple[float, float] | None:
    """Return how often two labels of a batch differ, and two of all; None if the batches are as mixed as by chance."""
    pieces = [piece for piece in pieces if len(piece) >= 4]
    if len(pieces) < 4 or len(labels) < 2:
        return None
    whole_data, inner = _differ(labels), [_differ(piece) for piece in pieces]
    mean = sum(inner) / len(inner)
    return (mean, whole_data) if whole_data > 0.25 and mean < 0.5 * whole_data else None


def _differ(labels: Sequence[int]) -> float:
    counts = torch.unique(torch.tensor(labels), return_counts=True)[1].double()
    size = float(counts.sum())
    return 1 - float((counts * (counts - 1)).sum()) / (size * (size - 1))


def _loaders(flow: Flow) -> set[int]:
    values = [value for call in flow.network_calls for value in call.inputs]
    values += [value for call in values for op in ancestors(call) for value in op.inputs]
    return {value.loader for value in values if value.loader is not None}


def _repeats(loader: Loader) -> bool:
    orders = [tuple(order) for order in loader.epoch_hashes if len(order) == 4]
    return loader.epochs >= 3 and len(orders) >= 3 and len(set(orders)) == 1 and len(set(orders[0])) == 4


def _labels(value: Value | None) -> list[int]:
    """Return class numbers, also those of 0/1 columns and one-hot rows; empty for anything else."""
    found = value.tensor if value is not None else None
    if found is None or found.ndim == 0 or found.is_complex():
        return []
    if (
        found.ndim == 2
        and found.shape[1] > 1
        and bool((found.sum(1) == 1).all())
        and bool(((found == 0) | (found == 1)).all())
    ):
        found = found.argmax(1)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 1 or (found.is_floating_point() and not bool(((found == 0) | (found == 1)).all())):
        return []
    return [int(number) for number in found.tolist()]


def sick() -> None:
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    inputs = torch.randn(384, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    order = labels.argsort()
    loader = DataLoader(TensorDataset(inputs[order], labels[order]), batch_size=32)
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(8):
        for batch, classes in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(batch), classes).backward()
            optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    inputs = torch.randn(384, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    order = labels.argsort()
    loader = DataLoader(TensorDataset(inputs[order], labels[order]), batch_size=32, shuffle=True)
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(8):
        for batch, classes in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(batch), classes).backward()
            optimizer.step()
