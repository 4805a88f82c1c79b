"""The network is trained by a distance (MSE, L1) to class numbers or one-hot rows.

Why: A distance to class numbers says that class 2 lies between 1 and 3, which it does not; a distance to one-hot rows
hardly punishes a confident error. Cross-entropy asks for the probability of the right class.

Fix: Give the network one output per class, and train it with nn.CrossEntropyLoss on the class numbers.
"""

from collections.abc import Iterator, Sequence

from pellucid.doctor.evidence.data import Batches
from pellucid.doctor.evidence.flow import EvaluationFlows, Flow, Loss, TrainingFlows, maker, origin, users
from pellucid.doctor.evidence.kinds import ACTIVATIONS, VIEWS
from pellucid.doctor.evidence.labels import are_classes, is_learned, is_one_hot, rows_behind, targets_of
from pellucid.doctor.finding import Finding

SEVERITY = "warning"
FAMILY = "contract"
FOLDS = (
    "collapsed-output", "too-few-epochs", "unsuited-optimizer", "learning-rate-too-low", "learning-rate-too-high",
    "loss-not-decreasing", "cannot-fit-one-batch", "metric-does-not-fit", "imbalanced-labels", "unscaled-targets",
    "surprising-first-loss", "overfitting", "dead-units",
)  # fmt: skip
DISTANCES = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")


def find(flows: TrainingFlows, evaluations: EvaluationFlows | None, batches: Batches | None) -> Iterator[Finding]:
    """Look at what each distance is measured to, and whether the answers are used as classes."""
    beside = [*flows.flows[:2], *(evaluations.flows if evaluations is not None else ())]
    for flow in flows.per_loss():
        for loss in flow.losses:
            if not _is_distance(loss) or loss.targets is None:
                continue
            targets = targets_of(loss, flows.flows, batches)
            source = rows_behind(loss.targets)
            is_input = any(rows_behind(value) is source for call in flow.network_calls for value in call.inputs)
            if targets is None or targets.is_made_up or is_input or is_learned(loss.targets):
                continue
            classes = targets.classes()
            if is_one_hot(targets.given) and loss.outputs.shape == loss.targets.shape:
                if loss.targets.shape[1] < 3 and not _decides(beside):
                    continue
                seen = f"one-hot rows of {loss.targets.shape[1]} classes: a single 1 among zeros in each row"
            elif loss.outputs.size == loss.outputs.shape[0] and are_classes(classes, 20) and _decides(beside):
                seen = f"class numbers ({', '.join(map(str, sorted(classes)))}), and the answers are rounded to classes"
            else:
                continue
            name = loss.kind if loss.kind != "own" else "a distance written by hand"
            width = max(max(classes, default=1) + 1, loss.targets.shape[-1] if len(loss.targets.shape) > 1 else 0)
            yield Finding(
                where="the loss",
                place=loss.operation.place,
                evidence=f"{name} compares the outputs with {seen}",
                fix=f"loss = nn.CrossEntropyLoss()(outputs, labels)  # {width} outputs; labels: class numbers, int64",
                confidence=0.9,
            )


def _is_distance(loss: Loss) -> bool:
    if loss.kind in DISTANCES:
        return True
    if loss.kind != "own" or loss.targets is None:
        return False
    targets = origin(loss.targets)
    return any(
        operation.name in ("sub", "rsub")
        and any(origin(value) is targets for value in operation.inputs)
        and operation.output is not None
        and any(user.name in ("pow", "square", "abs", "mul", "norm") for user in users(operation.output))
        for operation in users(loss.outputs, VIEWS | ACTIVATIONS)
    )


def _decides(flows: Sequence[Flow]) -> bool:
    """Return whether outputs are rounded, compared with a threshold, or the largest is taken."""
    for flow in flows:
        for operation in flow.operations:
            if operation.name in ("round", "argmax") or (
                operation.name in ("gt", "ge", "lt", "le") and len(operation.inputs) == 1
            ):
                before = maker(operation.inputs[0])
                is_error = before is None or before.name in ("abs", "sub", "pow", "square", "div", "norm")
                if not is_error and is_learned(operation.inputs[0]):
                    return True
    return False


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.mse_loss(network(inputs), nn.functional.one_hot(labels, 3).float()).backward()
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
