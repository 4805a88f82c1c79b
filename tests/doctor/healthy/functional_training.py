"""torch.func: functional_call, grad_and_value, and vmap over an ensemble of three networks."""

import torch
from sklearn.datasets import make_circles
from torch import nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

torch.manual_seed(0)
points, sides = make_circles(500, noise=0.08, factor=0.5, random_state=0)
points, sides = torch.tensor(points).float() * 1.5, torch.tensor(sides).float()


def make():
    return nn.Sequential(nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))


models = [make() for _ in range(3)]
params, buffers = stack_module_state(models)
base = make().to("meta")


def compute_loss(params, buffers, x, t):
    logits = functional_call(base, (params, buffers), (x,)).squeeze(-1)
    return nn.functional.binary_cross_entropy_with_logits(logits, t)


step = vmap(grad_and_value(compute_loss), in_dims=(0, 0, None, None))
for epoch in range(300):
    grads, losses = step(params, buffers, points[:400], sides[:400])
    with torch.no_grad():
        params = {name: value - 0.5 * grads[name] for name, value in params.items()}
    if epoch % 100 == 99:
        print(epoch, losses.tolist())
