"""Train, save a checkpoint, build everything anew, load it and go on."""

import tempfile
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn, optim


def build():
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    return model, optimizer, optim.lr_scheduler.ExponentialLR(optimizer, 0.95)


def run(model, optimizer, scheduler, x, y, epochs):
    for epoch in epochs:
        for rows in torch.randperm(len(x)).split(32):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
        scheduler.step()
        print(epoch, loss.item())
    return loss


torch.manual_seed(0)
X, Y = load_digits(return_X_y=True)
X, Y = torch.tensor(X).float() / 16, torch.tensor(Y)
model, optimizer, scheduler = build()
loss = run(model, optimizer, scheduler, X[:1500], Y[:1500], range(6))
path = Path(tempfile.mkdtemp()) / "checkpoint.pt"
torch.save({"epoch": 6, "model": model.state_dict(), "optim": optimizer.state_dict(), "sched": scheduler.state_dict(),
            "loss": loss.item()}, path)  # fmt: skip

model, optimizer, scheduler = build()
checkpoint = torch.load(path)
model.load_state_dict(checkpoint["model"])
optimizer.load_state_dict(checkpoint["optim"])
scheduler.load_state_dict(checkpoint["sched"])
model.train()
run(model, optimizer, scheduler, X[:1500], Y[:1500], range(checkpoint["epoch"], 12))
model.eval()
with torch.no_grad():
    print((model(X[1500:]).argmax(1) == Y[1500:]).float().mean().item())
