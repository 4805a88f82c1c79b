"""Layers get no gradient though nothing was ever learned in them, or are frozen while their statistics move on.

Why: A frozen layer keeps its weights. That is meant for layers trained before; one that still has its random initial
weights stays random. A frozen batch normalisation in training mode still replaces its running statistics.

Fix: Let the layer learn (requires_grad_(True), no detach or no_grad before the loss), or freeze it wholly with eval().
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import Operation, TrainingFlows
from pellucid.doctor.evidence.kinds import AFFINE, RECURRENT
from pellucid.doctor.evidence.loop import Optimizers
from pellucid.doctor.finding import Finding, Mend
from pellucid.doctor.origins import is_as_drawn, is_between, is_still

SEVERITY = "warning"
FAMILY = "optimizer"
FOLDS = ("unchanged-weights", "learning-rate-too-low", "unsuited-optimizer", "too-few-epochs", "cannot-fit-one-batch",
         "loss-not-decreasing", "vanishing-gradients", "stale-statistics", "unused-parameters",
         "collapsed-output")  # fmt: skip
REASONS = {
    "random": (
        "are frozen at the random numbers that they were initialised with",
        "for parameter in network.parameters():\n    parameter.requires_grad_(True)\n"
        "# then make the optimizer, from all of network.parameters()",
    ),
    "cut": (
        "are held by the optimizer, but a detach, a no_grad or the like keeps every gradient from them",
        "take the detach() or no_grad() between these layers and the loss away",
    ),
    "moving": (
        "belong to frozen normalisations whose running mean and variance moved with every batch",
        "network.train()\nbackbone.eval()  # the frozen part, in each epoch",
    ),
}


def find(flows: TrainingFlows, optimizers: Optimizers | None) -> Iterator[Finding]:
    """Look at the weights on the way to the loss that no gradient reaches, and at how they came to their values."""
    if not all(flow.is_complete for flow in flows.flows):
        return
    learning = {w: None for flow in flows.flows for w in flow.weights if w.is_trainable and not w.is_buffer}
    held = optimizers.ids() if optimizers is not None else frozenset()
    found: dict[str, dict[str, Operation]] = {reason: {} for reason in REASONS}
    for flow in flows.per_loss():
        # A network in which nothing learns is a fixed measure of its input, which may itself be what is optimised.
        own = {weight for weight in learning if weight.is_registered}
        roots = {id(op.call.network) for op in flow.gradient_path if op.call and any(w in own for w in op.weights)}
        for operation in flow.path:
            if operation.call is None or id(operation.call.network) not in roots:
                continue
            # Behind a layer that learns the statistics have to follow.
            is_fixed = operation.main is not None and not operation.main.requires_grad
            moved = is_fixed and not all(is_still(weight) for weight in operation.weights if weight.is_buffer)
            for value in operation.inputs:
                weight = value.weight
                if weight is None or weight in learning or weight.is_buffer or not is_still(weight):
                    continue
                if value.requires_grad:
                    if id(weight.live) in held:
                        found["cut"][weight.name] = operation
                elif operation.name in AFFINE | RECURRENT | {"embedding"}:
                    if is_as_drawn(flows.first, weight) and is_between(operation, learning):
                        found["random"][weight.name] = operation
                elif moved and operation.arguments.get("training") is True:
                    found["moving"][weight.name] = operation
    for reason, operations in found.items():
        if operations:
            names = list(operations)
            yield Finding(
                where=", ".join(names[:3]) + (" …" if len(names) > 3 else ""),
                place=operations[names[0]].place,
                evidence=f"{len(names)} parameters take part in the loss and never moved: they {REASONS[reason][0]}",
                fix=REASONS[reason][1],
                mend=Mend("unfreeze", tuple(dict.fromkeys(name.rpartition(".")[0] for name in names)))
                if reason == "random"
                else None,
                confidence=0.85,
            )
            return


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    network[0].requires_grad_(False)
    optimizer = torch.optim.Adam(network[2].parameters(), lr=0.01)
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
