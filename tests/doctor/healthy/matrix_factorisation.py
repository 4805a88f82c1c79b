"""Recommend: embeddings of users and items, dot product and biases, squared error."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
users, items = 120, 80
taste, kind = torch.randn(users, 3), torch.randn(items, 3)
pairs = torch.stack([torch.randint(0, users, (6000,)), torch.randint(0, items, (6000,))], 1)
rating = (3 + (taste[pairs[:, 0]] * kind[pairs[:, 1]]).sum(1) * 0.6 + 0.2 * torch.randn(6000)).clamp(1, 5)


class MatrixFactorization(nn.Module):
    def __init__(self, factors=8):
        super().__init__()
        self.user, self.item = nn.Embedding(users, factors), nn.Embedding(items, factors)
        self.user_bias, self.item_bias = nn.Embedding(users, 1), nn.Embedding(items, 1)
        self.mean = nn.Parameter(torch.tensor(3.0))
        for table in (self.user, self.item):
            nn.init.normal_(table.weight, std=0.1)
        for table in (self.user_bias, self.item_bias):
            nn.init.zeros_(table.weight)

    def forward(self, u, i):
        dot = (self.user(u) * self.item(i)).sum(1)
        return dot + self.user_bias(u).squeeze(1) + self.item_bias(i).squeeze(1) + self.mean


model = MatrixFactorization()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-5)
loader = DataLoader(TensorDataset(pairs[:5000], rating[:5000]), batch_size=100, shuffle=True)
for epoch in range(12):
    total = 0.0
    for pair, target in loader:
        loss = nn.functional.mse_loss(model(pair[:, 0], pair[:, 1]), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    with torch.no_grad():
        held = nn.functional.mse_loss(model(pairs[5000:, 0], pairs[5000:, 1]), rating[5000:])
    print(epoch, total / len(loader), held.item())
