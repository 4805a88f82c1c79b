"""A layer has a bias that the normalisation after it takes away again.

Why: Batch and instance normalisation subtract the mean of each channel, and with it any bias. It costs memory and
time, gets no gradient, and has no effect; the normalisation has a bias of its own.

Fix: Make the layer with bias=False.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import Operation, TrainingFlows, Value, users
from pellucid.doctor.evidence.kinds import AFFINE, VIEWS
from pellucid.doctor.finding import Finding

SEVERITY = "note"
FAMILY = "architecture"
FOLDS = ()


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Look for biased layers whose every user normalises each channel."""
    found: dict[str, tuple[Operation, Operation, Value]] = {}
    for flow in flows.per_loss():
        for operation in flow.gradient_path:
            bias = _bias(operation)
            if bias is None or operation.output is None:
                continue
            takers = list(users(operation.output, VIEWS - {"transpose", "permute", "movedim"}))
            if takers and all(_subtracts_mean(user) for user in takers):
                found.setdefault(operation.where, (operation, takers[0], bias))
    if not found:
        return
    layers = list(found.values())
    first, norm, bias = layers[0]
    weight = next((value for value in first.inputs if value.weight is not None and len(value.shape) > 1), None)
    sizes = ""
    if bias.gradient is not None and weight is not None and weight.gradient is not None:
        sizes = f"; its gradient is {bias.gradient.std:.1g}, that of the weight {weight.gradient.std:.1g}"
    others = f" (and {len(layers) - 1} more)" if len(layers) > 1 else ""
    yield Finding(
        where=", ".join(found),
        place=first.place,
        evidence=f"the bias of {first.where} goes into {norm.where}, which subtracts the mean of each channel"
        f"{others}{sizes}",
        fix="bias=False in " + ", ".join(found),
        confidence=0.95,
    )


def _bias(operation: Operation) -> Value | None:
    """Return the trainable bias of a layer."""
    weights = [value for value in operation.inputs if value.weight is not None and value.weight.is_trainable]
    is_layer = operation.name in AFFINE and any(len(value.shape) > 1 for value in weights)
    return next((value for value in weights if len(value.shape) == 1), None) if is_layer else None


def _subtracts_mean(user: Operation) -> bool:
    if user.name == "instance_norm":
        return user.arguments.get("use_input_stats", True) is not False
    return user.name == "batch_norm" and user.arguments.get("training") is True


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
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
    network = nn.Sequential(nn.Linear(8, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
