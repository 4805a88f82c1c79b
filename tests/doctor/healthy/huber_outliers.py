"""Regression with outliers, HuberLoss, NAdam."""

import numpy as np
import torch
from torch import nn, utils

rng = np.random.default_rng(1)
torch.manual_seed(1)
X = rng.normal(size=(1200, 4)).astype("float32")
Y = (np.tanh(X[:, 0]) + 0.5 * X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=1200)).astype("float32")
Y[rng.choice(1000, 30)] += 5
dataset = utils.data.TensorDataset(torch.from_numpy(X[:1000]), torch.from_numpy(Y[:1000, None]))
net = nn.Sequential(nn.Linear(4, 48), nn.Mish(), nn.Linear(48, 48), nn.Mish(), nn.Linear(48, 1))
criterion = nn.HuberLoss(delta=1.0)
optim = torch.optim.NAdam(net.parameters(), lr=2e-3)
for epoch in range(15):
    net.train()
    for features, target in utils.data.DataLoader(dataset, batch_size=32, shuffle=True):
        optim.zero_grad()
        output = net(features)
        loss = criterion(output, target)
        loss.backward()
        optim.step()
net.eval()
with torch.inference_mode():
    print("MAE", (net(torch.from_numpy(X[1000:]))[:, 0] - torch.from_numpy(Y[1000:])).abs().mean().item())
