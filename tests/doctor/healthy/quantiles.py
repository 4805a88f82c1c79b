"""Three quantiles at once with the pinball loss."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.rand(1000, 2) * 2 - 1
y = x[:, :1] ** 2 + x[:, 1:] + 0.3 * torch.randn(1000, 1) * (1 + x[:, :1])
quantiles = torch.tensor([0.1, 0.5, 0.9])


def pinball(prediction, target):
    error = target - prediction
    return torch.maximum(quantiles * error, (quantiles - 1) * error).mean()


net = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 3))
opt = torch.optim.AdamW(net.parameters(), lr=5e-3)
for epoch in range(25):
    for rows in torch.randperm(800).split(40):
        opt.zero_grad()
        loss = pinball(net(x[rows]), y[rows])
        loss.backward()
        opt.step()
with torch.no_grad():
    print("share below", (y[800:] < net(x[800:])).float().mean(0).tolist())
