"""The network has outputs that no label ever names.

Why: Such outputs only learn to stay low, and take probability from the others until they do. Most often the number of
classes was copied from another program, or labels are missing from the data.

Fix: Make the last layer as wide as there are classes; if classes are missing from the data, find out why.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.data import Batches
from pellucid.doctor.evidence.flow import EvaluationFlows, TrainingFlows, maker
from pellucid.doctor.evidence.labels import Targets, class_counts, comparisons, is_one_hot, targets_of
from pellucid.doctor.finding import Finding, Mend

SEVERITY = "warning"
FAMILY = "contract"
FOLDS = ("surprising-first-loss", "single-class", "dead-units", "too-few-epochs")


def find(flows: TrainingFlows, evaluations: EvaluationFlows | None, batches: Batches | None) -> Iterator[Finding]:
    """Compare the number of outputs with all labels that are known."""
    for flow in flows.per_loss():
        for loss in flow.losses:
            targets = targets_of(loss, flows.flows, batches)
            if loss.kind not in ("cross_entropy", "nll_loss") or targets is None or len(loss.outputs.shape) != 2:
                continue
            width, last = loss.outputs.shape[1], maker(loss.outputs)
            if targets.is_made_up or not _are_labels(targets) or width < 2:
                continue
            # An output for each word of a vocabulary: texts need not use them all.
            if any(op.name == "embedding" and width in (w.live.shape[0] for w in op.weights) for op in flow.path):
                continue
            classes = targets.classes()
            known = set(classes).union(*(loader.label_counts for loader in (batches.loaders if batches else ())))
            for _, _, labels in comparisons(evaluations.flows if evaluations is not None else ()):
                if not labels.dtype.is_floating_point:
                    known.update(class_counts(labels.tensor))
            unnamed = sorted(set(range(width)) - known)
            count = sum(classes.values())
            # By chance, if all classes were as frequent, none of these would be seen so often:
            if not unnamed or count < 20 or len(known) < 2 or (1 - len(unnamed) / width) ** count > 1e-6:
                continue
            yield Finding(
                where=last.where if last is not None else "the last layer",
                place=loss.operation.place,
                evidence=f"the network has {width} outputs, but the {count} labels seen name only {len(known)} classes "
                f"({min(known)} to {max(known)}): {len(unnamed)} outputs are never asked for",
                fix=f"make the last layer {max(known) + 1} wide instead of {width}"
                if max(known) + 1 < width
                else "labels = torch.unique(labels, return_inverse=True)[1]  # numbers without gaps",
                mend=Mend("resize", last.paths, outputs=max(known) + 1)
                if max(known) + 1 < width and last is not None
                else None,
                confidence=0.93,
            )


def _are_labels(targets: Targets) -> bool:
    """Return whether these are class numbers of examples, not of pixels or words."""
    source = targets.loss.targets
    assert source is not None
    while source.maker is not None and source.maker.main is not None and source.maker.name in ("view", "reshape"):
        source = source.maker.main
    return len(source.shape) == 1 or source.size == source.shape[0] or is_one_hot(targets.given)


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 10))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
