"""The inputs of validation or prediction are prepared otherwise than those of training.

Why: A network knows only the scale it was trained on. On inputs that are shifted or stretched its answers are those to
other questions, and the measured accuracy says nothing about it.

Fix: Compute mean and spread on the training examples, and put every input through the same function.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from pellucid.doctor.evidence.data import Batches, Stream
from pellucid.doctor.evidence.flow import TrainingFlows, ancestors
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "data"
FOLDS = ("overfitting", "stale-statistics", "collapsed-output", "constant-input")
# Far beyond what another sample, augmentation or a later season does to most features at once.
RATIO, SHIFT = 2.6, 4.0


def find(batches: Batches, flows: TrainingFlows | None) -> Iterator[Finding]:
    """Compare spread, mean and background value of the training inputs with those of each evaluation."""
    made = {
        call.place
        for flow in (flows.flows if flows is not None else ())
        for call in flow.network_calls
        if any(w.is_trainable for value in call.inputs[:1] for op in ancestors(value) for w in op.weights)
    }
    for stream in batches.evaluation:
        training = [s for s in batches.training if s.network == stream.network and s.place not in made]
        verdicts = [_difference(s, stream) for s in training]
        # Several ways to train (a GAN, two phases): different from all of them.
        if not verdicts or not all(verdicts):
            continue
        text, is_sure = next(verdict for verdict in verdicts if verdict is not None)
        yield Finding(
            where="the evaluation inputs",
            place=stream.place,
            evidence=text,
            fix="mean, std = train_inputs.mean(0), train_inputs.std(0)\ntest_inputs = (test_inputs - mean) / std"
            "  # the training set's own numbers; or pass the same transform to both datasets",
            confidence=0.93 if is_sure else 0.7,
            severity=None if is_sure else "warning",
        )


def _difference(training: Stream, other: Stream) -> tuple[str, bool] | None:
    a, b = _rows(training), _rows(other)
    if a is None or b is None or a.shape[1] != b.shape[1]:
        return None
    before = (
        f"training inputs (at {training.place}) have mean {float(a.mean()):.3g}, spread {float(a.std()):.3g}, range "
    )
    text = f"{before}{float(a.min()):.3g} to {float(a.max()):.3g}; these have mean {float(b.mean()):.3g}, spread "
    text += f"{float(b.std()):.3g}, range {float(b.min()):.3g} to {float(b.max()):.3g}"
    moves = (a.std(0) > 1e-8) & (b.std(0) > 1e-8)
    if bool(moves.any()):
        ratios = (b[:, moves].std(0) / a[:, moves].std(0)).log().abs()
        shifts = (b[:, moves].mean(0) - a[:, moves].mean(0)).abs() / a[:, moves].std(0)
        ratio, shift = float(ratios.median()), float(shifts.median())
        overall = abs(math.log(float(b.std()) / float(a.std())))
        if (ratio > math.log(RATIO) and overall > math.log(RATIO) / 2) or shift > SHIFT:
            return text, True
        alike = [_is_standard(tensor[:, moves]) for tensor in (a, b)]
        if all(alike) and int(moves.sum()) >= 3 and len(set(other.hashes)) < min(4000, 0.8 * len(set(training.hashes))):
            return (
                f"both have mean 0 and spread 1 to the last digit in each feature: each was scaled by its own; {text}",
                False,
            )
    low, high = _background(a), _background(b)
    if low is not None and high is not None and low != high:
        crossed = max(float(torch.eq(a, high).float().mean()), float(torch.eq(b, low).float().mean()))
        if crossed < 0.001:
            return f"the background is {low:.3g} in training and {high:.3g} here; {text}", True
    return None


def _rows(stream: Stream) -> Tensor | None:
    sample = stream.sample
    if sample is None or sample.ndim < 2 or len(set(stream.hashes)) < 16 or not torch.isfinite(sample).all():
        return None
    # Channels of images, features of sequences and rows; shapes may differ otherwise.
    axis = 1 if sample.ndim in (2, 4) else sample.ndim - 1
    return sample.movedim(axis, -1).flatten(0, -2).float()


def _background(rows: Tensor) -> float | None:
    """Return the least value, if much of the data has exactly it: the black of images."""
    least = float(rows.min())
    return least if float((rows == least).float().mean()) > 0.05 else None


def _is_standard(rows: Tensor) -> bool:
    """Return whether each feature has mean 0 and spread 1 exactly, over the different examples."""
    rows = torch.unique(rows, dim=0)
    stds = [rows.std(0, correction=correction) for correction in (0, 1)]
    return bool((rows.mean(0).abs() < 2e-5).all()) and any(bool(((std - 1).abs() < 2e-5).all()) for std in stds)


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = 50 + 9 * torch.randn(512, 8)
    labels = (inputs[:, 0] > 50).long() + (inputs[:, 1] > 50).long()
    train, test = inputs[:384], inputs[384:]
    train = (train - train.mean(0)) / train.std(0)
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(6):
        for rows in torch.randperm(384).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(train[rows]), labels[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        print((network(test).argmax(1) == labels[384:]).float().mean().item())


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = 50 + 9 * torch.randn(512, 8)
    labels = (inputs[:, 0] > 50).long() + (inputs[:, 1] > 50).long()
    train, test = inputs[:384], inputs[384:]
    train, test = (train - train.mean(0)) / train.std(0), (test - train.mean(0)) / train.std(0)
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(6):
        for rows in torch.randperm(384).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(train[rows]), labels[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        print((network(test).argmax(1) == labels[384:]).float().mean().item())
