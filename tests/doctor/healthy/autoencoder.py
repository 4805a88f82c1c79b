"""A convolutional denoising autoencoder on digits."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
x = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 16


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(32 * 4, 16),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(16, 32 * 4), nn.ReLU(), nn.Unflatten(1, (32, 2, 2)),
            nn.ConvTranspose2d(32, 16, 2, stride=2), nn.ReLU(), nn.ConvTranspose2d(16, 1, 2, stride=2), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x):
        return self.decoder(self.encoder(x))


net = Autoencoder()
opt = torch.optim.Adam(net.parameters(), 2e-3)
for epoch in range(15):
    total = 0.0
    for idx in torch.randperm(1500).split(50):
        clean = x[idx]
        noisy = (clean + 0.1 * torch.randn_like(clean)).clamp(0, 1)
        loss = nn.functional.mse_loss(net(noisy), clean)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
    if epoch % 5 == 4:
        with torch.no_grad():
            held = nn.functional.mse_loss(net(x[1500:]), x[1500:]).item()
        print(epoch, total / 1500, held)
