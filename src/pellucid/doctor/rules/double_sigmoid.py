"""The outputs pass through two sigmoids: one in the network, one in the loss or before it.

Why: A sigmoid of a sigmoid lies between 0.5 and 0.73: the network can never say no, and hardly yes. The loss stays far
above 0, and what is learned is learned slowly.

Fix: Keep one: return the raw output to BCEWithLogitsLoss, and apply the sigmoid only where a probability is wanted.
"""

import math
from collections.abc import Iterator

from pellucid.doctor.evidence.exclusion import all_targets, is_multilabel
from pellucid.doctor.evidence.flow import Flow, Operation, TrainingFlows, maker
from pellucid.doctor.evidence.ranges import output_range
from pellucid.doctor.finding import Finding, Mend

SEVERITY = "error"
FAMILY = "contract"
FOLDS = (
    "learning-rate-too-low", "learning-rate-too-high", "unsuited-optimizer", "too-few-epochs", "cannot-fit-one-batch",
    "output-cannot-reach-targets", "saturated-units", "repeated-activation", "loss-not-decreasing", "collapsed-output",
    "surprising-first-loss", "squashed-logits", "softmax-in-hidden-layer", "excessive-weight-decay", "deep-sigmoid",
    "metric-does-not-fit",
)  # fmt: skip
LOSSES = ("binary_cross_entropy_with_logits", "multilabel_soft_margin_loss")


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Look for a sigmoid before a loss that has one, and for a sigmoid directly on a sigmoid behind the last layer."""
    for flow in flows.per_loss():
        for loss in flow.losses:
            bounds = output_range(loss.outputs)
            if loss.kind not in LOSSES or bounds is None or bounds.low < 0 or bounds.high > 1.5:
                continue
            last = bounds.operation
            if last.name == "softmax":
                targets = all_targets(flows, loss)
                if last.output is None or 1 in last.output.shape[1:] or targets is None or is_multilabel(targets, 1):
                    continue  # softmax-over-one-unit, softmax-for-multilabel
            elif last.name not in ("sigmoid", "hardsigmoid"):
                continue
            wanted = loss.targets.facts if loss.targets is not None else None
            share = min(max(wanted.mean, 0.0), 1.0) if wanted is not None else 0.5
            least = share * math.log1p(math.exp(-bounds.high)) + (1 - share) * math.log1p(math.exp(bounds.low))
            yield _finding(last, f"{last.where} gives numbers from 0 to 1 to {loss.kind}, which has its own "
                           f"sigmoid: it sees probabilities from 0.5 to 0.73 and "
                           f"cannot go below {least:.2g}")  # fmt: skip
        for operation in _behind_the_last_layer(flow):
            inner = maker(operation.main) if operation.main is not None else None
            if operation.name == "sigmoid" and inner is not None and inner.name == "sigmoid":
                facts = operation.output.facts if operation.output is not None else None
                seen = f" (seen: {facts.low:.3g} to {facts.high:.3g})" if facts else ""
                yield _finding(inner, f"sigmoid is applied to the output of a sigmoid ({operation.place}): the result "
                               f"can only lie between 0.5 and 0.73{seen}")  # fmt: skip


def _finding(last: Operation, evidence: str) -> Finding:
    fix = f"remove {last.where}: return the output of the layer before it"
    return Finding(
        where=last.where, place=last.place, evidence=evidence, fix=fix, mend=Mend("remove", last.paths), confidence=0.98
    )


def _behind_the_last_layer(flow: Flow) -> Iterator[Operation]:
    learned = [op.index for op in flow.gradient_path if any(weight.is_trainable for weight in op.weights)]
    return (operation for operation in flow.gradient_path if learned and operation.index > learned[-1])


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, :1] + inputs[:, 1:2] > 0).float()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, :1] + inputs[:, 1:2] > 0).float()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(inputs), labels).backward()
        optimizer.step()
