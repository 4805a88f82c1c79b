"""The training loss goes on falling while the loss on held-out examples rises.

Why: From there on the network learns its training examples by heart, with their noise. Each further step makes its
answers to new examples worse.

Fix: Stop at the best validation loss and keep those weights, or take a smaller network, dropout, weight decay, or more
data.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import EvaluationFlows, TrainingFlows
from pellucid.doctor.finding import Finding
from pellucid.doctor.held_out import answers, mean_cost
from pellucid.doctor.progress import remaining, supervised

SEVERITY = "warning"
FAMILY = "dynamics"
FOLDS = ()


def find(flows: TrainingFlows, evaluations: EvaluationFlows, dynamics: Dynamics) -> Iterator[Finding]:
    """Compare the cost of held-out answers during the run with that of the final weights."""
    loss = supervised(flows.first)
    left = remaining(dynamics, flows.first)
    if loss is None or left is None or left > 0.5 or dynamics.count < 50:
        return
    trained = dynamics.mean_loss(0.9, 1)
    for place, by_step in answers(evaluations, loss).items():
        last = by_step[max(by_step)]
        end = mean_cost(last, lambda weight: weight.live)
        start = mean_cost(last, lambda weight: weight.initial)
        seen = {step: cost for step, group in by_step.items() if (cost := mean_cost(group)) is not None}
        if end is None or not seen:
            continue
        if start is not None:
            seen[0] = start
        step, best = min(seen.items(), key=lambda entry: entry[1])
        share = min(step / max(1, dynamics.count), 0.95)
        then = dynamics.mean_loss(share, share + 0.05)
        gained = max(0.0, (start if start is not None else end) - best)
        if not (end > 1.2 * best and end - best > 0.15 * gained and trained < 0.6 * min(then, end)):
            continue
        yield Finding(
            where="the validation loss",
            place=place,
            evidence=f"held-out examples cost {best:.3g} after {step} steps and {end:.3g} with the final weights (step "
            f"{dynamics.count}), while the training loss fell from {then:.3g} to {trained:.3g}",
            fix="if val_loss < best: best, best_state = val_loss, copy.deepcopy(network.state_dict())\n"
            "# after the last epoch: network.load_state_dict(best_state)",
            confidence=0.9,
        )
        return


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(160, 8)
    targets = inputs[:, :1] + torch.randn(160, 1)
    network = nn.Sequential(nn.Linear(8, 128), nn.ReLU(), nn.Linear(128, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.mse_loss(network(inputs[:60]), targets[:60]).backward()
        optimizer.step()
        with torch.no_grad():
            nn.functional.mse_loss(network(inputs[60:]), targets[60:]).item()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(460, 8)
    targets = inputs[:, :1] + 0.3 * torch.randn(460, 1)
    network = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.mse_loss(network(inputs[:360]), targets[:360]).backward()
        optimizer.step()
        with torch.no_grad():
            nn.functional.mse_loss(network(inputs[360:]), targets[360:]).item()
