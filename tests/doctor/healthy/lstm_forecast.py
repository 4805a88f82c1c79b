"""Forecast a noisy seasonal series with an LSTM over windows, last step to one number."""

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

np.random.seed(0)
torch.manual_seed(0)
t = np.arange(900)
series = np.sin(2 * np.pi * t / 24) + 0.4 * np.sin(2 * np.pi * t / 7) + 0.1 * np.random.randn(900)
series = series.astype(np.float32)
split, lookback = 700, 24
mean, std = series[:split].mean(), series[:split].std()
scaled = (series - mean) / std


def windows(part):
    X = np.stack([part[i : i + lookback] for i in range(len(part) - lookback)])
    return torch.tensor(X).unsqueeze(-1), torch.tensor(part[lookback:]).unsqueeze(-1)


X_train, y_train = windows(scaled[:split])
X_test, y_test = windows(scaled[split:])


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(input_size=1, hidden_size=32, num_layers=1, batch_first=True)
        self.linear = nn.Linear(32, 1)

    def forward(self, x):
        x, _ = self.lstm(x)
        return self.linear(x[:, -1, :])


model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
loss_fn = nn.MSELoss()
loader = DataLoader(TensorDataset(X_train, y_train), shuffle=True, batch_size=32)
for epoch in range(20):
    model.train()
    for X_batch, y_batch in loader:
        loss = loss_fn(model(X_batch), y_batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        model.eval()
        with torch.no_grad():
            print(
                epoch, np.sqrt(loss_fn(model(X_train), y_train)).item(), np.sqrt(loss_fn(model(X_test), y_test)).item()
            )
