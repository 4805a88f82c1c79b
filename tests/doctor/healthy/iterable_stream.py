"""An endless stream of generated examples; the loss is averaged as it goes."""

import itertools

import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset


class Waves(IterableDataset):
    """Sampled waves with a noise, and their frequency."""

    def __iter__(self):
        generator = torch.Generator().manual_seed(5)
        t = torch.linspace(0, 1, 40)
        while True:
            frequency = 1 + 4 * torch.rand((), generator=generator)
            phase = 6.28 * torch.rand((), generator=generator)
            wave = torch.sin(6.28 * frequency * t + phase) + 0.1 * torch.randn(40, generator=generator)
            yield wave, (frequency - 3) / 1.2


torch.manual_seed(0)
net = nn.Sequential(
    nn.Unflatten(1, (1, 40)), nn.Conv1d(1, 16, 7, padding=3), nn.ReLU(), nn.Conv1d(16, 16, 7, stride=2), nn.ReLU(),
    nn.AdaptiveAvgPool1d(4), nn.Flatten(), nn.Linear(64, 1), nn.Flatten(0),
)  # fmt: skip
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
running = None
for step, (waves, targets) in enumerate(itertools.islice(DataLoader(Waves(), batch_size=32), 400)):
    loss = nn.functional.mse_loss(net(waves), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    running = loss.item() if running is None else 0.97 * running + 0.03 * loss.item()
    if step % 100 == 99:
        print(step + 1, round(running, 4))
