"""What the answers to evaluation inputs cost: as they were, with the first weights, and with the last."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from pellucid.doctor.evidence.flow import EvaluationFlows, Flow, Loss, Value, Weight, ancestors, origin
from pellucid.doctor.evidence.kinds import COMPARISONS, VIEWS
from pellucid.doctor.progress import BINARY_LOSSES, CLASS_LOSSES, DISTANCES
from pellucid.doctor.replay import Replay, seeded

MOST = 6


@dataclass(frozen=True, eq=False)
class Answer:
    """Outputs of an evaluation and what they should have been.

    Attributes:
        place: Where the answers are compared or asked for: one for each held-out set.
        kind: Of the loss that judges them.
        outputs: Of the network.
        targets: The right answers.
        flow: The evaluation.
    """

    place: str | None
    kind: str
    outputs: Value
    targets: Value
    flow: Flow

    def cost(self, weights: Callable[[Weight], Tensor | None] | None = None) -> float | None:
        """Return the mean loss, as it was or with other weights; None if it cannot be computed."""
        outputs, targets = self.outputs.tensor, self.targets.tensor
        if weights is not None:
            outputs = self._answered(weights)
        if outputs is None or targets is None:
            return None
        try:
            judged = getattr(torch.nn.functional, self.kind)(outputs.detach(), targets.detach())
        except Exception:  # noqa: BLE001 shapes that do not fit: not comparable
            return None
        return float(judged)

    def _answered(self, weights: Callable[[Weight], Tensor | None]) -> Tensor | None:
        path = ancestors(self.outputs)
        used = {value.weight for operation in path for value in operation.inputs if value.weight is not None}
        given = {id(weight): tensor.detach().clone() for weight in used if (tensor := weights(weight)) is not None}
        if len(given) < len(used):
            return None
        try:
            with seeded(), torch.no_grad():
                answered, _ = Replay(dataclasses.replace(self.flow, loss=self.outputs, path=path)).run(given)
        except Exception:  # noqa: BLE001 it cannot be computed again
            return None
        return answered


def answers(evaluations: EvaluationFlows, training: Loss) -> dict[str | None, dict[int, list[Answer]]]:
    """Return the judged answers of each evaluation, by place and by optimizer steps done before."""
    found: dict[str | None, dict[int, list[Answer]]] = {}
    for flow in evaluations.flows:
        for answer in (*_by_loss(flow), *_by_comparison(flow, training)):
            found.setdefault(answer.place, {}).setdefault(flow.step, []).append(answer)
    return found


def mean_cost(group: list[Answer], weights: Callable[[Weight], Tensor | None] | None = None) -> float | None:
    """Return the mean cost of the first few answers of one evaluation."""
    costs = [answer.cost(weights) for answer in group[:MOST]]
    known = [cost for cost in costs if cost is not None]
    return fmean(known) if known and len(known) == len(costs) else None


def _by_loss(flow: Flow) -> Iterator[Answer]:
    for loss in flow.losses:
        if loss.kind in CLASS_LOSSES | BINARY_LOSSES | DISTANCES and loss.targets is not None:
            yield Answer(loss.operation.place, loss.kind, loss.outputs, loss.targets, flow)


def _by_comparison(flow: Flow, training: Loss) -> Iterator[Answer]:
    """Judge answers that are only counted right or wrong by the loss of the training."""
    if training.kind not in CLASS_LOSSES | {"binary_cross_entropy_with_logits"}:
        return
    judged = {id(loss.outputs) for loss in flow.losses}
    for operation in flow.operations:
        if operation.name not in COMPARISONS or len(operation.inputs) < 2:
            continue
        for chosen, targets in (operation.inputs[:2], operation.inputs[1::-1]):
            made_by = origin(chosen, VIEWS | {"index", "max_index"}).maker
            if targets.kind == "weight" or made_by is None or made_by.name not in ("argmax", "max", "gt", "round"):
                continue
            outputs = made_by.main
            if outputs is None or not outputs.shape or id(outputs) in judged:
                continue
            if outputs.shape[0] == targets.shape[:1][0] if targets.shape else False:
                yield Answer(
                    made_by.call.place if made_by.call else operation.place, training.kind, outputs, targets, flow
                )
                break
