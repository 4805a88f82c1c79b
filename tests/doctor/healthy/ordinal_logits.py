"""Ordered classes: one score, learned cut points, cumulative binary logits."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(1500, 6)
latent = x @ torch.tensor([1.0, -0.5, 0.8, 0.0, 0.3, -1.2]) + 0.5 * x[:, 0] * x[:, 1] + 0.3 * torch.randn(1500)
grade = torch.bucketize(latent, torch.tensor([-1.5, -0.3, 0.6, 1.8]))


class Ordinal(nn.Module):
    def __init__(self, grades):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1))
        self.cuts = nn.Parameter(torch.linspace(-1.0, 1.0, grades - 1))

    def forward(self, x):
        return self.score(x) - self.cuts


net = Ordinal(5)
opt = torch.optim.Adam(net.parameters(), lr=0.01)
levels = torch.arange(4)
for epoch in range(15):
    for rows in torch.randperm(1200).split(50):
        logits = net(x[rows])
        above = (grade[rows, None] > levels).float()
        loss = F.binary_cross_entropy_with_logits(logits, above)
        opt.zero_grad()
        loss.backward()
        opt.step()
with torch.no_grad():
    predicted = (net(x[1200:]) > 0).sum(1)
    print("mean distance", (predicted - grade[1200:]).abs().float().mean().item())
