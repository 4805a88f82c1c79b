"""Flax: an `nnx.Module`, a step under `nnx.jit` and a loop over arrays, batch 64; a last short batch is left out."""

from typing import Any

import flax
import jax
import numpy as np
from flax import nnx

from benchmarks.peers.in_jax import loss_of, optimizer_of
from benchmarks.peers.race import HIDDEN, Race


class Network(nnx.Module):  # type: ignore[misc]
    """The network of the race."""

    def __init__(self, values: int, classes: int, rngs: Any) -> None:
        self.first = nnx.Linear(values, HIDDEN, rngs=rngs)
        self.second = nnx.Linear(HIDDEN, HIDDEN, rngs=rngs)
        self.last = nnx.Linear(HIDDEN, classes, rngs=rngs)

    def __call__(self, inputs: Any) -> Any:
        """Return the logits."""
        return self.last(nnx.relu(self.second(nnx.relu(self.first(inputs)))))


def main() -> None:
    """Race."""
    race = Race()
    inputs, labels, classes = race.train_examples()
    batch_size = race.batch_size(64)
    steps = len(labels) // batch_size
    model = Network(inputs.shape[1], classes, nnx.Rngs(race.seed))
    optimizer = nnx.Optimizer(model, optimizer_of(race, steps * race.epochs), wrt=nnx.Param)

    def train_step(model: Any, optimizer: Any, batch: Any, answers: Any) -> Any:
        loss, gradients = nnx.value_and_grad(lambda model: loss_of(race, model(batch), answers))(model)
        optimizer.update(model, gradients)
        return loss

    step, answer = nnx.jit(train_step), nnx.jit(lambda model, batch: model(batch))
    random = np.random.default_rng(race.seed)
    for _ in range(race.epochs):
        order = random.permutation(len(labels))[: steps * batch_size].reshape(steps, batch_size)
        for index in order:
            step(model, optimizer, inputs[index], labels[index])
        jax.block_until_ready(nnx.state(model))
        if not race.lap(steps * batch_size, lambda batch: answer(model, batch)):
            break
    race.finish(versions={"jax": jax.__version__, "flax": flax.__version__})


if __name__ == "__main__":
    main()
