"""Two matrices and a rectifier, trained by gradient descent without modules."""

import torch
from sklearn.datasets import load_digits

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.nn.functional.one_hot(torch.tensor(digits.target), 10).float()

w1 = (torch.randn(64, 100) * (2 / 64) ** 0.5).requires_grad_()
b1 = torch.zeros(100, requires_grad=True)
w2 = (torch.randn(100, 10) * (1 / 100) ** 0.5).requires_grad_()
b2 = torch.zeros(10, requires_grad=True)
parameters = [w1, b1, w2, b2]

for t in range(300):
    h = (x @ w1 + b1).clamp(min=0)
    scores = h @ w2 + b2
    log_p = scores - scores.logsumexp(dim=1, keepdim=True)
    loss = -(log_p * y).sum(dim=1).mean()
    grads = torch.autograd.grad(loss, parameters)
    with torch.no_grad():
        for p, g in zip(parameters, grads):
            p -= 0.5 * g
    if t % 50 == 0:
        print(t, loss.item(), (scores.argmax(1) == y.argmax(1)).float().mean().item())
