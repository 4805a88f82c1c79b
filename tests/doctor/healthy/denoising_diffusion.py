"""A diffusion model of points in the plane: predict the noise at a random time."""

import torch
import torch.nn as nn
from sklearn.datasets import make_swiss_roll

torch.manual_seed(0)
points, _ = make_swiss_roll(4000, noise=0.3, random_state=0)
points = torch.tensor(points[:, [0, 2]], dtype=torch.float32)
points = (points - points.mean(0)) / points.std(0)
steps = 50
betas = torch.linspace(1e-3, 0.15, steps)
alphas_bar = torch.cumprod(1 - betas, 0)


class Denoiser(nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.time = nn.Embedding(steps, width)
        self.into = nn.Linear(2, width)
        self.body = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.out = nn.Linear(width, 2)

    def forward(self, x, t):
        return self.out(self.body(self.into(x) + self.time(t)))


model = Denoiser()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for step in range(500):
    x0 = points[torch.randint(0, len(points), (256,))]
    t = torch.randint(0, steps, (256,))
    noise = torch.randn_like(x0)
    a = alphas_bar[t].unsqueeze(1)
    loss = nn.functional.mse_loss(model(a.sqrt() * x0 + (1 - a).sqrt() * noise, t), noise)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(step, loss.item())

with torch.no_grad():
    x = torch.randn(200, 2)
    for i in reversed(range(steps)):
        e = model(x, torch.full((200,), i))
        x = (x - betas[i] / (1 - alphas_bar[i]).sqrt() * e) / (1 - betas[i]).sqrt()
        if i > 0:
            x = x + betas[i].sqrt() * torch.randn_like(x)
    print(x.std(0))
