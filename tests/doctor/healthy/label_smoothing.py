"""Label smoothing, mixup of the inputs, RAdam."""

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
np.random.seed(0)
X, y = load_digits(return_X_y=True)
X = ((X - X.mean()) / X.std()).astype("float32").reshape(-1, 1, 8, 8)
train = TensorDataset(torch.from_numpy(X[:1400]), torch.from_numpy(y[:1400]))
net = nn.Sequential(
    nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(24, 48, 3, padding=1), nn.ReLU(),
    nn.Flatten(), nn.Linear(48 * 16, 10),
)  # fmt: skip
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
optimizer = torch.optim.RAdam(net.parameters(), lr=3e-3)
for epoch in range(8):
    net.train()
    for images, labels in DataLoader(train, batch_size=50, shuffle=True):
        lam = np.random.beta(0.2, 0.2)
        index = torch.randperm(images.size(0))
        mixed = lam * images + (1 - lam) * images[index]
        outputs = net(mixed)
        loss = lam * criterion(outputs, labels) + (1 - lam) * criterion(outputs, labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
net.eval()
with torch.no_grad():
    print((net(torch.from_numpy(X[1400:])).argmax(1).numpy() == y[1400:]).mean())
