"""Metric learning: embeddings of digits with a triplet margin loss."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
digits = load_digits()


class TripletDigits(Dataset):
    def __init__(self, images, targets):
        self.images = torch.tensor(images, dtype=torch.float32).unsqueeze(1) / 16.0
        self.targets = targets
        self.by_class = {c: np.flatnonzero(targets == c) for c in range(10)}
        self.rng = np.random.default_rng(0)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        label = self.targets[i]
        positive = self.rng.choice(self.by_class[label])
        other = (label + self.rng.integers(1, 10)) % 10
        negative = self.rng.choice(self.by_class[other])
        return self.images[i], self.images[positive], self.images[negative]


class EmbeddingNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.convnet = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.PReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 2), nn.PReLU(), nn.Flatten()
        )
        self.fc = nn.Sequential(nn.Linear(64 * 4, 64), nn.PReLU(), nn.Linear(64, 8))

    def forward(self, x):
        return self.fc(self.convnet(x))


class TripletNet(nn.Module):
    def __init__(self, embedding_net):
        super().__init__()
        self.embedding_net = embedding_net

    def forward(self, x1, x2, x3):
        return self.embedding_net(x1), self.embedding_net(x2), self.embedding_net(x3)


net = EmbeddingNet()
model = TripletNet(net)
criterion = nn.TripletMarginLoss(margin=1.0)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
loader = DataLoader(TripletDigits(digits.images[:1400], digits.target[:1400]), batch_size=64, shuffle=True)
for epoch in range(5):
    model.train()
    losses = []
    for anchor, positive, negative in loader:
        optimizer.zero_grad()
        loss = criterion(*model(anchor, positive, negative))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(epoch, np.mean(losses))

model.eval()
with torch.no_grad():
    reference = net(torch.tensor(digits.images[:1400], dtype=torch.float32).unsqueeze(1) / 16)
    query = net(torch.tensor(digits.images[1400:], dtype=torch.float32).unsqueeze(1) / 16)
    nearest = torch.cdist(query, reference).argmin(1).numpy()
print("nearest neighbour:", (digits.target[nearest] == digits.target[1400:]).mean())
