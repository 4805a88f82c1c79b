"""Batch normalisation over one or two examples.

Why: With two values per feature, the normalised ones are always +1 and -1, whatever they were: all that is left is
which is larger. The running statistics are as noisy, so the network behaves otherwise in eval mode.

Fix: Use batches of 16 or more, drop a last batch of one (drop_last=True), or take LayerNorm or GroupNorm instead.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import Operation, TrainingFlows
from pellucid.doctor.finding import Finding

SEVERITY = "warning"
FAMILY = "data"
FOLDS = (
    "stale-statistics", "overfitting", "oscillating-loss", "loss-not-decreasing", "learning-rate-too-high",
    "learning-rate-too-low", "unsuited-optimizer", "collapsed-output", "too-few-epochs", "dead-units",
    "odd-optimizer-settings", "cannot-fit-one-batch", "unscaled-accumulation", "inputs-ignored",
)  # fmt: skip


def find(flows: TrainingFlows | None, ending: Ending) -> Iterator[Finding]:
    """Count the values that each feature is normalised over, in the traced steps and where the run broke off."""
    places = {call.place for flow in (flows.flows if flows else ()) for call in flow.network_calls}
    raised, message = ending.operation, str(ending.error or "")
    is_single = raised is not None and raised.grad_enabled and _count(raised) == 1 and raised.error is not None
    # In a step that was not traced only PyTorch's own words tell, and the line that also trains.
    if is_single or ("more than 1 value per channel" in message and raised is None and ending.place in places):
        yield Finding(
            where=raised.where if raised is not None else "the batch normalisation",
            place=ending.place,
            evidence=f"a batch of a single example came after {ending.steps} steps; normalising it raised: {message}",
            fix="DataLoader(dataset, batch_size=..., shuffle=True, drop_last=True)  # the last batch held one example",
            confidence=0.95,
            severity="error",
        )
        return
    if flows is None:
        return
    norms = [(op, count) for flow in flows.flows for op in flow.gradient_path if (count := _count(op)) is not None]
    # A few numbers over a small image are no better; an image of many pixels has its own statistics.
    tiny = [(op, count) for op, count in norms if op.main is not None and op.main.shape[0] <= 2 and count <= 32]
    if not tiny or 2 * len(tiny) < len(norms):
        return
    operation, count = tiny[0]
    assert operation.main is not None
    yield Finding(
        where=operation.where,
        place=operation.place,
        evidence=f"{operation.where} normalises each feature over {count} values of {operation.main.shape[0]} "
        f"example{'s' if operation.main.shape[0] > 1 else ''}, in {len(tiny)} of the {len(norms)} calls looked at",
        fix="batch_size=32  # or nn.LayerNorm / nn.GroupNorm in place of batch normalisation",
        confidence=0.95,
    )


def _count(operation: Operation) -> int | None:
    """Return how many values a batch normalisation in training mode takes for each feature; None for another layer."""
    value = operation.main
    if operation.name != "batch_norm" or value is None or len(value.shape) < 2:
        return None
    return value.size // max(1, value.shape[1]) if operation.arguments.get("training") is True else None


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(128, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
    for _ in range(4):
        for rows in torch.randperm(128).split(2):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(512, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(8):
        for rows in torch.randperm(512).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
