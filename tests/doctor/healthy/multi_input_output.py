"""Numbers and categories in, a class and a value out, two losses added."""

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
N = 2000
numbers = torch.randn(N, 5)
kind = torch.randint(0, 4, (N,))
place = torch.randint(0, 7, (N,))
effect = torch.tensor([-1.0, 0.0, 0.5, 1.5])
price = numbers[:, 0] - 0.5 * numbers[:, 1] * numbers[:, 2] + effect[kind] + 0.1 * torch.randn(N)
price = (price - price.mean()) / price.std()
rank = (numbers[:, 3] + 0.3 * place - 1 > 0).long() + (numbers[:, 3] + 0.3 * place - 1 > 1).long()


class Table(Dataset):
    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        r = self.rows[i]
        return {"numbers": numbers[r], "kind": kind[r], "place": place[r]}, {"price": price[r], "rank": rank[r]}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.kind = nn.Embedding(4, 3)
        self.place = nn.Embedding(7, 3)
        self.trunk = nn.Sequential(nn.Linear(11, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        self.price = nn.Linear(64, 1)
        self.rank = nn.Linear(64, 3)

    def forward(self, batch):
        h = self.trunk(torch.cat([batch["numbers"], self.kind(batch["kind"]), self.place(batch["place"])], 1))
        return {"price": self.price(h).squeeze(1), "rank": self.rank(h)}


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(10):
    net.train()
    for batch, target in DataLoader(Table(range(1600)), batch_size=64, shuffle=True):
        out = net(batch)
        loss = nn.functional.mse_loss(out["price"], target["price"]) + nn.functional.cross_entropy(
            out["rank"], target["rank"]
        )
        opt.zero_grad()
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        batch, target = next(iter(DataLoader(Table(range(1600, 2000)), batch_size=400)))
        out = net(batch)
        print(epoch, nn.functional.mse_loss(out["price"], target["price"]).item(),
              (out["rank"].argmax(1) == target["rank"]).float().mean().item())  # fmt: skip
