"""How differently the units and outputs of a network answer different inputs."""

import torch
from torch import Tensor

from pellucid.doctor.evidence.flow import Flow, Loss, Operation, maker
from pellucid.doctor.evidence.kinds import POOLS
from pellucid.doctor.progress import BINARY_LOSSES, CLASS_LOSSES
from pellucid.doctor.trial import Trials

# The slope of a sigmoid or tanh is at most 1 (after scaling); below this share of it a unit counts as flat.
FLAT = 0.05


def is_constant(outputs: Tensor) -> bool:
    """Return whether the answers differ by less than a hundredth in probability."""
    logits = outputs.float().movedim(1, -1).flatten(0, -2) if outputs.ndim > 1 else outputs.float()[:, None]
    shares = logits.softmax(-1) if logits.shape[-1] > 1 else logits.sigmoid()
    return bool(shares.std(0).max() < 0.01)


def commonest_answer(loss: Loss, outputs: Tensor, targets: Tensor) -> tuple[str, float, float, int] | None:
    """Return the commonest answer, its share, the largest share of one target, and how many there are."""
    if loss.kind in CLASS_LOSSES and outputs.ndim >= 2 and not targets.is_floating_point():
        answers = outputs.movedim(1, -1).flatten(0, -2).argmax(-1)
        targets = targets.flatten()
        if len(answers) != len(targets):
            return None
        kept = targets >= 0
        answers, targets = answers[kept], targets[kept].long()
    elif loss.kind in BINARY_LOSSES and outputs.numel() == outputs.shape[0] == targets.numel():
        answers = (outputs.flatten() > (0.5 if loss.kind == "binary_cross_entropy" else 0.0)).long()
        targets = (targets.flatten() > 0.5).long()
    elif outputs.shape == targets.shape and outputs.ndim >= 1 and loss.kind not in CLASS_LOSSES | BINARY_LOSSES:
        spread = float(outputs.float().std(0).mean()) / max(float(targets.float().std(0).mean()), 1e-9)
        return f"{float(outputs.float().mean()):.3g}", float(spread < 0.02), 0.0, len(outputs)
    else:
        return None
    if not len(answers):
        return None
    counts = answers.bincount()
    common = float(targets.bincount().max()) / len(targets)
    return f"class {int(counts.argmax())}", float(counts.max()) / len(answers), common, len(answers)


def flat_units(name: str, tensor: Tensor) -> Tensor:
    """Return for each unit whether it is flat for over 90 % of the examples."""
    tensor = tensor.float()
    slope = 1 - tensor**2 if name == "tanh" else 4 * tensor * (1 - tensor)
    # Units stand along dimension 1 of rows and images, and along the last one of sequences.
    unit = 1 if tensor.ndim in (2, 4) else tensor.ndim - 1
    return (slope.movedim(unit, 0).flatten(1) < FLAT).float().mean(1) > 0.9


def answering(flow: Flow) -> set[int]:
    """Return the operations that give a network's output or go into a loss: confident answers may be extreme."""
    ends = [value for call in flow.network_calls for value in call.outputs]
    ends += [loss.outputs for loss in flow.losses]
    return {made_by.index for value in ends if (made_by := maker(value)) is not None}


def bottleneck(flow: Flow, trials: Trials) -> tuple[Operation | None, str]:
    """Return the first operation that leaves next to nothing of an example, and how much."""
    again = trials.values(flow, at="start")
    for operation in flow.path:
        before, after = operation.main, operation.output
        if before is None or after is None or len(before.shape) < 2 or len(after.shape) < 2:
            continue
        kept, had = after.size / max(1, after.shape[0]), before.size / max(1, before.shape[0])
        if after.shape[0] != before.shape[0] or not flow.losses or after.index >= flow.losses[-1].outputs.index:
            continue
        tensors: list[Tensor | None] = [again.of(before), again.of(after)]
        was = tensors[0] if tensors[0] is not None else before.tensor
        now = tensors[1] if tensors[1] is not None else after.tensor
        is_cut = kept <= 2 and had >= 8 and (operation.name in POOLS or not operation.weights)
        if is_cut or (was is not None and now is not None and _distinct(was) > 2 * max(1, _distinct(now)) > 2):
            left = f" and {_distinct(now)} different ones of {len(now)} examples" if now is not None else ""
            return operation, f"; {operation.where} leaves {kept:.0f} of {had:.0f} numbers per example{left}"
    return None, ""


def _distinct(tensor: Tensor) -> int:
    return len(torch.unique(tensor.detach().flatten(1).float(), dim=0))
