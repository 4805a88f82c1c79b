"""Several labels at once, BCEWithLogitsLoss with pos_weight, F1 at 0.5."""

import torch
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import f1_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(7)
X, Y = make_multilabel_classification(1500, n_features=30, n_classes=6, n_labels=2, random_state=4)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X[:1200].mean(0)) / X[:1200].std(0).clamp_min(1e-6)
Y = torch.tensor(Y, dtype=torch.float32)

model = nn.Sequential(nn.Linear(30, 64), nn.LeakyReLU(), nn.Linear(64, 6))
positives = Y[:1200].mean(0)
criterion = nn.BCEWithLogitsLoss(pos_weight=((1 - positives) / positives).clamp(max=5))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)
train = DataLoader(TensorDataset(X[:1200], Y[:1200]), batch_size=32, shuffle=True)
for epoch in range(10):
    running = 0.0
    for inputs, targets in train:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        running += loss.item()
    print(epoch, running / len(train))
model.eval()
with torch.no_grad():
    predicted = (torch.sigmoid(model(X[1200:])) >= 0.5).int()
print("micro F1", f1_score(Y[1200:].int(), predicted, average="micro"))
