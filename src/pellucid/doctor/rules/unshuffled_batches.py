"""Training batches come sorted by class, or in the same order in each epoch.

Why: A batch of one class pulls the whole network towards that class, the next one pulls it away again: it forgets
instead of learning, and normalisation and the loss see a world that does not exist.

Fix: DataLoader(..., shuffle=True), or for rows in torch.randperm(len(inputs)).split(batch_size).
"""

from collections.abc import Iterator, Sequence

import torch

from pellucid.doctor.evidence.data import Batches, Loader
from pellucid.doctor.evidence.flow import Flow, TrainingFlows, ancestors, whole
from pellucid.doctor.finding import Finding

SEVERITY = "warning"
FAMILY = "data"
FOLDS = (
    "oscillating-loss", "collapsed-output", "loss-not-decreasing", "learning-rate-too-high", "learning-rate-too-low",
    "unsuited-optimizer", "too-few-epochs", "overfitting", "stale-statistics", "single-class", "imbalanced-labels",
    "odd-optimizer-settings", "unchanged-weights", "cannot-fit-one-batch", "dead-units",
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
    if not trained:
        yield from _sliced([f for f in flows.flows if f.backward_place == flows.first.backward_place])


def _sliced(flows: Sequence[Flow]) -> Iterator[Finding]:
    """Judge batches that the loop itself cut, by how much their class numbers vary: few keep their labels."""
    targets = [loss.targets for flow in flows for loss in flow.losses[:1] if loss.targets is not None]
    targets = [value for value in targets if value.size == value.shape[0] >= 4 and value.facts is not None]
    if len(targets) < 4:
        return
    source = whole(targets[0])
    numbers = source.tensor if source is not targets[0] and source.size > targets[0].size else None
    is_whole = numbers is not None and bool(((numbers == 0) | (numbers == 1)).all() or not numbers.is_floating_point())
    facts = [value.facts for value in targets if value.facts is not None]
    means = torch.tensor([entry.mean for entry in facts])
    inner = sum(entry.std**2 for entry in facts) / len(facts)
    if not is_whole and (targets[0].dtype.is_floating_point or len(means.unique()) < 3):
        return
    total = source.facts.std**2 if is_whole and source.facts is not None else inner + float(means.var())
    if total > 0.1 and inner < 0.3 * total:
        yield Finding(
            where="the training batches",
            place=flows[0].backward_place,
            evidence=f"in {len(facts)} training batches of {targets[0].size} the class numbers vary by "
            f"{inner**0.5:.2g}, over all labels by {total**0.5:.2g}: the batches come sorted by class",
            fix="for rows in torch.randperm(len(inputs)).split(batch_size):\n    ...",
            confidence=0.9,
        )


def _sorted(mixture: tuple[float, float], pieces: Sequence[Sequence[int]], place: str | None, fix: str) -> Finding:
    classes = [len(set(piece)) for piece in pieces]
    return Finding(
        where="the training batches",
        place=place,
        evidence=f"a training batch of {len(pieces[0])} holds {sum(classes) / len(classes):.1f} classes on average: "
        f"two of its examples differ in class in {mixture[0]:.0%} of cases, two of all examples in {mixture[1]:.0%}",
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
