"""Mean and variance of a noisy function, GaussianNLLLoss."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.rand(800, 1) * 6 - 3
y = torch.sin(1.5 * x) + (0.05 + 0.15 * x.abs()) * torch.randn(800, 1)


class MeanVariance(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh())
        self.mean = nn.Linear(64, 1)
        self.raw = nn.Linear(64, 1)

    def forward(self, x):
        h = self.shared(x)
        return self.mean(h), nn.functional.softplus(self.raw(h)) + 1e-4


net = MeanVariance()
criterion = nn.GaussianNLLLoss()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(40):
    total = 0.0
    for rows in torch.randperm(800).split(80):
        opt.zero_grad()
        mean, var = net(x[rows])
        loss = criterion(mean, y[rows], var)
        loss.backward()
        opt.step()
        total += loss.item()
    if epoch % 10 == 9:
        print(epoch, total / 10)
