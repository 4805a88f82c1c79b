"""Five folds, a fresh network in each, scaled by the training part."""

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold
from torch import nn
from torch.utils.data import DataLoader, SubsetRandomSampler, TensorDataset

torch.manual_seed(42)
X, y = load_breast_cancer(return_X_y=True)
results = []
for fold, (train_ids, test_ids) in enumerate(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)):
    mean, std = X[train_ids].mean(0), X[train_ids].std(0)
    dataset = TensorDataset(torch.tensor((X - mean) / std, dtype=torch.float32), torch.tensor(y))
    trainloader = DataLoader(dataset, batch_size=16, sampler=SubsetRandomSampler(train_ids))
    testloader = DataLoader(dataset, batch_size=16, sampler=SubsetRandomSampler(test_ids))
    network = nn.Sequential(nn.Linear(30, 24), nn.ReLU(), nn.Linear(24, 2))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for epoch in range(8):
        network.train()
        for inputs, targets in trainloader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(inputs), targets)
            loss.backward()
            optimizer.step()
    network.eval()
    correct, total = 0, 0
    with torch.no_grad():
        for inputs, targets in testloader:
            _, predicted = torch.max(network(inputs).data, 1)
            total += targets.size(0)
            correct += (predicted == targets).sum().item()
    results.append(100.0 * correct / total)
    print(f"fold {fold}: {results[-1]:.1f} %")
print(np.mean(results))
