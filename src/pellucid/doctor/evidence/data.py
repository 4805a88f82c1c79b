"""The data that the networks were given, and the loaders it came from."""

from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Stream:
    """What one network was given at one line of the source, over the run.

    Attributes:
        role: "training" if a backward followed the calls, else "evaluation".
        network: The network's name.
        place: "train.py:30".
        sample: The first inputs, up to 2048 examples and 16 MB, one tensor [examples, ...] as given; None if their
            shapes differ or the input is no tensor with a batch dimension.
        hashes: Of single examples (rows of the first input), up to 4096, in the order they were given.
        steps: For each of the hashes, how many optimizer steps were done when the example was given.
        batch_sizes: Of the first 200 calls.
        calls: How many calls there were.
        training_flags: `network.training` at the calls: how often True, how often False.
        grad_flags: Whether gradients were recorded at the calls: how often True, how often False.
        first_step: Optimizer steps done at the first call.
    """

    role: Literal["training", "evaluation"]
    network: str
    place: str | None
    sample: Tensor | None
    hashes: tuple[int, ...]
    steps: tuple[int, ...]
    batch_sizes: tuple[int, ...]
    calls: int
    training_flags: tuple[int, int]
    grad_flags: tuple[int, int]
    first_step: int


@dataclass(frozen=True, eq=False)
class Loader:
    """A DataLoader that was iterated.

    Attributes:
        loader: The object.
        dataset: Its dataset.
        batch_size: As set.
        shuffles: Whether its sampler is random; None if the sampler is of another kind.
        workers: Number of worker processes.
        epochs: How often it was started.
        batches: How many batches it gave.
        labels: Integer labels in the order given in the first epoch (first 1-dimensional integer tensor of the batch).
        label_counts: How often each label was given, over all epochs.
        epoch_hashes: Of each epoch, the hashes of its first 4 batches (all tensors in them).
        example_hashes: Of single examples, up to 4096, of the first epoch (first floating-point tensor).
        place: Where it was first iterated.
    """

    loader: Any
    dataset: Any
    batch_size: int | None
    shuffles: bool | None
    workers: int
    epochs: int
    batches: int
    labels: tuple[int, ...]
    label_counts: dict[int, int]
    epoch_hashes: tuple[tuple[int, ...], ...]
    example_hashes: tuple[int, ...]
    place: str | None


@dataclass(frozen=True, eq=False)
class Batches:
    """Everything that was fed.

    Attributes:
        streams: One for each network, line and role.
        loaders: Every DataLoader, in the order of their first use; `Value.loader` is an index into it.
    """

    streams: tuple[Stream, ...]
    loaders: tuple[Loader, ...]

    @property
    def training(self) -> tuple[Stream, ...]:
        """Streams whose calls a backward followed."""
        return tuple(stream for stream in self.streams if stream.role == "training")

    @property
    def evaluation(self) -> tuple[Stream, ...]:
        """The others."""
        return tuple(stream for stream in self.streams if stream.role == "evaluation")
