"""Load weights and evaluate: no optimizer, no gradients."""

import tempfile
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def network():
    return nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 10))


weights = Path(tempfile.mkdtemp()) / "weights.pt"
torch.manual_seed(0)
torch.save(network().state_dict(), weights)

model = network()
model.load_state_dict(torch.load(weights, weights_only=True))
model.eval()
d = load_digits()
loader = DataLoader(TensorDataset(torch.tensor(d.data).float() / 16, torch.tensor(d.target)), batch_size=100)
correct = 0
loss = 0.0
with torch.no_grad():
    for x, y in loader:
        logits = model(x)
        loss += nn.functional.cross_entropy(logits, y, reduction="sum").item()
        correct += (logits.argmax(1) == y).sum().item()
print(f"{correct / 1797:.3f} {loss / 1797:.3f}")
