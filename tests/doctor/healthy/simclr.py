"""Self-supervised contrast of two views (InfoNCE), then a linear probe on frozen features."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(0)
d = load_digits()
images, labels = torch.tensor(d.images).float()[:, None] / 16, torch.tensor(d.target)


def view(x):
    shifts = torch.randint(-1, 2, (2,)).tolist()
    x = torch.roll(x, shifts, dims=(2, 3))
    return x * (0.8 + 0.4 * torch.rand(len(x), 1, 1, 1)) + 0.1 * torch.randn_like(x)


class SimCLR(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        )  # fmt: skip
        self.projector = nn.Sequential(nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 32))

    def forward(self, x):
        h = self.encoder(x)
        return h, F.normalize(self.projector(h), dim=1)


def info_nce(z1, z2, temperature=0.3):
    z = torch.cat([z1, z2])
    similarity = z @ z.t() / temperature
    similarity.fill_diagonal_(-1e9)
    n = len(z1)
    target = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(similarity, target)


model = SimCLR()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(5):
    for rows in torch.randperm(1500).split(100):
        _, z1 = model(view(images[rows]))
        _, z2 = model(view(images[rows]))
        loss = info_nce(z1, z2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("pretrain", epoch, loss.item())

model.eval()
with torch.no_grad():
    hidden = model.encoder(images)
hidden = (hidden - hidden[:1500].mean(0)) / hidden[:1500].std(0).clamp_min(1e-3)
probe = nn.Linear(256, 10)
optimizer = torch.optim.Adam(probe.parameters(), lr=1e-2)
for step in range(100):
    loss = F.cross_entropy(probe(hidden[:1500]), labels[:1500])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print("probe", (probe(hidden[1500:]).argmax(1) == labels[1500:]).float().mean().item())
