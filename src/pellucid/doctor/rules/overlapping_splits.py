"""Examples that the network is tested on also stand in its training data.

Why: The network has seen the answers: its accuracy on them says how well it remembers, not how well it will do on new
examples.

Fix: Split first, once; then build both sets from the two disjoint parts.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from pellucid.doctor.evidence.data import Batches, Stream
from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.finding import Finding
from pellucid.doctor.progress import is_learned

SEVERITY = "error"
FAMILY = "data"
FOLDS = ()
Examples = frozenset[int]


def find(batches: Batches, flows: TrainingFlows | None) -> Iterator[Finding]:
    """Compare the hashes of single examples, those a network trained on against those it was evaluated on."""
    targets = [loss.targets for loss in flows.first.losses if loss.targets is not None] if flows is not None else []
    if targets and all(is_learned(value) for value in targets):
        return  # a player's own estimates: it acts in the states that it then learns from
    for network in dict.fromkeys(stream.network for stream in batches.training):
        streams = [stream for stream in batches.training if stream.network == network]
        training: Examples = frozenset().union(*(stream.hashes for stream in streams))
        # Discrete data repeats by itself: examples of so few values prove nothing.
        if len(training) < 0.02 * sum(min(len(stream.hashes), 4096) for stream in streams):
            continue
        evaluated = [stream for stream in batches.evaluation if stream.network == network]
        if _is_played(streams, evaluated):
            continue
        sets = list(_sets(batches, evaluated, training))
        shares = [len(training & examples) / len(examples) for _, examples in sets]
        has_clean = any(share < 0.02 for share in shares)
        for (place, examples), share in zip(sets, shares, strict=True):
            covered = len(training & examples) / max(1, len(training))
            # Beside a clean evaluation, or over most of the training data, it is the accuracy in training: it is meant.
            if share < 0.1 or (share > 0.95 and (has_clean or covered > 0.6)):
                continue
            yield Finding(
                where="the evaluation data",
                place=place,
                evidence=f"{share:.0%} of the {len(examples)} examples evaluated here are also training examples",
                fix="train, test = torch.utils.data.random_split(dataset, [0.8, 0.2])  # before anything else",
                confidence=0.9,
            )


def _sets(batches: Batches, streams: Sequence[Stream], training: Examples) -> Iterator[tuple[str | None, Examples]]:
    """Yield what was evaluated as it was split: by loader where loaders gave it, since one line may judge several."""
    loaded = [(loader.place, frozenset(loader.example_hashes)) for loader in batches.loaders]
    everything: Examples = frozenset().union(*(stream.hashes for stream in streams))
    known: Examples = frozenset().union(*(examples for _, examples in loaded))
    for place, examples in loaded:
        if len(examples) >= 20 and len(examples & everything) > 0.5 * len(examples):
            yield place, examples
    for stream in streams:
        for examples in _parts(stream, training):
            if len(examples) >= 20 and len(examples & known) < 0.9 * len(examples):
                yield stream.place, examples


def _parts(stream: Stream, training: Examples) -> list[Examples]:
    """Return what a line evaluated; in two parts if it was given the training examples, and in other calls others."""
    ends = [sum(stream.batch_sizes[:number]) for number in range(len(stream.batch_sizes) + 1)]
    calls = {frozenset(stream.hashes[start:end]) for start, end in pairwise(ends)} - {frozenset()}
    trained = {call for call in calls if len(call & training) > 0.95 * len(call)}
    seen: Examples = frozenset().union(*trained)
    others: Examples = frozenset().union(*(calls - trained))
    is_apart = len(others & training) < 0.02 * len(others) and (len(seen) > 0.6 * len(training) or len(trained) == 1)
    return [seen, others] if seen and others and is_apart else [frozenset(stream.hashes)]


def _is_played(training: Sequence[Stream], evaluated: Sequence[Stream]) -> bool:
    """Return whether examples come up in the run: answered first, again and again, and learned from later."""
    learned, answered = _first_steps(training), _first_steps(evaluated)
    both = learned.keys() & answered.keys()
    before = [answered[example] for example in both if answered[example] <= learned[example]]
    return len(set(before)) > 1 and len(before) > 0.95 * len(both)


def _first_steps(streams: Sequence[Stream]) -> dict[int, int]:
    pairs = sorted(
        (step, example) for stream in streams for example, step in zip(stream.hashes, stream.steps, strict=False)
    )
    return {example: step for step, example in reversed(pairs)}


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
