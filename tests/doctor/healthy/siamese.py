"""Are two digits the same? Twin towers, contrastive loss written out."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(2)
d = load_digits()
X = torch.tensor(d.data / 16.0).float()
Y = torch.tensor(d.target)


class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 16))

    def forward(self, a, b):
        return self.body(a), self.body(b)


def contrastive(a, b, same, margin=2.0):
    distance = F.pairwise_distance(a, b)
    return torch.mean(same * distance.pow(2) + (1 - same) * F.relu(margin - distance).pow(2))


net = Tower()
opt = torch.optim.Adam(net.parameters(), lr=5e-4)
for step in range(400):
    i = torch.randint(0, 1500, (128,))
    j = torch.randint(0, 1500, (128,))
    # Half of the pairs of the same class.
    for k in range(64):
        candidates = (Y[:1500] == Y[i[k]]).nonzero().squeeze(1)
        j[k] = candidates[torch.randint(len(candidates), (1,))]
    same = (Y[i] == Y[j]).float()
    a, b = net(X[i], X[j])
    loss = contrastive(a, b, same)
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    if step % 100 == 0:
        print(step, loss.item())
with torch.no_grad():
    a, b = net(X[1500:1640], X[1640:1780])
    near = F.pairwise_distance(a, b) < 1
    print("right:", (near == (Y[1500:1640] == Y[1640:1780])).float().mean().item())
