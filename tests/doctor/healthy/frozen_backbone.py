"""Transfer: a convolutional body trained on some classes, frozen, with a new head for others."""

import gzip

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
ROOT = "/usr/share/datasets/fashion-mnist/"
with gzip.open(ROOT + "train-images-idx3-ubyte.gz") as f:
    images = np.frombuffer(f.read(16 + 784 * 6000), np.uint8, offset=16).reshape(-1, 1, 28, 28).copy()
with gzip.open(ROOT + "train-labels-idx1-ubyte.gz") as f:
    labels = np.frombuffer(f.read(8 + 6000), np.uint8, offset=8).astype(np.int64)
images = (torch.from_numpy(images).float() / 255 - 0.286) / 0.353
labels = torch.from_numpy(labels)


class SmallNet(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.AdaptiveAvgPool2d(3),
        )  # fmt: skip
        self.fc = nn.Linear(32 * 9, num_classes)

    def forward(self, x):
        return self.fc(torch.flatten(self.features(x), 1))


# Stage one: the first five classes.
first = labels < 5
source = DataLoader(TensorDataset(images[first], labels[first]), batch_size=64, shuffle=True)
model = SmallNet(5)
optimizer = optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
for epoch in range(3):
    model.train()
    for x, y in source:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    print("source", epoch, loss.item())

# Stage two: keep the features as they are.
for param in model.parameters():
    param.requires_grad = False
model.fc = nn.Linear(model.fc.in_features, 5)
target_x, target_y = images[~first], labels[~first] - 5
train_loader = DataLoader(TensorDataset(target_x[:2000], target_y[:2000]), batch_size=64, shuffle=True)
val_loader = DataLoader(TensorDataset(target_x[2000:], target_y[2000:]), batch_size=256)

optimizer_ft = optim.SGD(model.fc.parameters(), lr=0.01, momentum=0.9)
exp_lr_scheduler = lr_scheduler.StepLR(optimizer_ft, step_size=3, gamma=0.1)
for epoch in range(5):
    model.eval()
    model.fc.train()
    for x, y in train_loader:
        optimizer_ft.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer_ft.step()
    exp_lr_scheduler.step()
    model.eval()
    with torch.no_grad():
        hits = sum((model(x).argmax(1) == y).sum().item() for x, y in val_loader)
    print("target", epoch, hits / len(val_loader.dataset))
