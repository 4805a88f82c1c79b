"""Mixed precision on the processor: bfloat16 autocast around forward and loss."""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, test_size=0.25, random_state=0, stratify=y)
X_train, X_test = torch.tensor(X_train).float(), torch.tensor(X_test).float()
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

net = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.LayerNorm(128), nn.Linear(128, 10))
opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
for epoch in range(20):
    net.train()
    for idx in torch.randperm(len(X_train)).split(64):
        with torch.autocast(device_type="cpu", dtype=torch.bfloat16):
            loss = nn.functional.cross_entropy(net(X_train[idx]), y_train[idx])
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
net.eval()
with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
    print("accuracy", (net(X_test).argmax(-1) == y_test).float().mean().item())
