"""Examples that the network is tested on also stand in its training data.

Why: The network has seen the answers: its accuracy on them says how well it remembers, not how well it will do on new
examples.

Fix: Split first, once; then build both sets from the two disjoint parts.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.data import Batches
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "data"
FOLDS = ()


def find(batches: Batches) -> Iterator[Finding]:
    """Compare the hashes of single examples, training against evaluation."""
    trained = {stream.network for stream in batches.training}
    training = {example for stream in batches.training for example in stream.hashes}
    streams = [s for s in batches.evaluation if s.network in trained and len(set(s.hashes)) >= 20]
    shares = [len(training.intersection(s.hashes)) / len(set(s.hashes)) for s in streams]
    has_clean = any(share < 0.02 for share in shares)
    # Discrete data repeats by itself: examples of so few values prove nothing.
    given = sum(min(len(stream.hashes), 4096) for stream in batches.training)
    for stream, share in zip(streams, shares, strict=True):
        covered = len(training.intersection(stream.hashes)) / max(1, len(training))
        # Beside a clean evaluation, or over most of the training data, it is the accuracy in training, which is meant.
        if share < 0.1 or (share > 0.95 and (has_clean or covered > 0.6)) or len(training) < 0.02 * given:
            continue
        yield Finding(
            where="the evaluation data",
            place=stream.place,
            evidence=f"{share:.0%} of the {len(set(stream.hashes))} examples evaluated here are also training examples",
            fix="train, test = torch.utils.data.random_split(dataset, [0.8, 0.2])  # before anything else",
            confidence=0.9,
        )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(512, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    train, test = torch.arange(512), slice(384, 512)
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(5):
        for rows in train[torch.randperm(len(train))].split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        print((network(inputs[test]).argmax(1) == labels[test]).float().mean().item())


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(512, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    train, test = torch.arange(384), slice(384, 512)
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(5):
        for rows in train[torch.randperm(len(train))].split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        print((network(inputs[test]).argmax(1) == labels[test]).float().mean().item())
