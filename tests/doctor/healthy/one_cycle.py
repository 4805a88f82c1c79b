"""A residual convolution net, one-cycle schedule stepped per batch."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16 * 2 - 1
labels = torch.tensor(digits.target)
train_dl = DataLoader(TensorDataset(images[:1400], labels[:1400]), batch_size=64, shuffle=True)
valid_dl = DataLoader(TensorDataset(images[1400:], labels[1400:]), batch_size=128)


class ResBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + x)


net = nn.Sequential(
    nn.Conv2d(1, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(), ResBlock(24), nn.MaxPool2d(2),
    ResBlock(24), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10),
)  # fmt: skip
epochs = 6
opt = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=1e-2, epochs=epochs, steps_per_epoch=len(train_dl))
for epoch in range(epochs):
    net.train()
    for xb, yb in train_dl:
        loss = F.cross_entropy(net(xb), yb)
        loss.backward()
        opt.step()
        opt.zero_grad()
        sched.step()
    net.eval()
    with torch.no_grad():
        print(epoch, sum((net(xb).argmax(1) == yb).sum().item() for xb, yb in valid_dl) / 397)
