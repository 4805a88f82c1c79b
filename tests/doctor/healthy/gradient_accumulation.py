"""Four small batches make one step."""

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(0)
bunch = load_breast_cancer()
features = torch.as_tensor(bunch.data, dtype=torch.float32)
features = (features - features.mean(0)) / features.std(0)
dataset = TensorDataset(features, torch.as_tensor(bunch.target, dtype=torch.float32))
train_set, val_set = random_split(dataset, [469, 100])
train_loader = DataLoader(train_set, batch_size=8, shuffle=True)
val_loader = DataLoader(val_set, batch_size=100)

model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.BCEWithLogitsLoss()
accumulation_steps = 4

for epoch in range(12):
    model.train()
    optimizer.zero_grad()
    for i, (inputs, labels) in enumerate(train_loader):
        outputs = model(inputs).squeeze(1)
        loss = criterion(outputs, labels) / accumulation_steps
        loss.backward()
        if (i + 1) % accumulation_steps == 0 or i + 1 == len(train_loader):
            optimizer.step()
            optimizer.zero_grad()
    model.eval()
    with torch.no_grad():
        for inputs, labels in val_loader:
            predicted = torch.sigmoid(model(inputs).squeeze(1)) > 0.5
            print(epoch, (predicted == labels.bool()).float().mean().item())
