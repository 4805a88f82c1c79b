"""Where the gradient of a step sends the outputs of its networks, and what the loss is further along that way."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from pellucid.doctor.evidence.flow import Flow, Loss, Operation, Value, maker
from pellucid.doctor.replay import Replay, Surgery, TrialImpossible, copies, seeded


def pushed(flow: Flow, outputs: Sequence[Value]) -> list[Tensor | None]:
    """Return the negative gradient of a step's loss for some of its values; None where it does not reach.

    Raises:
        TrialImpossible: If the step cannot be computed again.
    """
    try:
        with seeded():
            loss, values = Replay(flow).run(copies(flow.weights, at="start"), keep=True)
            tensors = [values.get(value.index) for value in outputs]
            wanted = [tensor for tensor in tensors if tensor is not None and tensor.requires_grad]
            found = torch.autograd.grad(loss.sum(), wanted, allow_unused=True) if wanted else ()
    except TrialImpossible:
        raise
    except Exception as error:
        raise TrialImpossible(f"the step could not be computed again: {type(error).__name__}: {error}") from error
    gradients = {id(tensor): gradient for tensor, gradient in zip(wanted, found, strict=True)}
    pushes = [gradients.get(id(tensor)) for tensor in tensors]
    return [-push.detach() if push is not None else None for push in pushes]


def shifted_losses(flow: Flow, outputs: Value, push: Tensor, distances: Sequence[float]) -> list[float]:
    """Return the loss of a step with some outputs moved along their push, by the distances given.

    Raises:
        TrialImpossible: If the step cannot be computed again.
    """
    last = maker(outputs)
    way = push / push.abs().max().clamp_min(1e-30)
    losses = []
    for distance in distances:

        def replaced(operation: Operation, shift: Tensor = distance * way) -> Callable[..., Any] | None:
            if operation is not last:
                return None

            def moved(*args: Any, **keywords: Any) -> Any:
                result = operation.function(*args, **keywords)
                return result + shift.reshape(result.shape)

            return moved

        try:
            with seeded():
                loss, _ = Replay(flow, Surgery(replace=replaced)).run(copies(flow.weights, at="start"))
        except TrialImpossible:
            raise
        except Exception as error:
            raise TrialImpossible(f"the step could not be computed again: {type(error).__name__}: {error}") from error
        losses.append(float(loss.detach().sum()))
    return losses


def share_away(loss: Loss, push: Tensor | None) -> float | None:
    """Return the share of outputs that a small step drives away from their targets; None if it cannot be told."""
    targets = loss.targets.tensor if loss.targets is not None else None
    outputs = loss.outputs.tensor
    if push is None or targets is None or outputs is None:
        return None
    inner = maker(loss.outputs)
    if loss.kind == "nll_loss" and inner is not None and inner.name == "neg":
        push = -push
    if not targets.dtype.is_floating_point and push.ndim == targets.ndim + 1:
        along = 1 if push.shape[2:] == targets.shape[1:] else -1
        if push.movedim(along, -1).shape[:-1] != targets.shape:
            return None
        is_class = (targets >= 0) & (targets < push.shape[along])
        numbers = targets.long().clamp(0, push.shape[along] - 1).unsqueeze(along)
        towards = push.gather(along, numbers).squeeze(along)[is_class]
    elif push.numel() == targets.numel():
        wanted = targets.reshape(push.shape).to(push.dtype)
        if bool(((wanted == 0) | (wanted.abs() == 1)).all()):
            direction = wanted if bool((wanted < 0).any()) else 2 * wanted - 1
        else:
            direction = wanted - (outputs.softmax(1) if loss.kind == "cross_entropy" else outputs)
        towards = (push * direction).flatten()
    else:
        return None
    moved = towards[towards.abs() > 0]
    return float((moved < 0).double().mean()) if moved.numel() >= 8 and bool(torch.isfinite(moved).all()) else None
