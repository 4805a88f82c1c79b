"""Weight norm on one layer, spectral norm on another, orthogonal on a third."""

import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.nn.utils.parametrizations import orthogonal, spectral_norm, weight_norm

torch.manual_seed(0)
data = load_wine()
x = torch.tensor(data.data, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = torch.tensor(data.target)
net = nn.Sequential(
    weight_norm(nn.Linear(13, 32)), nn.ReLU(), orthogonal(nn.Linear(32, 32)), nn.ReLU(), spectral_norm(nn.Linear(32, 3))
)
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for step in range(150):
    net.train()
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(step, loss.item())
net.eval()
print((net(x).argmax(1) == y).float().mean().item())
