"""The closure form of `step` with SGD."""

import torch
from sklearn.datasets import load_iris
from torch import nn

torch.manual_seed(0)
X, y = load_iris(return_X_y=True)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(y)
order = torch.randperm(150)
train, test = order[:120], order[120:]
model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(40):
    for rows in train[torch.randperm(120)].split(20):

        def closure():
            optimizer.zero_grad()
            loss = loss_fn(model(X[rows]), y[rows])
            loss.backward()
            return loss

        loss = optimizer.step(closure)
print(loss.item(), (model(X[test]).argmax(1) == y[test]).float().mean().item())
