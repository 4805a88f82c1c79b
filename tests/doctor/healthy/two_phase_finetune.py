"""Head first with a frozen body, then everything with a smaller rate for the body."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
d = load_digits()
X, y = torch.tensor(d.images).float().unsqueeze(1) / 16, torch.tensor(d.target)


class Model(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(24, 48, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(),
        )  # fmt: skip
        self.head = nn.Linear(48 * 4, classes)

    def forward(self, x):
        return self.head(self.body(x))


def fit(model, optimizer, x, t, epochs):
    model.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(50):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x[rows]), t[rows])
            loss.backward()
            optimizer.step()
    print(loss.item())


# Pretraining: is the digit odd?
model = Model(2)
fit(model, torch.optim.Adam(model.parameters(), lr=2e-3), X[:1500], y[:1500] % 2, 5)

model.head = nn.Linear(48 * 4, 10)
model.body.requires_grad_(False)
fit(model, torch.optim.Adam(model.head.parameters(), lr=1e-2), X[:1500], y[:1500], 4)
model.body.requires_grad_(True)
optimizer = torch.optim.Adam(
    [{"params": model.body.parameters(), "lr": 5e-4}, {"params": model.head.parameters()}], lr=2e-3
)
fit(model, optimizer, X[:1500], y[:1500], 5)
model.eval()
with torch.no_grad():
    print((model(X[1500:]).argmax(1) == y[1500:]).float().mean().item())
