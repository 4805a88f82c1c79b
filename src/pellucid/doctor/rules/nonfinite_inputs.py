"""NaN or infinity stands in the inputs or targets that the network is given.

Why: One such number makes the output, the loss and then every weight NaN. It usually comes from missing values in a
table, or from dividing a constant feature by its standard deviation of 0.

Fix: Fill or drop missing values before training, and never divide by less than a small number.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from pellucid.doctor.evidence.data import Batches
from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import EvaluationFlows, Flow, TrainingFlows, Value, ancestors
from pellucid.doctor.finding import Finding
from pellucid.doctor.replay import input_values

SEVERITY = "error"
FAMILY = "data"
FOLDS = (
    "nonfinite-values", "unstable-logarithm", "learning-rate-too-high", "learning-rate-too-low", "unsuited-optimizer",
    "unscaled-inputs", "shrunken-inputs", "surprising-first-loss", "constant-input", "different-preparation",
    "odd-optimizer-settings", "unscaled-targets", "too-few-epochs", "dead-at-start", "badly-scaled-weights",
)  # fmt: skip


def find(
    flows: TrainingFlows, evaluations: EvaluationFlows | None, dynamics: Dynamics | None, batches: Batches | None
) -> Iterator[Finding]:
    """Follow numbers that are not finite from the data to the output: a mask, or a gap left out, does no harm."""
    for flow in (*flows.flows, *(evaluations.flows if evaluations is not None else ())):
        found = next(_fed(flow), None)
        if found is not None:
            yield _finding(*found)
            return
    if dynamics is None or dynamics.first_nonfinite is None or batches is None:
        return
    # The loss broke in a step that was not traced: was it given such a number?
    for stream in batches.training:
        if stream.sample is not None and stream.sample.is_floating_point() and torch.isnan(stream.sample).any():
            yield _finding("the inputs", stream.place, stream.sample, None)
            return
    for loader in batches.loaders:
        for number, tensor in enumerate(getattr(loader.dataset, "tensors", ())):
            if isinstance(tensor, Tensor) and tensor.is_floating_point() and not torch.isfinite(tensor).all():
                yield _finding("the targets" if number else "the inputs", loader.place, tensor, None)
                return


Found = tuple[str, str | None, Tensor | None, float]


def _fed(flow: Flow) -> Iterator[Found]:
    """Yield what came in, not what the networks made, that is not finite and made an output or the loss so."""
    if any(v.weight is not None and _share(v) for op in flow.operations for v in op.inputs):
        return  # The weights are broken already: the outputs prove nothing.
    for call in flow.network_calls:
        for value in call.inputs if any(_share(value) for value in call.outputs) else ():
            if _share(value) and not _is_learned(value):
                yield "the inputs", call.place, value.tensor, _share(value)
    if flow.loss is None or not _share(flow.loss):
        return
    for value in () if flow.network_calls else input_values(flow):
        if _share(value):
            yield "the inputs", flow.backward_place, value.tensor, _share(value)
    for loss in flow.losses:
        if loss.targets is not None and _share(loss.targets) and not _is_learned(loss.targets):
            yield "the targets", loss.operation.place, loss.targets.tensor, _share(loss.targets)


def _share(value: Value) -> float:
    return value.facts.nonfinite if value.facts is not None and value.dtype.is_floating_point else 0.0


def _is_learned(value: Value) -> bool:
    return value.requires_grad or any(weight.is_trainable for op in ancestors(value) for weight in op.weights)


def _finding(where: str, place: str | None, tensor: Tensor | None, share: float | None) -> Finding:
    fix = "x = torch.nan_to_num(x, nan=0.0)  # or drop the examples: keep = torch.isfinite(x).flatten(1).all(1)"
    text = f"{share:.2%} of their numbers are NaN or infinite" if share is not None else "some are NaN or infinite"
    if tensor is not None and tensor.ndim:
        bad = ~torch.isfinite(tensor.reshape(len(tensor), -1))
        text = f"{int(bad.sum())} of {bad.numel()} numbers of {len(bad)} examples are NaN or infinite"
        columns = bad.any(0).nonzero().flatten().tolist()
        if where == "the inputs" and bad.shape[1] > 1:
            shown = ", ".join(map(str, columns[:8])) + (" …" if len(columns) > 8 else "")
            text += f", in {len(columns)} of {bad.shape[1]} features ({shown})"
            if len(bad) > 3 and len(columns) < bad.shape[1] and float(bad[:, columns].float().mean()) > 0.5:
                fix = "std = train_inputs.std(0).clamp(min=1e-6)  # a feature that never changes has a std of 0"
    text += "; so are the outputs or the loss from there on"
    return Finding(where=where, place=place, evidence=text, fix=fix, confidence=0.97)


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    inputs[::20, 3] = float("nan")
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
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
    inputs[::20, 3] = float("nan")
    inputs = torch.nan_to_num(inputs)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
