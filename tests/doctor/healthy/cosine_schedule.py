"""Warm-up then cosine, parameter groups with and without weight decay."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

torch.manual_seed(0)
images, labels = load_digits(return_X_y=True)
images, labels = torch.tensor(images, dtype=torch.float32) / 16, torch.tensor(labels)
train_x, train_y, test_x, test_y = images[:1500], labels[:1500], images[1500:], labels[1500:]

net = nn.Sequential(nn.Linear(64, 96), nn.BatchNorm1d(96), nn.SiLU(), nn.Linear(96, 96), nn.BatchNorm1d(96), nn.SiLU(),
                    nn.Linear(96, 10))  # fmt: skip
decay, no_decay = [], []
for name, parameter in net.named_parameters():
    (no_decay if parameter.ndim < 2 else decay).append(parameter)
optimizer = torch.optim.SGD(
    [{"params": decay, "weight_decay": 5e-4}, {"params": no_decay, "weight_decay": 0.0}],
    lr=0.1, momentum=0.9, nesterov=True,
)  # fmt: skip
epochs = 15
scheduler = SequentialLR(
    optimizer, [LinearLR(optimizer, 0.1, total_iters=3), CosineAnnealingLR(optimizer, T_max=epochs - 3)], milestones=[3]
)
for epoch in range(epochs):
    net.train()
    for rows in torch.randperm(1500).split(100):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(train_x[rows]), train_y[rows])
        loss.backward()
        optimizer.step()
    scheduler.step()
net.eval()
with torch.no_grad():
    print((net(test_x).argmax(1) == test_y).float().mean().item())
