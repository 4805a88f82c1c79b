"""Rare positives with a focal loss, judged by average precision."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score

torch.manual_seed(0)
X, y = make_classification(3000, 20, n_informative=10, weights=[0.9], class_sep=1.5, random_state=0)
X, y = torch.tensor(X).float(), torch.tensor(y).float()
X = (X - X.mean(0)) / X.std(0)


class FocalLoss(nn.Module):
    def __init__(self, alpha=0.75, gamma=2.0):
        super().__init__()
        self.alpha, self.gamma = alpha, gamma

    def forward(self, logits, targets):
        ce = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        p_t = torch.exp(-ce)
        alpha_t = self.alpha * targets + (1 - self.alpha) * (1 - targets)
        return (alpha_t * (1 - p_t) ** self.gamma * ce).mean()


net = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 1))
loss_fn = FocalLoss()
opt = torch.optim.AdamW(net.parameters(), lr=3e-3)
for epoch in range(12):
    for rows in torch.randperm(2400).split(64):
        logits = net(X[rows]).squeeze(-1)
        loss = loss_fn(logits, y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        scores = net(X[2400:]).squeeze(-1)
    print(epoch, average_precision_score(y[2400:], scores))
