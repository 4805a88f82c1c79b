"""Some features of the inputs never change.

Why: A feature with the same value for every example tells nothing; it only acts as a second bias. It often means that a
column was filled, read or joined wrongly.

Fix: Leave these columns out, or look why they are constant.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from pellucid.doctor.evidence.data import Batches
from pellucid.doctor.finding import Finding

SEVERITY = "note"
FAMILY = "data"
FOLDS = ()


def find(batches: Batches) -> Iterator[Finding]:
    """Look for columns of the training examples with one value only."""
    for stream in batches.training:
        sample = stream.sample
        if sample is None or not sample.is_floating_point() or sample.ndim < 2 or len(set(stream.hashes)) < 32:
            continue
        # Features stand along the last dimension of rows and sequences, and along dimension 1 of images.
        columns = sample.movedim(1 if sample.ndim == 4 else -1, 0).flatten(1).float()
        constant = (columns.amax(1) == columns.amin(1)) & torch.isfinite(columns).all(1)
        share = float(constant.float().mean())
        if not 0 < share <= 0.5 or len(columns) < 2 or _is_background(columns, constant):
            continue
        numbers = constant.nonzero().flatten().tolist()
        shown = ", ".join(f"{number} (always {float(columns[number, 0]):.3g})" for number in numbers[:5])
        yield Finding(
            where="the inputs",
            place=stream.place,
            evidence=f"{len(numbers)} of {len(columns)} features have the same value in all "
            f"{len(set(stream.hashes))} training examples looked at: {shown}{' …' if len(numbers) > 5 else ''}",
            fix="varies = train_inputs.std(0) > 0\ninputs = inputs[:, varies]",
            confidence=0.9,
        )
        return


def _is_background(columns: Tensor, constant: Tensor) -> bool:
    """Return whether the constant is what other features often are too: the empty margin of images, counts of 0."""
    values = columns[constant][:, 0]
    often = (columns[~constant] == values[0]).float().mean(1) > 0.05
    return bool(torch.all(values == values[0])) and float(often.float().mean()) > 0.25


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    inputs[:, 5] = 1.0
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
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
