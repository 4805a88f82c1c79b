"""Networks that try a capture: frozen normalisation, dropout, in-place steps, tied weights, state in forward."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


class FrozenInTraining(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.frozen = nn.BatchNorm2d(4)
        self.drop = nn.Dropout2d(0.3)
        self.last = nn.Linear(4 * 8 * 8, 3)
        self.train()
        self.frozen.eval()

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.drop(self.frozen(self.norm(self.convolution(images))))
        logits: Tensor = self.last(functional.relu(hidden).flatten(1))
        return logits


class InPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.relu = nn.ReLU(inplace=True)
        self.second = nn.Linear(6, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        inputs += 1  # writes into what the user gave
        hidden = self.relu(self.first(inputs))
        hidden[:, 0] = 0
        hidden.mul_(2)
        functional.relu(hidden, inplace=True)
        logits: Tensor = self.second(hidden)
        return logits


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.body = nn.LSTM(6, 6, batch_first=True)
        self.head = nn.Linear(6, 11, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        hidden, _ = self.body(self.embedding(tokens))
        logits: Tensor = self.head(hidden)
        return logits


class Restless(nn.Module):
    """Changes its buffers, its attributes and every random generator, and uses one layer twice."""

    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 6)
        self.register_buffer("count", torch.zeros(3))
        self.calls = 0
        self.last: Tensor | None = None
        self.never = nn.Linear(2, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        self.calls += 1
        self.count += 1
        self.count = self.count * 2
        random.random()
        np.random.rand()
        noise = torch.rand_like(inputs)
        self.last = self.layer(self.layer(inputs + noise))
        return self.last


class Functional(nn.Module):
    """No layers at all: weights of its own, and operations on them."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, 3))

    def forward(self, inputs: Tensor, *, scale: float = 1.0) -> Tensor:
        hidden = (inputs @ self.weight) * scale
        return torch.sigmoid(hidden) + hidden.mean(dim=1, keepdim=True)


class Hooked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stack = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
        self.stack[0].register_forward_hook(lambda module, arguments, output: output * 2)
        self.stack.register_forward_pre_hook(lambda module, arguments: (arguments[0] + 1,))

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.stack(inputs)
        return logits


def transformer() -> nn.Module:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.2)
    return nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)


ZOO: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any]]] = {
    "frozen normalisation": (FrozenInTraining, lambda: torch.randn(4, 1, 8, 8)),
    "in place": (InPlace, lambda: torch.randn(4, 6)),
    "tied": (Tied, lambda: torch.randint(0, 11, (2, 5))),
    "restless": (Restless, lambda: torch.randn(4, 6)),
    "functional": (Functional, lambda: torch.randn(4, 6)),
    "hooked": (Hooked, lambda: torch.randn(4, 6)),
    "transformer": (transformer, lambda: torch.randn(2, 5, 8)),
}
