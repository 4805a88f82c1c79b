"""The learning rate of a parameter group is zero for a large part of the run.

Why: A step moves each weight by the learning rate times a direction. Zero times anything is zero: the loop runs, time
passes, and nothing is learned.

Fix: Give the group a learning rate above zero, or mend the schedule that takes it there.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.loop import Loop, OptimizerFacts, Optimizers, Step
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "optimizer"
FOLDS = ("unchanged-weights", "loss-not-decreasing", "learning-rate-too-low", "unsuited-optimizer", "too-few-epochs",
         "collapsed-output", "frozen-parameters", "cannot-fit-one-batch", "surprising-first-loss")  # fmt: skip
SHARE = 0.25  # warm-ups begin at zero and good schedules end there: only a long stretch at the end is a fault


def find(dynamics: Dynamics, optimizers: Optimizers, loop: Loop, ending: Ending) -> Iterator[Finding]:
    """Look for the step after which a group's learning rate is zero for good."""
    for number, facts in enumerate(optimizers.optimizers):
        steps = [step for step in dynamics.steps if step.optimizer == number]
        schedulers = [entry for entry in loop.schedulers if entry.optimizer == number]
        if len(steps) < 3 or (ending.kind != "finished" and schedulers):
            continue
        for group, names in enumerate(_names(facts)):
            if not names or facts.groups[group].get("lr") is None:
                continue
            rates = [step.learning_rates[group] for step in steps if group < len(step.learning_rates)]
            last = max((place for place, rate in enumerate(rates) if rate > 1e-7 * max(rates)), default=-1)
            still = steps[last + 1 :]
            if len(still) < 3 or steps[-1].index - still[0].index < SHARE * steps[-1].index or _moves(still, names):
                continue
            which = f"group {group}" if len(facts.groups) > 1 else "the optimizer"
            schedule = f", set by {schedulers[-1].kind}" if schedulers and last >= 0 else ""
            since = f"from step {still[0].index} of {dynamics.count} on" if last >= 0 else "in every step"
            yield Finding(
                where=which,
                place=schedulers[-1].place if schedule else facts.place,
                evidence=f"the learning rate of {which} ({len(names)} parameters) is {rates[-1]:.3g} {since}{schedule}",
                fix=f"let {schedulers[-1].kind} end above zero; print(scheduler.get_last_lr()) in each epoch"
                if schedule
                else f"torch.optim.{facts.kind}(network.parameters(), lr={'0.1' if facts.kind == 'SGD' else '0.001'})",
                confidence=0.97,
            )


def _names(facts: OptimizerFacts) -> list[tuple[str, ...]]:
    """Return the names of each group's parameters that ask for gradients."""
    names = iter(facts.names)
    groups = [[(next(names, ""), p) for p in group["params"]] for group in facts.optimizer.param_groups]
    return [tuple(name for name, p in group if p.requires_grad) for group in groups[: len(facts.groups)]]


def _moves(steps: list[Step], names: tuple[str, ...]) -> bool:
    """Return whether a group moves all the same: its optimizer does not use `lr`."""
    return any(step.updates is not None and any(step.updates.get(name, 0.0) > 0 for name in names) for step in steps)


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.0)
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
