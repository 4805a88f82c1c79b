"""Unequal classes met with a weighted loss and a weighted sampler; balanced accuracy."""

import torch
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.manual_seed(0)
X, y = make_classification(
    2500, 15, n_informative=8, n_classes=3, weights=[0.8, 0.14, 0.06], class_sep=1.6, n_clusters_per_class=1,
    random_state=3, flip_y=0,
)  # fmt: skip
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(y)
counts = torch.bincount(y[:2000])


def fit(loader, criterion):
    net = nn.Sequential(nn.Linear(15, 32), nn.ReLU(), nn.Linear(32, 3))
    opt = torch.optim.Adam(net.parameters(), lr=5e-3)
    for _ in range(8):
        for inputs, labels in loader:
            opt.zero_grad()
            loss = criterion(net(inputs), labels)
            loss.backward()
            opt.step()
    net.eval()
    with torch.no_grad():
        return balanced_accuracy_score(y[2000:], net(X[2000:]).argmax(1))


data = TensorDataset(X[:2000], y[:2000])
weighted = nn.CrossEntropyLoss(weight=counts.sum() / (3 * counts.float()))
print("weighted loss", fit(DataLoader(data, batch_size=64, shuffle=True), weighted))
sampler = WeightedRandomSampler((1.0 / counts.float())[y[:2000]], num_samples=2000)
print("weighted sampler", fit(DataLoader(data, batch_size=64, sampler=sampler), nn.CrossEntropyLoss()))
