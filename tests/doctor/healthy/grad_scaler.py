"""A gradient scaler as on a GPU, disabled where there is none, with unscale and clipping."""

import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
device = "cuda" if torch.cuda.is_available() else "cpu"
use_amp = device == "cuda"
points, sides = make_moons(1200, noise=0.15, random_state=0)
points = torch.tensor(points, dtype=torch.float32)
sides = torch.tensor(sides, dtype=torch.float32).unsqueeze(1)
loader = DataLoader(TensorDataset(points[:1000], sides[:1000]), batch_size=50, shuffle=True)

net = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1)).to(device)
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
loss_fn = nn.BCEWithLogitsLoss()
scaler = torch.amp.GradScaler(device, enabled=use_amp)
for epoch in range(20):
    for input, target in loader:
        with torch.autocast(device_type=device, dtype=torch.float16 if use_amp else torch.bfloat16, enabled=use_amp):
            output = net(input.to(device))
            loss = loss_fn(output, target.to(device))
        scaler.scale(loss).backward()
        scaler.unscale_(opt)
        torch.nn.utils.clip_grad_norm_(net.parameters(), max_norm=1.0)
        scaler.step(opt)
        scaler.update()
        opt.zero_grad()
with torch.no_grad():
    print(((net(points[1000:].to(device)) > 0).cpu() == (sides[1000:] > 0.5)).float().mean().item())
