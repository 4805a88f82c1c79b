"""A critic with gradient penalty and a generator on a ring of points."""

import math

import torch
from torch import nn

torch.manual_seed(0)
G = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
optG = torch.optim.Adam(G.parameters(), lr=5e-4, betas=(0.0, 0.9))
optD = torch.optim.Adam(D.parameters(), lr=5e-4, betas=(0.0, 0.9))


def ring(count):
    angle = torch.rand(count) * 2 * math.pi
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(count, 2)


def gradient_penalty(real, fake):
    alpha = torch.rand(len(real), 1)
    mixed = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    (gradient,) = torch.autograd.grad(D(mixed).sum(), mixed, create_graph=True)
    return ((gradient.norm(2, dim=1) - 1) ** 2).mean()


for iteration in range(150):
    for _ in range(3):
        real = ring(64)
        fake = G(torch.randn(64, 4)).detach()
        d_loss = D(fake).mean() - D(real).mean() + 10 * gradient_penalty(real, fake)
        optD.zero_grad()
        d_loss.backward()
        optD.step()
    g_loss = -D(G(torch.randn(64, 4))).mean()
    optG.zero_grad()
    g_loss.backward()
    optG.step()
    if iteration % 50 == 0:
        print(iteration, d_loss.item(), g_loss.item())
with torch.no_grad():
    print("radius", G(torch.randn(500, 4)).norm(dim=1).mean().item())
