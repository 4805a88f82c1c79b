"""A sine from four numbers, with gradients written by hand and no autograd."""

import math

import torch

dtype = torch.float
x = torch.linspace(-math.pi, math.pi, 2000, dtype=dtype)
y = torch.sin(x)

torch.manual_seed(1)
a, b, c, d = (torch.randn((), dtype=dtype) for _ in range(4))

learning_rate = 1e-6
for t in range(2000):
    y_pred = a + b * x + c * x**2 + d * x**3
    loss = (y_pred - y).pow(2).sum().item()
    if t % 200 == 199:
        print(t, loss)
    grad = 2.0 * (y_pred - y)
    a -= learning_rate * grad.sum()
    b -= learning_rate * (grad * x).sum()
    c -= learning_rate * (grad * x**2).sum()
    d -= learning_rate * (grad * x**3).sum()

print(f"y = {a.item():.3f} + {b.item():.3f} x + {c.item():.3f} x^2 + {d.item():.3f} x^3")
