"""A LeNet on clothes with SGD and MultiStepLR."""

import gzip

import numpy as np
import torch
from torch import nn

torch.manual_seed(3)


def idx(name, skip, count):
    with gzip.open(f"/usr/share/datasets/fashion-mnist/{name}.gz", "rb") as handle:
        return np.frombuffer(handle.read()[skip:], dtype=np.uint8)[:count]


X = torch.tensor(idx("t10k-images-idx3-ubyte", 16, 5000 * 784).copy()).view(-1, 1, 28, 28).float().div(127.5).sub(1)
Y = torch.tensor(idx("t10k-labels-idx1-ubyte", 8, 5000).astype("int64"))

lenet = nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
    nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
)  # fmt: skip
opt = torch.optim.SGD(lenet.parameters(), lr=0.1)
sched = torch.optim.lr_scheduler.MultiStepLR(opt, milestones=[4, 5], gamma=0.1)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(6):
    lenet.train()
    order = torch.randperm(4500)
    for i in range(0, 4500, 64):
        rows = order[i : i + 64]
        opt.zero_grad()
        loss = loss_fn(lenet(X[rows]), Y[rows])
        loss.backward()
        opt.step()
    sched.step()
    lenet.eval()
    with torch.no_grad():
        print(epoch, loss.item(), (lenet(X[4500:]).argmax(1) == Y[4500:]).float().mean().item())
