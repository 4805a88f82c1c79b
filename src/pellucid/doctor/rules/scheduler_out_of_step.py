"""The learning-rate schedule is out of step: per batch instead of per epoch, before the optimizer, or never stepped.

Why: A schedule counts calls of scheduler.step(). Called for every batch, one that was made for epochs takes the
learning rate down at once; never called, or once per epoch where it counts batches, it stays at its beginning.

Fix: Call scheduler.step() after optimizer.step(), as often as the schedule counts: most of them once per epoch.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.data import Batches
from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.loop import Loop, Optimizers, Scheduler
from pellucid.doctor.finding import Finding
from pellucid.doctor.trial import Change, Comparison, Trials

SEVERITY = "warning"
FAMILY = "loop"
FOLDS = ("learning-rate-too-low", "too-few-epochs", "unsuited-optimizer", "unchanged-weights", "zero-learning-rate",
         "loss-not-decreasing", "cannot-fit-one-batch", "oscillating-loss", "collapsed-output")  # fmt: skip


def find(
    dynamics: Dynamics, optimizers: Optimizers, loop: Loop, ending: Ending, batches: Batches | None, trials: Trials
) -> Iterator[Finding]:
    """Compare how often each schedule was stepped with the steps, and with what it was made for."""
    inner = {id(part) for entry in loop.schedulers for part in getattr(entry.scheduler, "_schedulers", ())}
    for number, entry in enumerate(loop.schedulers):
        facts = None if entry.optimizer is None else optimizers.optimizers[entry.optimizer]
        if facts is None or facts.steps < 10 or ending.kind != "finished" or id(entry.scheduler) in inner:
            continue
        length = _length(entry)
        epochs = max((loader.epochs for loader in batches.loaders), default=0) if batches is not None else 0
        per_batch = entry.steps >= 0.9 * facts.steps
        seen, fix = None, "for epoch in range(epochs):\n    ...  # all batches\n    scheduler.step()"
        if not entry.steps:
            if not type(entry.scheduler).__module__.startswith("torch."):
                continue  # its step may not be the one that is watched
            seen = f"{entry.kind} was never stepped in {facts.steps} optimizer steps"
        elif length and not per_batch and entry.steps < 0.2 * facts.steps and 0.8 < length / facts.steps < 1.25:
            seen = f"{entry.kind} was made for {length} steps, as many as there were batches, but stepped {entry.steps}"
            fix = "optimizer.step()\nscheduler.step()  # after every batch"
        elif length and per_batch and epochs > 1 and length == epochs and entry.steps >= 3 * length:
            seen = f"{entry.kind} was made for {length} steps, as many as epochs, and stepped {entry.steps} times"
        elif _is_early(loop, number, entry):
            seen = f"{entry.kind} was stepped before {facts.kind} each time: the first learning rate was never used"
            fix = "optimizer.step()\nscheduler.step()"
        elif per_batch and len(optimizers.optimizers) == 1:
            seen = _collapse(entry, dynamics, trials)
        if seen is not None:
            yield Finding(where=entry.kind, place=entry.place, evidence=seen, fix=fix, confidence=0.9)


def _length(entry: Scheduler) -> int:
    """Return how many steps a schedule was made for; 0 if it does not say."""
    names = {
        "OneCycleLR": "total_steps",
        "CosineAnnealingLR": "T_max",
        "LinearLR": "total_iters",
        "PolynomialLR": "total_iters",
    }
    return int(getattr(entry.scheduler, names.get(entry.kind, ""), 0) or 0)


def _is_early(loop: Loop, number: int, entry: Scheduler) -> bool:
    """Return whether each step of the schedule comes before one of its optimizer, from the first on."""
    mine = [event for event in loop.events if event.order >= 0 and (
        (event.kind == "scheduler" and event.detail.get("scheduler") == number)
        or (event.kind == "step" and event.detail.get("optimizer") == entry.optimizer))]  # fmt: skip
    kinds = [event.kind for event in mine]
    return kinds[:2] == ["scheduler", "step"] and kinds.count("scheduler") >= 2 and kinds[-1] == "step"


def _collapse(entry: Scheduler, dynamics: Dynamics, trials: Trials) -> str | None:
    """Return the evidence that the learning rate is gone when most of the run is still to come."""
    rates = [(step.index, max(step.learning_rates)) for step in dynamics.steps if step.learning_rates]
    highest = max(rate for _, rate in rates)
    gone = max((index for index, rate in rates if rate > 0.02 * highest), default=0)
    if gone > 0.4 * dynamics.count or dynamics.mean_loss(0.8, 1) < 0.03 * abs(dynamics.losses[0]):
        return None
    now = trials.run(Change(learning_rate=rates[-1][1]), steps=60, at="end")
    back = trials.run(Change(learning_rate=highest), steps=60, at="end")
    comparison = Comparison(f"the first, {highest:g}", now, back)
    if min(len(now), len(back)) < 60 or not comparison.improves(0.75):
        return None
    return (
        f"{entry.kind} was stepped {entry.steps} times in {dynamics.count} optimizer steps, and the learning rate fell "
        f"from {highest:g} below a fiftieth of it at step {gone + 1}; going on from the end, {comparison.text()}"
    )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.2, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.3)
    for _ in range(8):
        for rows in torch.randperm(256).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
            scheduler.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.2, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.3)
    for _ in range(8):
        for rows in torch.randperm(256).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
        scheduler.step()
