"""The workers of a DataLoader draw the same random numbers: their augmentation is a repetition.

Why: Each worker is a copy of the program, and of any random generator that the dataset holds. All workers, and those of
every epoch, then draw the very same crops and noise, so there is far less variety than it seems.

Fix: Draw from torch's own generator (torch.rand, torch.randn), which each worker seeds anew, or seed in worker_init_fn.
"""

import hashlib
import multiprocessing
import pickle
from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader, IterableDataset

from pellucid.doctor.evidence.data import Batches, Loader
from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.finding import Finding
from pellucid.tracing.capture import tensors_in

SEVERITY = "warning"
FAMILY = "data"
FOLDS = ("overfitting",)
LOOKS = 8


def find(batches: Batches, flows: TrainingFlows) -> Iterator[Finding]:
    """Let two fresh workers look at one example several times: random, and yet the same in both?"""
    if multiprocessing.get_start_method(allow_none=True) not in (None, "fork"):
        return
    for loader in batches.loaders:
        is_forked_anew = loader.epochs > 1 and not getattr(loader.loader, "persistent_workers", False)
        if not (loader.workers >= 2 or (loader.workers == 1 and is_forked_anew)):
            continue
        if isinstance(loader.dataset, IterableDataset) or getattr(loader.loader, "multiprocessing_context", None):
            continue
        looks = _looks(loader)
        first, second = looks[0::2], looks[1::2]
        if len(looks) == 2 * LOOKS and first == second and len(set(first)) > 1:
            yield Finding(
                where="the training data" if flows.flows else "the data",
                place=loader.place,
                evidence=f"two workers each looked {LOOKS} times at the same example: each saw {len(set(first))} "
                f"different versions, and both saw exactly the same ones; {loader.workers} workers were used",
                fix="noise = torch.randn(shape)  # torch's own generator, which each worker seeds anew\n"
                "# or, in __getitem__: rng = np.random.default_rng(torch.randint(2**31, ()).item())",
                confidence=0.93,
            )


def _looks(loader: Loader) -> list[str]:
    """Return a digest of each look, the two workers in turn."""
    trial: DataLoader[Any] = DataLoader(
        loader.dataset,
        batch_size=1,
        sampler=[0] * (2 * LOOKS),
        num_workers=2,
        collate_fn=_digest,
        worker_init_fn=loader.loader.worker_init_fn,
        timeout=5,
    )
    return list(trial)


def _digest(items: list[Any]) -> str:
    tensors = tensors_in(items[0])
    parts = [t.detach().cpu().contiguous().numpy().tobytes() for t in tensors] if tensors else [pickle.dumps(items[0])]
    return hashlib.sha1(b"".join(parts), usedforsecurity=False).hexdigest()


def sick() -> None:
    import random

    import torch
    from torch import nn
    from torch.utils.data import DataLoader, Dataset

    class Shaken(Dataset[tuple[torch.Tensor, torch.Tensor]]):
        def __init__(self) -> None:
            self.inputs = torch.randn(128, 8)
            self.labels = (self.inputs[:, 0] > 0).long() + (self.inputs[:, 1] > 0).long()
            self.random = random.Random(0)  # noqa: S311

        def __len__(self) -> int:
            return 128

        def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
            return self.inputs[index] + self.random.gauss(0, 0.1), self.labels[index]

    torch.manual_seed(0)
    loader = DataLoader(Shaken(), batch_size=16, shuffle=True, num_workers=2)
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    for _ in range(8):
        for batch, classes in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(batch), classes).backward()
            optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, Dataset

    class Shaken(Dataset[tuple[torch.Tensor, torch.Tensor]]):
        def __init__(self) -> None:
            self.inputs = torch.randn(128, 8)
            self.labels = (self.inputs[:, 0] > 0).long() + (self.inputs[:, 1] > 0).long()

        def __len__(self) -> int:
            return 128

        def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
            return self.inputs[index] + 0.1 * torch.randn(1), self.labels[index]

    torch.manual_seed(0)
    loader = DataLoader(Shaken(), batch_size=16, shuffle=True, num_workers=2)
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    for _ in range(8):
        for batch, classes in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(batch), classes).backward()
            optimizer.step()
