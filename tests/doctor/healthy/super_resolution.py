"""Upscale pictures by two with a sub-pixel convolution network."""

import gzip
from math import log10

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.init as init
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(123)
with gzip.open("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz") as f:
    raw = np.frombuffer(f.read(16 + 784 * 1000), np.uint8, offset=16).reshape(-1, 1, 28, 28)
large = torch.tensor(raw / 255.0, dtype=torch.float32)
small = F.avg_pool2d(large, 2)
train_loader = DataLoader(TensorDataset(small[:800], large[:800]), batch_size=16, shuffle=True)
test_loader = DataLoader(TensorDataset(small[800:], large[800:]), batch_size=50)


class Net(nn.Module):
    def __init__(self, upscale_factor):
        super().__init__()
        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(1, 32, (5, 5), (1, 1), (2, 2))
        self.conv2 = nn.Conv2d(32, 16, (3, 3), (1, 1), (1, 1))
        self.conv4 = nn.Conv2d(16, upscale_factor**2, (3, 3), (1, 1), (1, 1))
        self.pixel_shuffle = nn.PixelShuffle(upscale_factor)
        self._initialize_weights()

    def forward(self, x):
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(x))
        return self.pixel_shuffle(self.conv4(x))

    def _initialize_weights(self):
        init.orthogonal_(self.conv1.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv2.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv4.weight)


model = Net(2)
criterion = nn.MSELoss()
optimizer = optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(1, 6):
    epoch_loss = 0
    for input, target in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(input), target)
        epoch_loss += loss.item()
        loss.backward()
        optimizer.step()
    avg_psnr = 0
    with torch.no_grad():
        for input, target in test_loader:
            avg_psnr += 10 * log10(1 / criterion(model(input), target).item())
    print(f"epoch {epoch}: loss {epoch_loss / len(train_loader):.4f}, {avg_psnr / len(test_loader):.2f} dB")
