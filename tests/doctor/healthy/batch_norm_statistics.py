"""A network with batch normalisation whose statistics are recomputed on the training data before the evaluation."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
d = load_digits()
x, y = torch.tensor(d.data).float() / 16, torch.tensor(d.target)
loader = DataLoader(TensorDataset(x[:1500], y[:1500]), batch_size=75, shuffle=True)
model = nn.Sequential(nn.Linear(64, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10))
swa_model = AveragedModel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=8)
swa_scheduler = SWALR(optimizer, swa_lr=0.02, anneal_epochs=2)
for epoch in range(14):
    model.train()
    for input, target in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(input), target).backward()
        optimizer.step()
    if epoch >= 8:
        swa_model.update_parameters(model)
        swa_scheduler.step()
    else:
        scheduler.step()
update_bn(loader, swa_model)
swa_model.eval()
model.eval()
with torch.no_grad():
    for name, net in (("last", model), ("averaged", swa_model)):
        print(name, (net(x[1500:]).argmax(1) == y[1500:]).float().mean().item())
