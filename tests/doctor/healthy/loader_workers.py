"""Worker processes, random augmentation with torch's generator, pinned off, persistent workers."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset


class Digits(Dataset):
    def __init__(self, augment):
        d = load_digits()
        self.images = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16
        self.targets = torch.tensor(d.target)
        self.augment = augment

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        image = self.images[index]
        if self.augment:
            shift = int(torch.randint(-1, 2, (1,)))
            image = torch.roll(image, shift, dims=2)
        return image, self.targets[index]


def main():
    torch.manual_seed(0)
    order = torch.randperm(1797).tolist()
    train = DataLoader(Subset(Digits(True), order[:1500]), 50, shuffle=True, num_workers=2, persistent_workers=True)
    test = DataLoader(Subset(Digits(False), order[1500:]), 100, num_workers=1)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for epoch in range(6):
        net.train()
        for images, targets in train:
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(images), targets).backward()
            optimizer.step()
    net.eval()
    with torch.no_grad():
        print(sum((net(images).argmax(1) == targets).sum().item() for images, targets in test) / 297)


if __name__ == "__main__":
    main()
