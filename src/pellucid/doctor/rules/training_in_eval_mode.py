"""The network is trained in evaluation mode: dropout and batch normalisation are switched off.

Why: In evaluation mode dropout drops nothing, and batch normalisation uses its stored statistics and never updates
them. The network trains without what these layers are there for.

Fix: Call network.train() at the start of every epoch: evaluating had switched the mode.
"""

from collections.abc import Iterator

from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from pellucid.doctor.evidence.data import Batches
from pellucid.doctor.evidence.flow import Flow, TrainingFlows
from pellucid.doctor.evidence.kinds import DROPOUTS
from pellucid.doctor.evidence.networks import Network, Networks
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "loop"
FOLDS = ("ineffective-dropout", "stale-statistics", "overfitting", "unchanged-weights")


def find(flows: TrainingFlows, batches: Batches, networks: Networks) -> Iterator[Finding]:
    """Count in which mode a trained network was called at the lines that a backward followed."""
    for network in networks.networks:
        attacks = {call.place for flow in flows.flows if _is_attack(flow) for call in flow.network_calls}
        streams = [s for s in batches.training if s.network == network.name and s.place not in attacks]
        total = sum(sum(stream.training_flags) for stream in streams)
        off = sum(stream.training_flags[1] for stream in streams)
        # One line that trains in both modes lost the mode on the way; a line of its own mode may mean it.
        mixed = [s for s in streams if s.training_flags[0] and s.training_flags[1] > 0.3 * sum(s.training_flags)]
        if not network.is_trained or total < 3 or not (mixed or off > 0.6 * total):
            continue
        layers = _layers(network, flows)
        if layers:
            worst = max(mixed or streams, key=lambda stream: stream.training_flags[1])
            yield Finding(
                where=network.name,
                place=worst.place,
                evidence=f"in {worst.training_flags[1]} of {sum(worst.training_flags)} training calls it was in "
                f"evaluation mode: {', '.join(layers[:3])}{' …' if len(layers) > 3 else ''} did not do their work",
                fix="for epoch in range(epochs):\n    network.train()\n    ...",
                confidence=0.96,
            )


def _layers(network: Network, flows: TrainingFlows) -> list[str]:
    """Return the layers of two modes that the gradient passes; a frozen normalisation may well stay off."""
    found: dict[str, None] = {}
    for flow in flows.flows:
        for operation in flow.gradient_path:
            module = operation.module
            if operation.call is None or operation.call.network is not network.module:
                continue
            is_off = operation.arguments.get("training", True) is not True
            if operation.name in DROPOUTS and operation.arguments.get("p", 0.5):
                if is_off or isinstance(module, _DropoutNd):
                    found[operation.where] = None
            elif operation.name == "batch_norm" and any(v.weight and v.requires_grad for v in operation.inputs):
                if (is_off or isinstance(module, _BatchNorm)) and getattr(module, "track_running_stats", True):
                    found[operation.where] = None
            elif operation.name in ("lstm", "gru", "rnn_tanh", "rnn_relu") and operation.arguments.get("dropout"):
                found[operation.where] = None
    return list(found)


def _is_attack(flow: Flow) -> bool:
    """Return whether the gradient of an input was asked for: an attack or a picture, no training."""
    return any(w.is_trainable and not w.is_registered and not w.is_buffer for w in flow.weights)


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(5):
        for rows in torch.randperm(256).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            print((network(inputs).argmax(1) == labels).float().mean().item())


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(5):
        network.train()
        for rows in torch.randperm(256).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            print((network(inputs).argmax(1) == labels).float().mean().item())
