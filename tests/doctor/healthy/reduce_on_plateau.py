"""California-like table regression: standardised, ReduceLROnPlateau on the validation loss, early stopping."""

import copy

import numpy as np
import torch
from sklearn.datasets import make_friedman1
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X, y = make_friedman1(1500, n_features=10, noise=0.5, random_state=0)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, random_state=1)
sx, sy = StandardScaler().fit(X_train), StandardScaler().fit(y_train.reshape(-1, 1))


def tensors(a, b):
    return TensorDataset(
        torch.from_numpy(sx.transform(a).astype(np.float32)),
        torch.from_numpy(sy.transform(b.reshape(-1, 1)).astype(np.float32)),
    )


train_dl = DataLoader(tensors(X_train, y_train), batch_size=32, shuffle=True)
val_dl = DataLoader(tensors(X_val, y_val), batch_size=256)


class Regressor(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.hidden1 = nn.Linear(features, 64)
        self.hidden2 = nn.Linear(64, 32)
        self.output = nn.Linear(32, 1)
        self.act = nn.ELU()

    def forward(self, x):
        return self.output(self.act(self.hidden2(self.act(self.hidden1(x)))))


model = Regressor(10)
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.3, patience=2)
mse = nn.MSELoss()
best, best_state, patience = float("inf"), None, 6
for epoch in range(60):
    model.train()
    for xb, yb in train_dl:
        opt.zero_grad()
        loss = mse(model(xb), yb)
        loss.backward()
        opt.step()
    model.eval()
    with torch.no_grad():
        val = np.mean([mse(model(xb), yb).item() for xb, yb in val_dl])
    scheduler.step(val)
    if val < best - 1e-4:
        best, best_state, patience = val, copy.deepcopy(model.state_dict()), 6
    else:
        patience -= 1
        if patience == 0:
            break
model.load_state_dict(best_state)
print("stopped after", epoch + 1, "epochs; validation MSE", best)
